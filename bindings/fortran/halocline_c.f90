!> The functions of halocline.h, as Fortran calls them; programs use the module `halocline`.
module halocline_c
  use, intrinsic :: iso_c_binding
  implicit none
  public
  integer(c_int), parameter :: type32 = 4, type64 = 8

  interface
    function c_version() bind(c, name="hcl_version") result(text)
      import :: c_ptr
      type(c_ptr) :: text
    end function
    function c_message() bind(c, name="hcl_error_message") result(text)
      import :: c_ptr
      type(c_ptr) :: text
    end function
    function c_strlen(text) bind(c, name="strlen") result(length)
      import :: c_ptr, c_size_t
      type(c_ptr), value :: text
      integer(c_size_t) :: length
    end function
    function c_context_new(comm, threads, context) bind(c, name="hcl_f_context_new") result(code)
      import :: c_int, c_ptr
      integer, value :: comm
      integer(c_int), value :: threads
      type(c_ptr) :: context
      integer(c_int) :: code
    end function
    function c_context_rank(context, rank, size) bind(c, name="hcl_context_rank") result(code)
      import :: c_int, c_ptr
      type(c_ptr), value :: context
      integer(c_int) :: rank, size, code
    end function
    subroutine c_context_free(context) bind(c, name="hcl_context_free")
      import :: c_ptr
      type(c_ptr), value :: context
    end subroutine
    function c_blocks_new(context, ndims, shape, start, count, blocks) bind(c, name="hcl_blocks_new") result(code)
      import :: c_int, c_ptr, c_size_t
      type(c_ptr), value :: context
      integer(c_int), value :: ndims
      integer(c_size_t) :: shape(*), start(*), count(*)
      type(c_ptr) :: blocks
      integer(c_int) :: code
    end function
    function c_blocks_even(context, ndims, shape, parts, blocks) bind(c, name="hcl_blocks_even") result(code)
      import :: c_int, c_ptr, c_size_t
      type(c_ptr), value :: context
      integer(c_int), value :: ndims
      integer(c_size_t) :: shape(*), parts(*)
      type(c_ptr) :: blocks
      integer(c_int) :: code
    end function
    function c_blocks_get(blocks, rank, start, count) bind(c, name="hcl_blocks_get") result(code)
      import :: c_int, c_ptr, c_size_t
      type(c_ptr), value :: blocks
      integer(c_int), value :: rank
      integer(c_size_t) :: start(*), count(*)
      integer(c_int) :: code
    end function
    subroutine c_blocks_free(blocks) bind(c, name="hcl_blocks_free")
      import :: c_ptr
      type(c_ptr), value :: blocks
    end subroutine
    function c_redistribute(context, from, kind, data, strides, to, out, out_strides) &
        bind(c, name="hcl_redistribute") result(code)
      import :: c_int, c_ptr, c_ptrdiff_t
      type(c_ptr), value :: context, from, data, to, out
      integer(c_int), value :: kind
      integer(c_ptrdiff_t) :: strides(*), out_strides(*)
      integer(c_int) :: code
    end function
    function c_halo_new(context, blocks, options, halo) bind(c, name="hcl_halo_new") result(code)
      import :: c_int, c_ptr, c_char
      type(c_ptr), value :: context, blocks
      character(kind=c_char) :: options(*)
      type(c_ptr) :: halo
      integer(c_int) :: code
    end function
    function c_halo_exchange(halo, kind, field, strides) bind(c, name="hcl_halo_exchange") result(code)
      import :: c_int, c_ptr, c_ptrdiff_t
      type(c_ptr), value :: halo, field
      integer(c_int), value :: kind
      integer(c_ptrdiff_t) :: strides(*)
      integer(c_int) :: code
    end function
    function c_halo_widths(halo, widths) bind(c, name="hcl_halo_widths") result(code)
      import :: c_int, c_ptr, c_size_t
      type(c_ptr), value :: halo
      integer(c_size_t) :: widths(*)
      integer(c_int) :: code
    end function
    subroutine c_halo_free(halo) bind(c, name="hcl_halo_free")
      import :: c_ptr
      type(c_ptr), value :: halo
    end subroutine
    function c_insitu_begin(context, blocks, kind, options, insitu) bind(c, name="hcl_insitu_begin") result(code)
      import :: c_int, c_ptr, c_char
      type(c_ptr), value :: context, blocks
      character(kind=c_char) :: kind(*), options(*)
      type(c_ptr) :: insitu
      integer(c_int) :: code
    end function
    function c_insitu_axis(insitu, d, values, len, units) bind(c, name="hcl_insitu_axis") result(code)
      import :: c_int, c_ptr, c_char, c_size_t, c_double
      type(c_ptr), value :: insitu
      integer(c_int), value :: d
      real(c_double) :: values(*)
      integer(c_size_t), value :: len
      character(kind=c_char) :: units(*)
      integer(c_int) :: code
    end function
    function c_insitu_push(insitu, time, kind, field, strides) bind(c, name="hcl_insitu_push") result(code)
      import :: c_int, c_ptr, c_double, c_ptrdiff_t
      type(c_ptr), value :: insitu, field
      real(c_double), value :: time
      integer(c_int), value :: kind
      integer(c_ptrdiff_t) :: strides(*)
      integer(c_int) :: code
    end function
    function c_insitu_push2(insitu, time, kind, field, other, strides) bind(c, name="hcl_insitu_push2") result(code)
      import :: c_int, c_ptr, c_double, c_ptrdiff_t
      type(c_ptr), value :: insitu, field, other
      real(c_double), value :: time
      integer(c_int), value :: kind
      integer(c_ptrdiff_t) :: strides(*)
      integer(c_int) :: code
    end function
    function c_insitu_steps(insitu, steps) bind(c, name="hcl_insitu_steps") result(code)
      import :: c_int, c_ptr, c_size_t
      type(c_ptr), value :: insitu
      integer(c_size_t) :: steps
      integer(c_int) :: code
    end function
    function c_insitu_save(insitu, path) bind(c, name="hcl_insitu_save") result(code)
      import :: c_int, c_ptr, c_char
      type(c_ptr), value :: insitu
      character(kind=c_char) :: path(*)
      integer(c_int) :: code
    end function
    function c_insitu_load(insitu, path) bind(c, name="hcl_insitu_load") result(code)
      import :: c_int, c_ptr, c_char
      type(c_ptr), value :: insitu
      character(kind=c_char) :: path(*)
      integer(c_int) :: code
    end function
    function c_insitu_state_size(insitu, bytes) bind(c, name="hcl_insitu_state_size") result(code)
      import :: c_int, c_ptr, c_size_t
      type(c_ptr), value :: insitu
      integer(c_size_t) :: bytes
      integer(c_int) :: code
    end function
    function c_insitu_state_get(insitu, buffer, len) bind(c, name="hcl_insitu_state_get") result(code)
      import :: c_int, c_ptr, c_size_t
      type(c_ptr), value :: insitu, buffer
      integer(c_size_t), value :: len
      integer(c_int) :: code
    end function
    function c_insitu_state_set(insitu, buffer, len) bind(c, name="hcl_insitu_state_set") result(code)
      import :: c_int, c_ptr, c_size_t
      type(c_ptr), value :: insitu, buffer
      integer(c_size_t), value :: len
      integer(c_int) :: code
    end function
    function c_insitu_finish(insitu, path) bind(c, name="hcl_insitu_finish") result(code)
      import :: c_int, c_ptr, c_char
      type(c_ptr), value :: insitu
      character(kind=c_char) :: path(*)
      integer(c_int) :: code
    end function
    subroutine c_insitu_free(insitu) bind(c, name="hcl_insitu_free")
      import :: c_ptr
      type(c_ptr), value :: insitu
    end subroutine
    function c_dataset_open(context, files, count, dataset) bind(c, name="hcl_dataset_open") result(code)
      import :: c_int, c_ptr, c_size_t
      type(c_ptr), value :: context
      type(c_ptr) :: files(*)
      integer(c_size_t), value :: count
      type(c_ptr) :: dataset
      integer(c_int) :: code
    end function
    function c_dataset_shape(dataset, variable, ndims, shape) bind(c, name="hcl_dataset_shape") result(code)
      import :: c_int, c_ptr, c_char, c_size_t
      type(c_ptr), value :: dataset
      character(kind=c_char) :: variable(*)
      integer(c_int) :: ndims
      integer(c_size_t) :: shape(*)
      integer(c_int) :: code
    end function
    function c_dataset_read(dataset, variable, start, count, kind, data, strides) &
        bind(c, name="hcl_dataset_read") result(code)
      import :: c_int, c_ptr, c_char, c_size_t, c_ptrdiff_t
      type(c_ptr), value :: dataset, data
      character(kind=c_char) :: variable(*)
      integer(c_size_t) :: start(*), count(*)
      integer(c_int), value :: kind
      integer(c_ptrdiff_t) :: strides(*)
      integer(c_int) :: code
    end function
    subroutine c_dataset_free(dataset) bind(c, name="hcl_dataset_free")
      import :: c_ptr
      type(c_ptr), value :: dataset
    end subroutine
    function c_eof_new(dataset, variable, modes, eof) bind(c, name="hcl_eof_new") result(code)
      import :: c_int, c_ptr, c_char, c_size_t
      type(c_ptr), value :: dataset
      character(kind=c_char) :: variable(*)
      integer(c_size_t), value :: modes
      type(c_ptr) :: eof
      integer(c_int) :: code
    end function
    function c_eof_sizes(eof, modes, times) bind(c, name="hcl_eof_sizes") result(code)
      import :: c_int, c_ptr, c_size_t
      type(c_ptr), value :: eof
      integer(c_size_t) :: modes, times
      integer(c_int) :: code
    end function
    function c_eof_variance_fraction(eof, out, len) bind(c, name="hcl_eof_variance_fraction") result(code)
      import :: c_int, c_ptr, c_size_t, c_double
      type(c_ptr), value :: eof
      real(c_double) :: out(*)
      integer(c_size_t), value :: len
      integer(c_int) :: code
    end function
    function c_eof_pcs(eof, out, len) bind(c, name="hcl_eof_pcs") result(code)
      import :: c_int, c_ptr, c_size_t, c_double
      type(c_ptr), value :: eof
      real(c_double) :: out(*)
      integer(c_size_t), value :: len
      integer(c_int) :: code
    end function
    subroutine c_eof_free(eof) bind(c, name="hcl_eof_free")
      import :: c_ptr
      type(c_ptr), value :: eof
    end subroutine
  end interface
end module

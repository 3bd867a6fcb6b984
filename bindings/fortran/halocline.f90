!> Halocline for Fortran: see docs/api-fortran.md.
!>
!> Arrays are as Fortran has them: the first dimension is the fastest, indices begin at 1. All
!> subroutines end with two optional arguments: `stat` (0, or the code of an error) and `errmsg`;
!> without `stat` an error ends the program by `error stop`.
module halocline
  use, intrinsic :: iso_c_binding
  use halocline_c
  use, intrinsic :: iso_fortran_env, only: real32, real64, int8, error_unit
  implicit none
  private

  public :: hcl_context, hcl_blocks, hcl_halo, hcl_insitu, hcl_dataset, hcl_eof
  public :: hcl_version, hcl_start, hcl_redistribute

  integer, parameter, public :: hcl_ok = 0, hcl_error_usage = 2, hcl_error_data = 3, hcl_error_system = 4, &
    hcl_error_memory = 5, hcl_error_communication = 6, hcl_error_internal = 70

  !> The ranks of a communicator of the program.
  type :: hcl_context
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure :: rank => context_rank
    procedure :: size => context_size
    procedure :: free => context_free
  end type

  !> Who holds what of a domain.
  type :: hcl_blocks
    private
    type(c_ptr) :: handle = c_null_ptr
    integer :: ndims = 0
  contains
    procedure :: define => blocks_define
    procedure :: even => blocks_even
    procedure :: get => blocks_get
    procedure :: free => blocks_free
  end type

  !> Halos of the program's arrays.
  type :: hcl_halo
    private
    type(c_ptr) :: handle = c_null_ptr
    !> Cells of this rank along each dimension, and of the halo at either end.
    integer, allocatable :: count(:), width(:)
  contains
    procedure :: define => halo_define
    procedure, private :: exchange_r32_2, exchange_r64_2, exchange_r32_3, exchange_r64_3
    !> call x%exchange(array [, stat, errmsg]): the whole array, halos too.
    generic :: exchange => exchange_r32_2, exchange_r64_2, exchange_r32_3, exchange_r64_3
    procedure :: free => halo_free
  end type

  !> An analysis in the running program.
  type :: hcl_insitu
    private
    type(c_ptr) :: handle = c_null_ptr
    integer :: ndims = 0
    !> Cells of this rank along each dimension.
    integer, allocatable :: count(:)
  contains
    procedure :: begin => insitu_begin
    procedure :: axis => insitu_axis
    procedure, private :: push_r32_1, push_r64_1, push_r32_2, push_r64_2, push_r32_3, push_r64_3
    procedure, private :: push2_r32_2, push2_r64_2, push2_r32_3, push2_r64_3
    !> call x%push(time, field [, stat, errmsg]), or (time, field, other, ...) for two fields.
    generic :: push => push_r32_1, push_r64_1, push_r32_2, push_r64_2, push_r32_3, push_r64_3, &
      push2_r32_2, push2_r64_2, push2_r32_3, push2_r64_3
    procedure :: steps => insitu_steps
    procedure :: save => insitu_save
    procedure :: load => insitu_load
    procedure :: get_state => insitu_get_state
    procedure :: set_state => insitu_set_state
    procedure :: finish => insitu_finish
    procedure :: free => insitu_free
  end type

  !> Files as one data set.
  type :: hcl_dataset
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure :: open => dataset_open
    procedure :: shape => dataset_shape
    procedure, private :: read_r32_2, read_r64_2, read_r32_3, read_r64_3
    !> call x%read(variable, start, array [, stat, errmsg]): the box of the array's shape from `start`.
    generic :: read => read_r32_2, read_r64_2, read_r32_3, read_r64_3
    procedure :: close => dataset_close
  end type

  !> Empirical orthogonal functions.
  type :: hcl_eof
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure :: analyse => eof_analyse
    procedure :: variance_fraction => eof_variance_fraction
    procedure :: pcs => eof_pcs
    procedure :: free => eof_free
  end type

  !> call hcl_start(context, comm [, threads, stat, errmsg]): `comm` is an integer of `mpi`, or
  !> `comm%mpi_val` of `mpi_f08`.
  interface hcl_start
    module procedure context_new
  end interface

  !> call hcl_redistribute(context, from, data, to, out [, stat, errmsg]), in two dimensions.
  interface hcl_redistribute
    module procedure redistribute_r32, redistribute_r64
  end interface

contains

  !> The version of the library.
  function hcl_version() result(text)
    character(:), allocatable :: text
    text = text_of(c_version())
  end function

  function text_of(pointer) result(text)
    type(c_ptr), intent(in) :: pointer
    character(:), allocatable :: text
    character(kind=c_char), pointer :: letters(:)
    integer :: i
    call c_f_pointer(pointer, letters, [c_strlen(pointer)])
    allocate(character(size(letters)) :: text)
    do i = 1, size(letters)
      text(i:i) = letters(i)
    end do
  end function

  !> Hands the outcome of a call to whoever asks, or stops.
  subroutine settle(code, stat, errmsg)
    integer(c_int), intent(in) :: code
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    if (code /= 0 .and. present(errmsg)) errmsg = text_of(c_message())
    if (present(stat)) then
      stat = code
    else if (code /= 0) then
      write (error_unit, '(2a)') "halocline: ", text_of(c_message())
      error stop 1
    end if
  end subroutine

  function c_text(text) result(out)
    character(*), intent(in) :: text
    character(kind=c_char), allocatable :: out(:)
    integer :: i
    allocate(out(len_trim(text) + 1))
    do i = 1, len_trim(text)
      out(i) = text(i:i)
    end do
    out(size(out)) = c_null_char
  end function

  !> The order of dimensions turned over, as C has them.
  pure function turned(values) result(out)
    integer, intent(in) :: values(:)
    integer(c_size_t) :: out(size(values))
    out = int(values(size(values):1:-1), c_size_t)
  end function

  subroutine context_new(context, comm, threads, stat, errmsg)
    type(hcl_context), intent(out) :: context
    integer, intent(in) :: comm
    integer, intent(in), optional :: threads
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    integer(c_int) :: wanted
    wanted = 0
    if (present(threads)) wanted = threads
    call settle(c_context_new(comm, wanted, context%handle), stat, errmsg)
  end subroutine

  integer function context_rank(self) result(rank)
    class(hcl_context), intent(in) :: self
    integer(c_int) :: n, size
    call settle(c_context_rank(self%handle, n, size))
    rank = n
  end function

  integer function context_size(self) result(size)
    class(hcl_context), intent(in) :: self
    integer(c_int) :: n, rank
    call settle(c_context_rank(self%handle, rank, n))
    size = n
  end function

  subroutine context_free(self)
    class(hcl_context), intent(inout) :: self
    call c_context_free(self%handle)
    self%handle = c_null_ptr
  end subroutine

  !> This rank holds `count` cells from index `start` (from 1) of a domain of `shape`.
  subroutine blocks_define(self, context, shape, start, count, stat, errmsg)
    class(hcl_blocks), intent(inout) :: self
    type(hcl_context), intent(in) :: context
    integer, intent(in) :: shape(:), start(:), count(:)
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    integer(c_int) :: ndims
    call self%free()
    self%ndims = size(shape)
    ndims = merge(self%ndims, -1, size(start) == size(shape) .and. size(count) == size(shape))
    call settle(c_blocks_new(context%handle, ndims, turned(shape), turned(start - 1), turned(count), self%handle), &
      stat, errmsg)
  end subroutine

  !> `parts` even pieces along each dimension; the last dimension is the slowest to count.
  subroutine blocks_even(self, context, shape, parts, stat, errmsg)
    class(hcl_blocks), intent(inout) :: self
    type(hcl_context), intent(in) :: context
    integer, intent(in) :: shape(:), parts(:)
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    integer(c_int) :: ndims
    call self%free()
    self%ndims = size(shape)
    ndims = merge(self%ndims, -1, size(parts) == size(shape))
    call settle(c_blocks_even(context%handle, ndims, turned(shape), turned(parts), self%handle), stat, errmsg)
  end subroutine

  !> The box of a rank: first index (from 1) and number along each dimension.
  subroutine blocks_get(self, rank, start, count, stat, errmsg)
    class(hcl_blocks), intent(in) :: self
    integer, intent(in) :: rank
    integer, allocatable, intent(out) :: start(:), count(:)
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    integer(c_size_t) :: from(self%ndims), n(self%ndims)
    integer(c_int) :: code
    from = 0
    n = 0
    code = c_blocks_get(self%handle, int(rank, c_int), from, n)
    start = int(from(self%ndims:1:-1)) + 1
    count = int(n(self%ndims:1:-1))
    call settle(code, stat, errmsg)
  end subroutine

  subroutine blocks_free(self)
    class(hcl_blocks), intent(inout) :: self
    call c_blocks_free(self%handle)
    self%handle = c_null_ptr
  end subroutine

  include 'halocline_running.inc'

  subroutine dataset_open(self, context, files, stat, errmsg)
    class(hcl_dataset), intent(inout) :: self
    type(hcl_context), intent(in) :: context
    character(*), intent(in) :: files(:)
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char), target :: names(len(files) + 1, size(files))
    type(c_ptr) :: pointers(size(files))
    integer :: i, k
    call self%close()
    names = c_null_char
    do k = 1, size(files)
      do i = 1, len_trim(files(k))
        names(i, k) = files(k)(i:i)
      end do
      pointers(k) = c_loc(names(1, k))
    end do
    call settle(c_dataset_open(context%handle, pointers, size(files, kind=c_size_t), self%handle), stat, errmsg)
  end subroutine

  !> The shape of a variable: longitude first, time last.
  subroutine dataset_shape(self, variable, shape, stat, errmsg)
    class(hcl_dataset), intent(in) :: self
    character(*), intent(in) :: variable
    integer, allocatable, intent(out) :: shape(:)
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    integer(c_size_t) :: lens(8)
    integer(c_int) :: ndims, code
    ndims = 0
    code = c_dataset_shape(self%handle, c_text(variable), ndims, lens)
    shape = int(lens(ndims:1:-1))
    call settle(code, stat, errmsg)
  end subroutine

  subroutine dataset_close(self)
    class(hcl_dataset), intent(inout) :: self
    call c_dataset_free(self%handle)
    self%handle = c_null_ptr
  end subroutine

  !> The leading modes of a variable.
  subroutine eof_analyse(self, dataset, variable, modes, stat, errmsg)
    class(hcl_eof), intent(inout) :: self
    type(hcl_dataset), intent(in) :: dataset
    character(*), intent(in) :: variable
    integer, intent(in) :: modes
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    call self%free()
    call settle(c_eof_new(dataset%handle, c_text(variable), int(max(modes, 0), c_size_t), self%handle), stat, errmsg)
  end subroutine

  !> The share of variance of each mode.
  subroutine eof_variance_fraction(self, values, stat, errmsg)
    class(hcl_eof), intent(in) :: self
    real(real64), allocatable, intent(out) :: values(:)
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    integer(c_size_t) :: modes, times
    integer(c_int) :: code
    modes = 0
    code = c_eof_sizes(self%handle, modes, times)
    allocate(values(modes))
    if (code == 0) code = c_eof_variance_fraction(self%handle, values, modes)
    call settle(code, stat, errmsg)
  end subroutine

  !> The principal components: (mode, time).
  subroutine eof_pcs(self, values, stat, errmsg)
    class(hcl_eof), intent(in) :: self
    real(real64), allocatable, intent(out) :: values(:, :)
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    integer(c_size_t) :: modes, times
    integer(c_int) :: code
    modes = 0
    times = 0
    code = c_eof_sizes(self%handle, modes, times)
    allocate(values(modes, times))
    if (code == 0) code = c_eof_pcs(self%handle, values, modes * times)
    call settle(code, stat, errmsg)
  end subroutine

  subroutine eof_free(self)
    class(hcl_eof), intent(inout) :: self
    call c_eof_free(self%handle)
    self%handle = c_null_ptr
  end subroutine

  include 'halocline_arrays.inc'

  !> Values from one address to another.
  function step(to, from, bytes) result(values)
    type(c_ptr), intent(in) :: to, from
    integer, intent(in) :: bytes
    integer(c_ptrdiff_t) :: values
    values = (transfer(to, 0_c_ptrdiff_t) - transfer(from, 0_c_ptrdiff_t)) / bytes
  end function
end module

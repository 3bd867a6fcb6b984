!> The pieces by themselves, for a program of the older module `mpi`: reading, modes, redistribution,
!> halos, errors as codes. `pieces FILE VARIABLE` prints the shares of variance of three modes.
program pieces
  use mpi
  use halocline
  use, intrinsic :: iso_fortran_env, only: real32, real64
  implicit none

  type(hcl_context) :: context
  type(hcl_blocks) :: columns, rows, overlapping
  type(hcl_halo) :: halo
  type(hcl_dataset) :: dataset
  type(hcl_eof) :: modes
  type(hcl_insitu) :: means
  character(512) :: file, variable, message
  integer, allocatable :: lens(:), start(:), count(:)
  real(real64), allocatable :: a(:, :), b(:, :), c(:, :), d(:, :), share(:), series(:, :)
  real(real32), allocatable :: box(:, :, :)
  integer :: error, stat, rank, ranks, i, j
  logical :: well

  call MPI_Init(error)
  call get_command_argument(1, file)
  call get_command_argument(2, variable)
  call hcl_start(context, MPI_COMM_WORLD, threads=1)
  rank = context%rank()
  ranks = context%size()
  well = .true.

  ! From columns to rows of an array, and back.
  call columns%even(context, shape=[13, 9], parts=[1, ranks])
  call rows%even(context, shape=[13, 9], parts=[ranks, 1])
  call columns%get(rank, start, count)
  allocate(a(0:count(1) + 1, count(2)), c(count(1), count(2)))
  a = -1
  do j = 1, count(2)
    do i = 1, count(1)
      a(i, j) = 100 * (start(2) + j - 1) + start(1) + i - 1
    end do
  end do
  call rows%get(rank, start, count)
  allocate(b(count(1), count(2)))
  call hcl_redistribute(context, columns, a(1:13, :), rows, b)
  do j = 1, count(2)
    do i = 1, count(1)
      well = well .and. abs(b(i, j) - (100 * (start(2) + j - 1) + start(1) + i - 1)) < 0.5
    end do
  end do
  call hcl_redistribute(context, rows, b, columns, c)
  well = well .and. all(abs(c - a(1:13, :)) < 0.5)

  ! Halos: periodic in the first dimension, the nearest cell beyond the ends of the second.
  call columns%get(rank, start, count)
  call halo%define(context, columns, "width=1; x=periodic; y=nearest")
  allocate(d(0:14, 0:count(2) + 1))
  d = -1
  d(1:13, 1:count(2)) = c
  call halo%exchange(d)
  do j = 0, merge(count(2) + 1, -1, count(2) > 0)
    do i = 0, 14
      well = well .and. abs(d(i, j) - (100 * min(max(start(2) + j - 1, 1), 9) + modulo(i - 1, 13) + 1)) < 0.5
    end do
  end do
  call halo%exchange(d(1:, :), stat=stat)
  well = well .and. (stat == hcl_error_usage .or. any(count == 0))
  call halo%free()

  ! Errors are codes; nothing stops.
  call overlapping%define(context, shape=[4, 4], start=[1, 1], count=[4, 3 + min(rank, 1)], stat=stat, errmsg=message)
  well = well .and. stat == hcl_error_usage .and. len_trim(message) > 0
  call means%begin(context, rows, "stats", "ops=mode", stat=stat)
  well = well .and. stat == hcl_error_usage
  call means%begin(context, rows, "stats", "ops=mean")
  call means%push(0.0_real64, b(:, 1:merge(8, 9, rank == 0)), stat=stat)
  well = well .and. stat == hcl_error_usage
  call means%push(0.0_real64, b, stat=stat)
  well = well .and. stat == hcl_ok .and. means%steps() == 1
  call means%free()
  call dataset%open(context, ["no_such_file.nc"], stat=stat, errmsg=message)
  well = well .and. (stat == hcl_error_data .or. stat == hcl_error_system .or. stat == hcl_error_usage)

  ! A box of a file, longitude first, and its modes.
  call dataset%open(context, [trim(file)])
  call dataset%shape(trim(variable), lens)
  allocate(box(lens(1), lens(2), min(2, lens(size(lens)))))
  call dataset%read(trim(variable), [1, 1, 1], box, stat=stat, errmsg=message)
  well = well .and. stat == hcl_ok
  well = well .and. any(box > 0)
  call modes%analyse(dataset, trim(variable), 3)
  call modes%variance_fraction(share)
  call modes%pcs(series)
  well = well .and. size(series, 1) == 3 .and. size(series, 2) == lens(size(lens))
  if (rank == 0) print '(a, 3f8.4)', "shares of variance:", share
  call modes%free()
  call dataset%close()
  call rows%free()
  call columns%free()
  call context%free()
  call MPI_Finalize(error)
  if (.not. well) error stop 1
end program

!> A small shallow-water model in single precision whose fields are analysed while it runs.
!>
!>   mpirun -n 3 shallow_water FOLDER STEPS
!>
!> Linear waves in a rotating channel, periodic in x, with walls in y, on a C grid. The domain is cut
!> into uneven blocks with halos. FOLDER/dump.nc has the surface and a velocity of all steps, for
!> comparison with what halocline made of them in memory; half way the states go through a restart.
program shallow_water
  use mpi_f08
  use halocline
  use, intrinsic :: iso_fortran_env, only: real32, real64, int8, int32, error_unit
  implicit none

  integer, parameter :: wp = real32, nx = 50, ny = 38
  real(wp), parameter :: gravity = 9.81, depth = 100.0, dx = 1000.0, dt = 15.0, coriolis = 1e-4, drag = 1e-6
  character(*), parameter :: since = "time_units=seconds since 2001-01-01"
  integer, parameter :: n = 6, covariance = 3
  character(11), parameter :: kinds(n) = [character(11) :: "stats", "climatology", "covariance", "histogram", &
    "welch", "eof"]
  character(120), parameter :: options(n) = [character(120) :: &
    "variable=h; units=m; ops=mean,std,min,max,count; " // since, &
    "variable=h; units=m; ops=mean,var; cycle=hour; " // since, &
    "variable=h,u; units=m,m s-1; " // since, &
    "variable=h; units=m; bins=-1:1:40; " // since, &
    "variable=h; units=m; segment=50; window=boxcar; " // since, &
    "variable=h; units=m; modes=4; batch=500; " // since]

  integer :: rank, ranks, px, py, ix, iy, x0, y0, mx, my, steps, t, k, stat, file, i, j
  integer(int32) :: place = 1024
  character(1024) :: folder, word
  real(wp), allocatable :: h(:, :), u(:, :), v(:, :), whole(:, :)
  type(hcl_context) :: context
  type(hcl_blocks) :: blocks
  type(hcl_insitu) :: analysis(n)
  type(hcl_halo) :: halo
  integer(int8), allocatable :: state(:)
  real(real64) :: began, model_time, push_time, time
  real(wp) :: x, y
  logical :: failed

  call MPI_Init_thread(MPI_THREAD_FUNNELED, i)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks)
  call get_command_argument(1, folder)
  call get_command_argument(2, word)
  read (word, *) steps
  failed = .false.
  model_time = 0
  push_time = 0

  ! Uneven blocks; ranks count along y first.
  py = merge(2, 1, mod(ranks, 2) == 0)
  px = ranks / py
  ix = rank / py
  iy = mod(rank, py)
  x0 = edge(nx, px, ix)
  mx = edge(nx, px, ix + 1) - x0
  y0 = edge(ny, py, iy)
  my = edge(ny, py, iy + 1) - y0
  allocate(h(0:mx + 1, 0:my + 1), u(0:mx + 1, 0:my + 1), v(0:mx + 1, 0:my + 1), whole(nx, ny))
  h = 0
  u = 0
  v = 0
  do j = 1, my
    do i = 1, mx
      x = (x0 + i - 0.4 * nx) / 5
      y = (y0 + j - 0.55 * ny) / 4
      h(i, j) = exp(-x**2 - y**2)
    end do
  end do

  call hcl_start(context, MPI_COMM_WORLD%mpi_val, threads=1)
  call blocks%define(context, shape=[nx, ny], start=[x0 + 1, y0 + 1], count=[mx, my])
  call halo%define(context, blocks, "width=1; x=periodic; y=wall")
  do k = 1, n
    call begin(analysis(k), k)
  end do
  if (rank == 0) call open_dump()

  do t = 0, steps - 1
    began = MPI_Wtime()
    call advance()
    model_time = model_time + MPI_Wtime() - began
    began = MPI_Wtime()
    time = t * real(dt, real64)
    ! The inside of the arrays; no copy is made of it.
    do k = 1, n
      if (k == covariance) then
        call analysis(k)%push(time, h(1:mx, 1:my), u(1:mx, 1:my), stat=stat)
      else
        call analysis(k)%push(time, h(1:mx, 1:my), stat=stat)
      end if
      call tell(stat)
    end do
    push_time = push_time + MPI_Wtime() - began
    call gather(h)
    if (rank == 0) call dump_step(0, t)
    call gather(u)
    if (rank == 0) call dump_step(1, t)
    if (t == steps / 2) then
      ! As if the model ended here and began again, with the states in its own restart: of some as
      ! files, of others as bytes.
      do k = 1, n
        if (mod(k, 2) == 0) then
          call analysis(k)%get_state(state)
          call begin(analysis(k), k)
          call analysis(k)%set_state(state)
        else
          call analysis(k)%save(trim(folder) // "/restart." // trim(kinds(k)))
          call begin(analysis(k), k)
          call analysis(k)%load(trim(folder) // "/restart." // trim(kinds(k)))
        end if
        if (analysis(k)%steps() /= t + 1) failed = .true.
      end do
    end if
  end do

  if (rank == 0) close (file)
  do k = 1, n
    call analysis(k)%finish(trim(folder) // "/" // trim(kinds(k)) // ".nc")
    call analysis(k)%free()
  end do
  if (rank == 0) print '(i0, a, f0.1, a, f0.1, a)', ranks, " ranks: ", 1e6 * model_time / steps, &
    " us a step of the model, ", 1e6 * push_time / steps, " us for six pushes"
  call halo%free()
  call blocks%free()
  call context%free()
  call MPI_Finalize()
  if (failed) error stop 1

contains

  !> The k-th of n uneven pieces begins here.
  pure integer function edge(length, n, k)
    integer, intent(in) :: length, n, k
    edge = length * k * (k + 1) / (n * (n + 1))
  end function

  subroutine begin(a, k)
    type(hcl_insitu), intent(inout) :: a
    integer, intent(in) :: k
    integer :: i
    call a%begin(context, blocks, trim(kinds(k)), trim(options(k)))
    call a%axis(1, [(i * real(dx, real64), i = 0, nx - 1)], "m")
    call a%axis(2, [(i * real(dx, real64), i = 0, ny - 1)], "m")
  end subroutine

  subroutine tell(stat)
    integer, intent(in) :: stat
    if (stat /= 0) then
      write (error_unit, *) "a push failed with ", stat
      failed = .true.
    end if
  end subroutine

  subroutine advance()
    integer :: i, j
    real(wp) :: uu, vv, north
    call halo%exchange(h)
    do j = 1, my
      do i = 1, mx
        uu = u(i, j)
        vv = v(i, j)
        u(i, j) = uu + dt * (coriolis * vv - gravity * (h(i, j) - h(i - 1, j)) / dx - drag * uu)
        v(i, j) = 0
        if (y0 + j > 1) v(i, j) = vv + dt * (-coriolis * uu - gravity * (h(i, j) - h(i, j - 1)) / dx - drag * vv)
      end do
    end do
    call halo%exchange(u)
    call halo%exchange(v)
    do j = 1, my
      do i = 1, mx
        north = 0
        if (y0 + j < ny) north = v(i, j + 1)
        h(i, j) = h(i, j) - dt * depth * (u(i + 1, j) - u(i, j) + north - v(i, j)) / dx
      end do
    end do
  end subroutine

  !> The whole domain on rank 0, in `whole`.
  subroutine gather(f)
    real(wp), intent(in) :: f(0:, 0:)
    integer :: own(4), from
    real(wp), allocatable :: part(:, :)
    own = [x0, y0, mx, my]
    allocate(part(mx, my))
    part = f(1:mx, 1:my)
    if (rank > 0) then
      call MPI_Send(own, 4, MPI_INTEGER, 0, 5, MPI_COMM_WORLD)
      call MPI_Send(part, size(part), MPI_REAL, 0, 6, MPI_COMM_WORLD)
      return
    end if
    whole(x0 + 1:x0 + mx, y0 + 1:y0 + my) = part
    do from = 1, ranks - 1
      call MPI_Recv(own, 4, MPI_INTEGER, from, 5, MPI_COMM_WORLD, MPI_STATUS_IGNORE)
      deallocate(part)
      allocate(part(own(3), own(4)))
      call MPI_Recv(part, size(part), MPI_REAL, from, 6, MPI_COMM_WORLD, MPI_STATUS_IGNORE)
      whole(own(1) + 1:own(1) + own(3), own(2) + 1:own(2) + own(4)) = part
    end do
  end subroutine

  ! --- The model's own file: NetCDF classic by hand, big-endian, header of 1024 bytes. ---

  subroutine open_dump()
    integer :: i
    open (newunit=file, file=trim(folder) // "/dump.nc", access="stream", form="unformatted", &
      convert="big_endian", status="replace")
    write (file) "CDF" // achar(1), 0_int32, 10_int32, 3_int32
    call put_name("time")
    write (file) int(steps, int32)
    call put_name("y")
    write (file) int(ny, int32)
    call put_name("x")
    write (file) int(nx, int32), 0_int32, 0_int32, 11_int32, 5_int32
    call put_variable("time", [0], "seconds since 2001-01-01", 6, steps * 8)
    call put_variable("y", [1], "m", 6, ny * 8)
    call put_variable("x", [2], "m", 6, nx * 8)
    call put_variable("h", [0, 1, 2], "m", 5, steps * nx * ny * 4)
    call put_variable("u", [0, 1, 2], "m s-1", 5, steps * nx * ny * 4)
    write (file, pos=1025) [(i * real(dt, real64), i = 0, steps - 1)]
    write (file) [(i * real(dx, real64), i = 0, ny - 1)], [(i * real(dx, real64), i = 0, nx - 1)]
  end subroutine

  subroutine put_name(text)
    character(*), intent(in) :: text
    write (file) int(len(text), int32), text, repeat(achar(0), modulo(-len(text), 4))
  end subroutine

  subroutine put_variable(name, dims, units, kind, bytes)
    character(*), intent(in) :: name, units
    integer, intent(in) :: dims(:), kind, bytes
    call put_name(name)
    write (file) int(size(dims), int32), int(dims, int32), 12_int32, 1_int32
    call put_name("units")
    write (file) 2_int32
    call put_name(units)
    write (file) int(kind, int32), int(bytes, int32), place
    place = place + bytes
  end subroutine

  subroutine dump_step(which, t)
    integer, intent(in) :: which, t
    write (file, pos=1025 + 8 * (steps + nx + ny) + 4 * nx * ny * (which * steps + t)) whole
  end subroutine
end program

#!/usr/bin/env bash
# Halocline with MPICH: builds it beside the build for Open MPI, passes the SPMD suite under MPICH's
# mpirun on 1 to 4 ranks, and runs the main commands on 1 to 4 ranks: their outputs are to be those of
# one process, and if a program for Open MPI is there, those of that program on two ranks. What is
# started by a foreign mpirun is to be refused, not done several times over.
#
# Debian has parallel NetCDF for Open MPI only, so files are written through one rank here
# (the feature `mpi-one-writer`). Installs mpich, libmpich-dev and the serial NetCDF and HDF5
# (libnetcdf-dev, libhdf5-dev) by apt-get if they are not there; `mpicc` and `mpirun` stay those of
# Open MPI.
#
# HALOCLINE_OPENMPI   the program for Open MPI [target/debug/halocline, if it is there]
# The last line is `N passed, N failed`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
top="$PWD"
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

openmpi="${HALOCLINE_OPENMPI:-$top/target/debug/halocline}"
arch="$(gcc -print-multiarch)"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$top/target/mpich}"
export HDF5_USE_FILE_LOCKING=FALSE
# For the program of Open MPI.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none
if ! command -v ssh >/dev/null 2>&1; then export OMPI_MCA_plm_rsh_agent="${OMPI_MCA_plm_rsh_agent:-sh}"; fi

# --- What it needs -------------------------------------------------------------------------
if ! command -v mpicc.mpich >/dev/null || ! command -v mpirun.mpich >/dev/null ||
  [ ! -e /usr/include/netcdf.h ] || [ ! -d "/usr/lib/$arch/hdf5/serial/include" ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    printf '\n!!! SKIPPED: MPICH is not installed (apt-get install mpich libmpich-dev libnetcdf-dev libhdf5-dev)\n0 passed, 0 failed\n'
    exit 0
  fi
  apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
  "${apt[@]}" update
  "${apt[@]}" install -y --no-install-recommends mpich libmpich-dev libnetcdf-dev libhdf5-dev >/dev/null
fi

# --- The build -----------------------------------------------------------------------------
features=(--no-default-features --features mpi-one-writer)
with_mpich=(env MPICC=mpicc.mpich NETCDF_DIR=/usr "HDF5_DIR=/usr/lib/$arch/hdf5/serial")
"${with_mpich[@]}" cargo build -p halocline-cli "${features[@]}"
suite="$("${with_mpich[@]}" cargo test -p halocline "${features[@]}" --test spmd --no-run --message-format=json |
  sed -n 's/.*"executable":"\([^"]*\/spmd-[0-9a-f]*\)".*/\1/p' | tail -n1)"
mpich="$CARGO_TARGET_DIR/debug/halocline"
if ! ldd "$mpich" | grep -q libmpich || ldd "$mpich" | grep -Eq 'libmpi\.so|openmpi'; then
  echo "mpich-test: the program is not linked to MPICH alone"
  exit 1
fi

# --- The checks ----------------------------------------------------------------------------
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export HALOCLINE_CACHE_DIR="$work/cache"
passed=0
failed=0
verdict() {
  if [ "$1" -eq 0 ]; then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$2"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n' "$2"
  fi
}
check() {
  local name="$1" rc=0
  shift
  "$@" >"$work/said" 2>&1 || rc=$?
  if [ "$rc" -ne 0 ]; then tail -n 20 "$work/said"; fi
  verdict "$rc" "$name"
}
under_mpich() { timeout --kill-after=10 600 mpirun.mpich -n "$@"; }

suite_passes() { under_mpich "$1" "$suite" && grep -Eq '(^|[^0-9])[1-9][0-9]* passed, 0 failed' "$work/said"; }
for ranks in 1 2 3 4; do
  check "the SPMD suite on $ranks ranks" suite_passes "$ranks"
done

cd "$work"
"$mpich" -q bench data --shape 60,24,36 -o x.nc
"$mpich" -q bench data --shape 60,24,36 --compress deflate:1 -o y.nc
commands=(
  "stats x.nc --var x --op mean,std,p50"
  "climatology x.nc --var x --by month"
  "eof x.nc --var x --modes 4 --anomaly climatology"
  "spectrum power x.nc --var x --segment 24"
  "filter time x.nc --var x --band 300d,900d --kind butterworth"
  "relate x.nc --var x --with y.nc:x --lags=-1..1"
  "histogram x.nc --var x --bins=-20:20:8"
  "regrid x.nc --var x --to r18x12 --method conservative"
  "calc gradient x.nc --var x"
  "rechunk x.nc --chunks time=all,lat=6,lon=6"
)
same() {
  local ranks="$1" program="$2"
  shift 2
  # shellcheck disable=SC2086
  if [ "$program" = "$mpich" ]; then
    under_mpich "$ranks" "$program" -q $1 -o again.nc
  else
    timeout --kill-after=10 600 mpirun.openmpi -n "$ranks" "$program" -q $1 -o again.nc
  fi && "$mpich" -q compare one.nc again.nc
}
for words in "${commands[@]}"; do
  # shellcheck disable=SC2086
  if ! "$mpich" -q $words -o one.nc >said 2>&1; then
    cat said
    verdict 1 "$words"
    continue
  fi
  for ranks in 1 2 3 4; do
    check "${words%% x.nc*} on $ranks ranks" same "$ranks" "$mpich" "$words"
  done
  if [ -x "$openmpi" ]; then
    check "${words%% x.nc*} beside Open MPI" same 2 "$openmpi" "$words"
  fi
done

# Each rank would do the whole job.
refused() {
  local rc=0
  timeout --kill-after=10 120 "$@" stats x.nc --var x -o silent.nc >"$work/refusal" 2>&1 || rc=$?
  cat "$work/refusal"
  [ "$rc" -ne 0 ] && [ ! -e silent.nc ]
}
told_once() { refused "$@" && [ "$(grep -c '^halocline: ' "$work/refusal")" -eq 1 ]; }
if command -v mpirun.openmpi >/dev/null; then
  check "the mpirun of Open MPI does not start silent singletons" told_once mpirun.openmpi -n 2 "$mpich"
fi
if [ -x "$openmpi" ]; then
  check "the mpirun of MPICH does not start silent singletons" refused mpirun.mpich -n 2 "$openmpi"
fi
check "MPICH without a launcher's variables is refused by srun's" refused env SLURM_STEP_ID=0 SLURM_PROCID=0 \
  SLURM_STEP_NUM_TASKS=2 "$mpich"

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

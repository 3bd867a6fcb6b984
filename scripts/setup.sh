#!/usr/bin/env bash
# Make a Debian (12, 13) or Ubuntu (22.04, 24.04) machine ready to build and run Halocline:
# system packages by apt (with sudo unless root), the Rust toolchain by rustup where none is or
# it is too old. What is there already is left alone; run it as often as you like.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rust_wanted=1.86
packages=(
  gcc libc6-dev pkg-config                              # link
  clang libclang-dev                                    # bindings to MPI are generated
  openmpi-bin libopenmpi-dev                            # MPI
  libhdf5-openmpi-dev libnetcdf-mpi-dev                 # parallel HDF5 and NetCDF
  gfortran make cmake valgrind                          # tests of the C and Fortran bindings
  python3 python3-venv                                  # checkers of files and pages
)

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# The version that `cargo` states is at least the wanted one.
cargo_is_new_enough() {
  local have
  have="$(cargo --version 2>/dev/null | awk '{print $2}')" || return 1
  [ -n "$have" ] && [ "$(printf '%s\n' "$rust_wanted" "$have" | sort -V | head -n1)" = "$rust_wanted" ]
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# shellcheck source=scripts/env.sh
source scripts/env.sh

if cargo_is_new_enough; then need_rust=no; else need_rust=yes; fi
if [ "$need_rust" = yes ]; then packages+=(curl ca-certificates); fi

# --- system packages ---------------------------------------------------------------------
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
  missing=()
  for p in "${packages[@]}"; do installed "$p" || missing+=("$p"); done
  if [ "${#missing[@]}" -gt 0 ]; then
    say "installing ${missing[*]}"
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
      command -v sudo >/dev/null ||
        fail "neither root nor sudo; ask an administrator to run: apt-get install ${missing[*]}"
      as_root=(sudo)
    fi
    # `env` carries the setting through sudo; the lock is waited for, not fought over.
    apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
    # An image may come without package lists, or with stale ones, so they are always fetched.
    "${apt[@]}" update
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
  else
    say "system packages are there"
  fi
elif [ -n "${NETCDF_DIR:-}" ] && [ -n "${HDF5_DIR:-}" ] && command -v mpicc >/dev/null; then
  say "no apt here: taking MPI from $(command -v mpicc), NETCDF_DIR=$NETCDF_DIR, HDF5_DIR=$HDF5_DIR"
else
  cat >&2 <<'TEXT'
setup: this script installs packages on Debian and Ubuntu only. Elsewhere, provide
  - a C compiler and pkg-config
  - libclang, version 9 or later (clang-devel; LIBCLANG_PATH where it is not found by itself)
  - an MPI with its compiler wrapper mpicc on the path (Open MPI or MPICH)
  - HDF5 and NetCDF-C built with that MPI (hdf5-openmpi-devel, netcdf-openmpi-devel on Fedora),
    by modules on a cluster
then tell where the libraries are, and run this again:
  export HDF5_DIR=/path/to/hdf5 NETCDF_DIR=/path/to/netcdf   # each has include/ and lib/
README.md, "On a cluster", has an example, and also the build without MPI.
TEXT
  exit 1
fi

# --- Rust --------------------------------------------------------------------------------
if [ "$need_rust" = yes ]; then
  if command -v rustup >/dev/null; then
    say "updating Rust ($rust_wanted or later is needed)"
    rustup toolchain install stable --profile minimal --component clippy --component rustfmt
    rustup default stable
  else
    say "installing Rust by rustup"
    installer="$(mktemp)"
    trap 'rm -f "$installer"' EXIT
    # Downloaded whole before it runs: half a script is never executed.
    # The second address is the same script at its publisher's file server, for networks that
    # know only that one.
    for url in https://sh.rustup.rs https://static.rust-lang.org/rustup/rustup-init.sh; do
      curl --proto '=https' --tlsv1.2 --retry 2 -sSfL "$url" -o "$installer" && break
      : > "$installer"
    done
    [ -s "$installer" ] || fail "can't download the Rust installer; see https://rustup.rs, then run this again"
    # A distribution's older cargo may stay; the new one goes before it on the path (env.sh).
    RUSTUP_INIT_SKIP_PATH_CHECK=yes sh "$installer" -y --quiet --profile minimal --component clippy,rustfmt
  fi
  # shellcheck source=scripts/env.sh
  source scripts/env.sh
  hash -r
  cargo_is_new_enough || fail "cargo $rust_wanted or later is still not found on the path"
fi
# What scripts/test.sh needs besides the compiler.
if command -v rustup >/dev/null && ! { cargo clippy --version && cargo fmt --version; } >/dev/null 2>&1; then
  rustup component add clippy rustfmt
fi
say "$(cargo --version)"
say "MPI: $(mpicc --version 2>/dev/null | head -n1) by $(command -v mpicc || echo 'no mpicc')"

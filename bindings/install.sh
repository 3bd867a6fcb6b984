#!/usr/bin/env bash
# Install the C library, its header, the Fortran module, pkg-config and CMake files:
#   bindings/install.sh --prefix PREFIX [--profile dev|release]
# --built FOLDER takes the libraries from there, instead of building them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
source scripts/env.sh

prefix="" profile=release folder=""
while [ $# -gt 0 ]; do
  case "$1" in
    --prefix) prefix="${2:?--prefix needs a folder}"; shift 2 ;;
    --profile) profile="${2:?--profile needs dev or release}"; shift 2 ;;
    --built) folder="${2:?--built needs a folder}"; shift 2 ;;
    *) echo "usage: bindings/install.sh --prefix PREFIX [--profile dev|release] [--built FOLDER]" >&2; exit 2 ;;
  esac
done
[ -n "$prefix" ] || { echo "install: name a folder with --prefix" >&2; exit 2; }
case "$profile" in
  dev) built=debug ;;
  release) built=release ;;
  *) echo "install: --profile is dev or release" >&2; exit 2 ;;
esac
mkdir -p "$prefix"
prefix="$(cd "$prefix" && pwd)"

if [ -n "$folder" ]; then
  built="$folder"
else
  cargo build -p halocline-c --profile "$profile"
  built="${CARGO_TARGET_DIR:-target}/$built"
fi
version="$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n1)"

install -d "$prefix/lib/pkgconfig" "$prefix/lib/cmake/halocline" "$prefix/include"
install -m 755 "$built/libhalocline_c.so" "$prefix/lib"
install -m 644 "$built/libhalocline_c.a" "$prefix/lib"
install -m 644 bindings/c/include/halocline.h "$prefix/include"

# What the static library needs besides: NetCDF and HDF5 where they were found, and the system.
static="-L${NETCDF_DIR:-/usr}/lib -L${HDF5_DIR:-/usr}/lib -lnetcdf -lhdf5_hl -lhdf5 -lm -ldl -lpthread -lgcc_s"
for folder in "${NETCDF_DIR:-}" "${HDF5_DIR:-}"; do
  # Debian keeps the parallel libraries in the folder itself.
  if [ -n "$folder" ] && [ ! -d "$folder/lib" ]; then static="-L$folder $static"; fi
done
cat > "$prefix/lib/pkgconfig/halocline.pc" <<TEXT
prefix=$prefix
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: halocline
Description: Analyses of gridded ocean, atmosphere and climate data, in a running program too
Version: $version
Cflags: -I\${includedir}
Libs: -L\${libdir} -Wl,-rpath,\${libdir} -lhalocline_c
Libs.private: $static
TEXT
sed "s|@STATIC_LIBS_CMAKE@|${static// /;}|" bindings/cmake/halocline-config.cmake \
  > "$prefix/lib/cmake/halocline/halocline-config.cmake"
cat > "$prefix/lib/cmake/halocline/halocline-config-version.cmake" <<TEXT
set(PACKAGE_VERSION "$version")
if(PACKAGE_FIND_VERSION VERSION_LESS_EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
TEXT

if command -v mpif90 >/dev/null && mpif90 --version >/dev/null 2>&1; then
  build="$(mktemp -d)"
  trap 'rm -rf "$build"' EXIT
  make -s -C bindings/fortran PREFIX="$prefix" BUILD="$build" install
else
  echo "install: no Fortran compiler behind mpif90, the Fortran module is left out"
fi
echo "installed halocline $version in $prefix"

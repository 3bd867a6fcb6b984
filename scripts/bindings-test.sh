#!/usr/bin/env bash
# The C library and the Fortran module as a stranger uses them: installed to a prefix, models
# compiled against it, run on 1 to 4 ranks, and compared with the analysis of what they wrote;
# thousands of pushes under valgrind. Prints "N passed, M failed".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
source scripts/env.sh

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
prefix="$work/prefix" passed=0 failed=0
export HDF5_USE_FILE_LOCKING=FALSE RAYON_NUM_THREADS=1
# What the build of the whole workspace has made; by itself each package would be compiled anew, for
# other features of what it depends on.
built="${CARGO_TARGET_DIR:-target}/debug"
# HALOCLINE_BUILT: it is all there already, with whatever features it was built for the tests.
[ -n "${HALOCLINE_BUILT:-}" ] || cargo build --workspace --features mpi
program="$built/halocline"

# check NAME COMMAND...: its output is shown when it fails.
check() {
  local name="$1" rc=0
  shift
  timeout --kill-after=10 120 "$@" > "$work/log" 2>&1 || rc=$?
  if [ "$rc" -eq 0 ]; then
    passed=$((passed + 1))
    grep -h 'us a step' "$work/log" || true
  else
    failed=$((failed + 1))
    printf 'FAILED (%s): %s\n' "$rc" "$name"
    cat "$work/log"
  fi
}

check "install" bindings/install.sh --prefix "$prefix" --built "$built"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig:${PKG_CONFIG_PATH:-}"
read -r -a flags <<< "$(pkg-config --cflags --libs halocline)"

# --- compiled as the documentation says -----------------------------------------------------
for example in shallow_water compare pushes; do
  check "C $example" mpicc -std=c11 -O2 -Wall -Wextra -Werror "bindings/c/examples/$example.c" \
    "${flags[@]}" -lm -o "$work/c_$example"
done
read -r -a static <<< "$(pkg-config --static --libs halocline | sed 's/-lhalocline_c//')"
check "C pushes, static" mpicc -std=c11 -O2 bindings/c/examples/pushes.c "-I$prefix/include" \
  "$prefix/lib/libhalocline_c.a" "${static[@]}" -o "$work/c_static"
check "static, on 2 ranks" mpirun -n 2 "$work/c_static" 400 "$work/static.nc"
fortran=no
if mpif90 --version >/dev/null 2>&1; then fortran=yes; fi
if [ "$fortran" = yes ]; then
  for example in shallow_water pieces; do
    check "Fortran $example" mpif90 -O2 -Wall "-J$work" "bindings/fortran/examples/$example.f90" \
      "-I$prefix/include" -lhalocline_fortran "${flags[@]}" -o "$work/f_$example"
  done
else
  echo "SKIPPED: there is no Fortran compiler behind mpif90"
fi
# By CMake, in one project: what is found of MPI is looked for once.
if command -v cmake >/dev/null; then
  mkdir "$work/cmake"
  {
    echo 'cmake_minimum_required(VERSION 3.16)'
    if [ "$fortran" = yes ]; then
      printf 'project(all LANGUAGES C Fortran)\nadd_subdirectory(%s module)\nadd_subdirectory(%s examples)\n' \
        "$PWD/bindings/fortran" "$PWD/bindings/fortran/examples"
    else
      printf 'project(all LANGUAGES C)\nadd_subdirectory(%s examples)\n' "$PWD/bindings/c/examples"
    fi
  } > "$work/cmake/CMakeLists.txt"
  check "CMake configures" cmake -S "$work/cmake" -B "$work/cmake/build" "-DCMAKE_PREFIX_PATH=$prefix"
  check "CMake builds" cmake --build "$work/cmake/build"
else
  echo "SKIPPED: there is no cmake"
fi

# --- models on uneven blocks against the analysis of their files ------------------------------
# offline MODEL FOLDER: what the commands make of the model's own file.
offline() {
  local in="$2/dump.nc" out="$2/offline"
  check "stats of the file" "$program" stats "$in" --var h --op mean,std,min,max,count -o "${out}_stats.nc"
  check "climatology of the file" "$program" climatology "$in" --var h --op mean,var --by hour -o "${out}_climatology.nc"
  check "covariance in the file" "$program" relate "$in" --var h --with "$in:u" --op covariance -o "${out}_covariance.nc"
  if [ "$1" = c ]; then
    check "histogram of the file" "$program" histogram "$in" --var h --bins -1:1:40 --over time -o "${out}_histogram.nc"
    check "spectrum of the file" "$program" spectrum power "$in" --var h --segment 64 --confidence none \
      --frequency-units cycles/hour -o "${out}_welch.nc"
    # In batches, as the model has merged them.
    local first=0 last from to
    while [ "$first" -lt 300 ]; do
      last=$((first + 63 < 299 ? first + 63 : 299))
      from="$(date -u -d "2001-01-01 UTC + $((first * 15)) seconds" +%FT%T)"
      to="$(date -u -d "2001-01-01 UTC + $((last * 15)) seconds" +%FT%T)"
      local update=()
      if [ "$first" -gt 0 ]; then update=(--update); fi
      check "modes of steps $first to $last" "$program" eof "$in" --var h --weights none --modes 4 \
        --time "$from/$to" --state "$2/modes.hcs" "${update[@]}" -o "${out}_eof.nc"
      first=$((first + 64))
    done
  else
    check "histogram of the file" "$program" histogram "$in" --var h --bins -1:1:40 -o "${out}_histogram.nc"
    check "spectrum of the file" "$program" spectrum power "$in" --var h --segment 50 --window boxcar \
      --confidence none -o "${out}_welch.nc"
    check "modes of the file" "$program" eof "$in" --var h --weights none --modes 4 --state "$2/modes.hcs" -o "${out}_eof.nc"
  fi
}
# same MODEL FOLDER OTHER: the files of results have the same bits.
same() {
  local kind only
  for kind in stats climatology covariance histogram welch eof; do
    only=()
    # The command writes the numbers of pairs, too.
    if [ "$kind" = covariance ]; then only=(--var h_covariance); fi
    check "$1: $kind" "$program" compare --data-only "${only[@]}" "$2/$kind.nc" "$3_$kind.nc"
  done
}
for model in c f; do
  [ -x "$work/${model}_shallow_water" ] || continue
  for ranks in 1 2 3 4; do
    folder="$work/$model$ranks"
    mkdir "$folder"
    check "$model model on $ranks ranks" mpirun -n "$ranks" "$work/${model}_shallow_water" "$folder" 300
    if [ "$ranks" -eq 1 ]; then
      offline "$model" "$folder"
    else
      check "$model model, the same waves" cmp "$folder/dump.nc" "$work/${model}1/dump.nc"
    fi
    same "$model on $ranks ranks" "$folder" "$work/${model}1/offline"
  done
done
folder="$work/restarted"
mkdir "$folder"
check "first half on 2 ranks" mpirun -n 2 "$work/c_shallow_water" "$folder" 300 0 137
check "second half on 3 ranks" mpirun -n 3 "$work/c_shallow_water" "$folder" 300 137
same "restarted" "$folder" "$work/c1/offline"
check "compare on 3 ranks" mpirun -n 3 "$work/c_compare" "$folder/stats.nc" "$work/c1/offline_stats.nc" h_mean h_max
if [ "$fortran" = yes ]; then
  for ranks in 1 3; do
    check "pieces on $ranks ranks" mpirun -n "$ranks" "$work/f_pieces" tests/data/ersstv5_sst_201001-202008.nc sst
  done
fi

[ -x "$built/examples/foreign_mpi" ] || check "a Rust host" cargo build -p halocline-c --example foreign_mpi
for ranks in 1 2 4; do
  check "a Rust host on $ranks ranks" mpirun -n "$ranks" "$built/examples/foreign_mpi" \
    tests/data/ersstv5_sst_201001-202008.nc sst
done

# --- errors are codes, and nothing leaks ---------------------------------------------------
for ranks in 1 3; do
  check "errors on $ranks ranks" mpirun -n "$ranks" "$work/c_pushes" 2100 "$work/pushes$ranks.nc"
done
if command -v valgrind >/dev/null; then
  supp=()
  for file in /usr/share/openmpi/openmpi-valgrind.supp "$(command -v mpirun | xargs dirname)/../share/openmpi/openmpi-valgrind.supp"; do
    if [ -f "$file" ]; then supp=("--suppressions=$file" "--suppressions=scripts/valgrind.supp"); break; fi
  done
  check "10000 pushes leak nothing" valgrind --quiet --leak-check=full --show-leak-kinds=definite \
    --errors-for-leak-kinds=definite --error-exitcode=9 "${supp[@]}" \
    "$work/c_pushes" 10000 "$work/leak.nc"
else
  echo "SKIPPED: there is no valgrind"
fi

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

#!/usr/bin/env bash
# Set up a machine and pass all the tests: format, lints, unit and integration tests, the SPMD
# suite on 1 to 4 MPI ranks, documentation. Everything runs; what failed is listed at the end.
#
# HALOCLINE_DATA   folder of larger real data sets; default ../shared/data beside the checkout.
#                  Without it the tests that read it are skipped, and this script says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh
# shellcheck source=scripts/env.sh
source scripts/env.sh

failed=() skipped=() times=()

# section NAME COMMAND...: runs it, notes time and verdict, goes on.
section() {
  local name="$1" start=$SECONDS verdict=ok
  shift
  printf '\n=== %s\n' "$name"
  # Not behind `if` or `||`, where bash would switch errexit off inside the functions run here.
  local rc
  set +e
  ( set -e; "$@" )
  rc=$?
  set -e
  if [ "$rc" -ne 0 ]; then
    verdict="FAILED ($rc)"
    failed+=("$name")
  fi
  times+=("$(printf '%5ds  %-11s %s' "$((SECONDS - start))" "$verdict" "$name")")
  printf -- '--- %s: %s, %d s\n' "$name" "$verdict" "$((SECONDS - start))"
}

skip() {
  printf '\n!!! SKIPPED: %s\n' "$*"
  skipped+=("$*")
}

# Tests make files while others start programs, which inherit open files with their locks: a file
# that is made anew would be found locked.
export HDF5_USE_FILE_LOCKING=FALSE

# One feature set for all sections, with what tests alone ask of the core, so that nothing is compiled twice.
features=(--workspace --features mpi --features halocline-core/conformance)

lint_without_mpi() { cargo clippy --no-default-features -p halocline-cli --all-targets -- -D warnings; }

documentation() {
  # Libraries only: the facade and the binary share a name.
  RUSTDOCFLAGS="-D warnings" cargo doc "${features[@]}" --lib --no-deps
}

spmd_binary() {
  cargo test "${features[@]}" --no-run --message-format=json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*\/spmd-[0-9a-f]*\)".*/\1/p' | tail -n1
}

# The suite under mpirun. Its own last line counts, besides the exit code: a suite that ran
# nothing has not passed.
spmd() {
  local ranks="$1" program="$2" log rc=0
  log="$(mktemp)"
  timeout --kill-after=30 900 mpirun -n "$ranks" "$program" 2>&1 | tee "$log" || rc=$?
  if [ "$rc" -eq 0 ] && ! grep -Eq '(^|[^0-9])[1-9][0-9]* passed, 0 failed' "$log"; then
    echo "the SPMD suite did not report its tests as 'N passed, 0 failed'"
    rc=1
  fi
  rm -f "$log"
  return "$rc"
}

scripts_lint() {
  local files
  mapfile -t files < <(find scripts jobscripts bindings .ci -type f \( -name '*.sh' -o -name '*.sbatch' -o -name '*.pbs' -o -path .ci/run \) | sort)
  shellcheck -x "${files[@]}"
}

data="${HALOCLINE_DATA:-../shared/data}"
if [ -d "$data" ]; then
  HALOCLINE_DATA="$(realpath "$data")"
  export HALOCLINE_DATA
  echo "test: data sets in $HALOCLINE_DATA"
else
  skip "no data sets in '$data' (set HALOCLINE_DATA): tests on the larger real files do nothing"
fi

if cargo fmt --version >/dev/null 2>&1; then
  section "format" cargo fmt --all --check
else
  skip "cargo fmt is not installed (rustup component add rustfmt)"
fi
if cargo clippy --version >/dev/null 2>&1; then
  section "lints" cargo clippy "${features[@]}" --all-targets -- -D warnings
  section "lints without MPI" lint_without_mpi
else
  skip "cargo clippy is not installed (rustup component add clippy)"
  section "check without MPI" cargo check --no-default-features -p halocline-cli --all-targets
fi
if command -v shellcheck >/dev/null; then
  section "scripts" scripts_lint
fi

# With the tests, as these ask more of some dependencies, which would else be compiled twice.
section "build" cargo build "${features[@]}" --lib --bins --tests --examples
# --no-fail-fast: one run shows everything that is broken.
section "tests" cargo test "${features[@]}" --no-fail-fast

suite="$(spmd_binary || true)"
if [ -n "$suite" ]; then
  for ranks in 1 2 3 4; do
    section "SPMD suite on $ranks MPI ranks" spmd "$ranks" "$suite"
  done
else
  failed+=("SPMD suite (not built)")
fi
section "C and Fortran" env HALOCLINE_BUILT=yes scripts/bindings-test.sh
section "documentation" documentation
# Every command's result, made in many ways; what the first makes the second checks.
section "reproducibility" scripts/reproduce.sh --quick --outputs target/cases
section "standards" scripts/standards.sh --outputs target/cases
section "documentation site" scripts/site.sh
section "reports in a browser" scripts/report-browser.sh
section "SLURM cluster" scripts/cluster-test.sh

printf '\n=== summary\n'
printf '%s\n' "${times[@]}"
for s in "${skipped[@]}"; do printf 'SKIPPED: %s\n' "$s"; done
if [ "${#failed[@]}" -gt 0 ]; then
  for f in "${failed[@]}"; do printf 'FAILED: %s\n' "$f"; done
  exit 1
fi
printf 'all passed in %d s\n' "$SECONDS"

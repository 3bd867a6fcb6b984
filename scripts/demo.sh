#!/usr/bin/env bash
# From a fresh machine to a first result: set up, build, an EOF analysis of the sample on two
# MPI ranks, a picture of it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh
# shellcheck source=scripts/env.sh
source scripts/env.sh

echo "demo: building (a few minutes the first time)"
cargo build --release -p halocline-cli
halocline="${CARGO_TARGET_DIR:-target}/release/halocline"
sample=tests/data/ersstv5_sst_201001-202008.nc

mkdir -p out
run() { printf '\n$ %s\n' "$*"; "$@"; }
run mpirun -n 2 "$halocline" eof "$sample" --var sst --anomaly climatology --modes 10 -o out/eof.nc
run "$halocline" plot out/eof.nc -o out/eof.png

printf '\nThe analysis: %s\nThe picture:  %s\nThe program:  %s\n' \
  "$PWD/out/eof.nc" "$PWD/out/eof.png" "$(realpath "$halocline")"

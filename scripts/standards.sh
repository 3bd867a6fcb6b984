#!/usr/bin/env bash
# Do results keep to the standards? Every command's result (scripts/cases) goes through the CF checker
# of the Python package compliance-checker, xarray, ncdump, NCO and CDO (scripts/standards/check.py),
# and through `halocline verify`.
#
#   scripts/standards.sh [--outputs DIR]
#
#   --outputs DIR   results that scripts/reproduce.sh --outputs DIR has made; else they are made here
#
# HALOCLINE          the program [target/debug/halocline]
# STANDARDS_PYTHON   a Python that has compliance-checker and xarray; else an environment is made
#                    below target/, which needs PyPI once. Where that can't be reached, the script says
#                    that it is skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
top="$PWD"
# shellcheck source=scripts/env.sh
source scripts/env.sh

HALOCLINE="$(realpath "${HALOCLINE:-$top/${CARGO_TARGET_DIR:-target}/debug/halocline}")"
CASES_WORK="" outputs=""
if [ "${1:-}" = --outputs ]; then
  CASES_WORK="$(realpath "$2")"
  outputs=given
else
  CASES_WORK="$(mktemp -d)"
  trap 'rm -rf "$CASES_WORK"' EXIT
fi

venv="$top/${CARGO_TARGET_DIR:-target}/standards-venv"
python="${STANDARDS_PYTHON:-$venv/bin/python}"
if ! "$python" -c 'import compliance_checker, xarray' 2>/dev/null; then
  if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet 'compliance-checker==6.1.0' 'xarray>=2024'; }; then
    printf '\n!!! SKIPPED: standards: compliance-checker and xarray can not be had from PyPI\n'
    exit 0
  fi
  python="$venv/bin/python"
fi

# shellcheck source=scripts/cases/lib.sh
source scripts/cases/lib.sh
if [ -z "$outputs" ]; then make_all short; fi

cd "$CASES_WORK/made"
mapfile -t made < <(cat ../lists/* | grep '\.nc$' | sort)
[ "${#made[@]}" -ge 50 ] || { echo "only ${#made[@]} results are there"; exit 1; }
failed=0
"$python" "$cases_dir/../standards/check.py" "${made[@]}" || failed=1

# Each where its inputs are, as paths in records are those of the folders that the commands ran in.
inputs_into "$CASES_WORK/verified"
# shellcheck disable=SC2317 # it is called by processes
verify_one() {
  if ! (cd "$CASES_WORK/verified" && "$HALOCLINE" --mpi no -q verify --input-root . --scratch . "$CASES_WORK/made/$1" > "$1.said" 2>&1); then
    printf 'FAILED: %s: verify: %s\n' "$1" "$(tail -n 1 "$CASES_WORK/verified/$1.said")"
    return 1
  fi
}
export -f verify_one
# shellcheck disable=SC2016 # the processes expand it
printf '%s\n' "${made[@]}" | xargs -P "$(nproc)" -d '\n' -n 1 bash -c 'verify_one $0' || failed=1
rm -rf "$CASES_WORK/verified"
[ "$failed" = 0 ] && echo "all keep to the standards"
exit "$failed"

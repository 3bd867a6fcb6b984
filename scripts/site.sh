#!/usr/bin/env bash
# The documentation as a site, in target/site: every page of docs/, the use cases run from data to
# figure, and the links of all pages checked.
#
#   scripts/site.sh [HALOCLINE]    HALOCLINE: the program [default: target/debug/halocline]
#   scripts/site.sh --figures      also puts the figures of the use cases into docs/use-cases
#
# Makes a Python environment below target/ with MkDocs, which needs the network once.
set -euo pipefail
top="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$top"
# shellcheck source=scripts/env.sh
source scripts/env.sh
keep=no
if [ "${1:-}" = --figures ]; then keep=yes; shift; fi
HALOCLINE="$(realpath "${1:-${CARGO_TARGET_DIR:-target}/debug/halocline}")"
export HALOCLINE

environment="$top/target/site-venv"
if [ ! -x "$environment/bin/mkdocs" ]; then
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check mkdocs==1.6.1 numpy netCDF4
fi
export PYTHON="$environment/bin/python"

passed=0 failed=0
check() {
  local name="$1"
  shift
  if "$@" > "$work/log" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$name"
    sed 's/^/    /' "$work/log"
  fi
}

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
figures() {
  local case="$1" picture
  bash "docs/use-cases/$case.sh" "$work/$case" &&
    for picture in "$work/$case"/*.png; do
      cp "$picture" "$work/$case-$(basename "$picture")"
    done
}
for case in enso mjo amoc; do check "use case $case" figures "$case"; done
if [ "$keep" = yes ]; then
  for picture in $(grep -oh '([a-z0-9-]*\.png)' docs/use-cases/*.md | tr -d '()'); do
    cp "$work/$picture" docs/use-cases/
  done
fi
check "pages, links and commands" "$PYTHON" scripts/site/stage.py . "$work/site"
cp scripts/site/mkdocs.yml "$work/mkdocs.yml"
check "the site" "$environment/bin/mkdocs" build --strict --quiet --config-file "$work/mkdocs.yml" --site-dir "$top/target/site"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]

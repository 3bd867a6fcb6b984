#!/usr/bin/env bash
# Pages of `halocline report` in a real browser: makes one of several results and looks at it in a
# headless Chromium at the width of a phone, of a desk, and in print (scripts/report/browser.py). Says
# that it is skipped where there is no Chromium or no Python.
#
#   scripts/report-browser.sh [FOLDER]     FOLDER: where screenshots and the PDF are kept
#
# HALOCLINE   the program [target/debug/halocline]
# CHROMIUM    the browser [chromium, chromium-browser, google-chrome]
set -euo pipefail
kept=""
if [ $# -gt 0 ]; then
  mkdir -p "$1"
  kept="$(realpath "$1")"
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
top="$PWD"
# shellcheck source=scripts/env.sh
source scripts/env.sh

# Where nobody is asked for a password, what is missing is installed.
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null && ! command -v chromium >/dev/null && [ -z "${CHROMIUM:-}" ]; then
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends chromium >/dev/null 2>&1 || true
fi
chromium="${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}"
if [ -z "$chromium" ] || ! command -v python3 > /dev/null; then
  printf '\n!!! SKIPPED: pages of reports in a browser: there is no Chromium, or no Python\n'
  exit 0
fi
HALOCLINE="$(realpath "${HALOCLINE:-$top/${CARGO_TARGET_DIR:-target}/debug/halocline}")"
CASES_WORK="$(mktemp -d)"
trap 'rm -rf "$CASES_WORK"' EXIT
# shellcheck source=scripts/cases/lib.sh
source scripts/cases/lib.sh
mkdir -p "$CASES_WORK"/{made,lists,one}
for name in stats.nc eof.nc heat.nc power.nc; do
  read -ra words < <(cases | grep "^$name ")
  make_one "${words[@]}"
done
cd "$CASES_WORK/made"
"$HALOCLINE" --mpi no -q report stats.nc eof.nc heat.nc power.nc -o report.html
mkdir -p shots
failed=0
timeout --kill-after=5 120 python3 "$cases_dir/../report/browser.py" "$chromium" report.html shots || failed=1
if [ -n "$kept" ]; then cp shots/* "$kept/"; fi
exit "$failed"

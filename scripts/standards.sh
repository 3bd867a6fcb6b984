#!/bin/bash
# Do outputs keep to the standards? Runs every command on small data (scripts/standards/), then on each
# output: the CF checker of the Python package compliance-checker, xarray with decoding, `halocline
# verify`, and ncdump, ncks and cdo where they are installed.
#
#   scripts/standards.sh [HALOCLINE]      HALOCLINE: the program [default: target/debug/halocline]
#
# Makes a Python environment below target/, which needs the network once. Without it, the script
# fails rather than skips; set STANDARDS_PYTHON to a Python that has compliance-checker and xarray.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${1:-$here/target/debug/halocline}")
python=${STANDARDS_PYTHON:-$here/target/standards-venv/bin/python}
if [ ! -x "$python" ]; then
    python3 -m venv "$here/target/standards-venv"
    "$here/target/standards-venv/bin/pip" install --quiet 'compliance-checker==6.1.0' xarray
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$python" "$here/scripts/standards/inputs.py" .
outputs=()
while read -r output command; do
    case $output in '' | '#'*) continue ;; esac
    # shellcheck disable=SC2086 # the words of a command
    "$program" $command -o "$output" --quiet </dev/null
    outputs+=("$output")
done <"$here/scripts/standards/commands.txt"
outputs+=(anomaly.nc)
echo "$((${#outputs[@]})) outputs"

failed=0
fail() {
    failed=1
    echo "FAILED: $1" >&2
}
for output in "${outputs[@]}"; do
    version=$("$python" -c 'import sys, netCDF4; print(netCDF4.Dataset(sys.argv[1]).Conventions.split("CF-")[1][:3])' "$output")
    # Errors fail; warnings are recommendations.
    "$(dirname "$python")/compliance-checker" --test="cf:$version" --criteria=lenient "$output" >report.txt 2>&1 ||
        { fail "$output: CF $version"; sed -n '/Errors/,/Warnings/p' report.txt >&2; }
    "$python" - "$output" <<'PYTHON' || fail "$output: xarray"
import sys
import xarray

with xarray.open_dataset(sys.argv[1], decode_timedelta=False) as data:
    data.load()
    for name in data.coords:
        assert data[name].size > 0, name
PYTHON
    "$program" verify "$output" --quiet || fail "$output: verify"
    if command -v ncdump >/dev/null; then ncdump "$output" >/dev/null || fail "$output: ncdump"; fi
    if command -v ncks >/dev/null; then ncks "$output" >/dev/null || fail "$output: ncks"; fi
done
# Of maps, CDO is to see the grid and the times.
if command -v cdo >/dev/null; then
    for output in stats.nc climatology.nc anomaly.nc regrid.nc rechunk.nc filter.nc levels.nc; do
        { cdo -s sinfon "$output" >sinfon.txt 2>&1 && grep -q lonlat sinfon.txt; } || fail "$output: cdo"
    done
fi
[ "$failed" = 0 ] && echo "all keep to the standards"
exit "$failed"

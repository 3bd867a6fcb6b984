#!/usr/bin/env bash
# From velocity and temperature to the overturning, its strength at 26 N, and the heat it carries.
#   docs/use-cases/amoc.sh [FOLDER]       results and figures go to FOLDER [out/amoc]
# Makes its own data with Python (numpy, netCDF4); PYTHON names another than python3.
set -euo pipefail
top="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
out="${1:-out/amoc}"
halocline="${HALOCLINE:-halocline}"
mkdir -p "$out"
cd "$out"
"${PYTHON:-python3}" "$top/docs/use-cases/amoc.py" basin.nc

# [overturning] The streamfunction in depth, in Sv.
"$halocline" transport overturning basin.nc --units Sv -o moc.nc
"$halocline" plot moc.nc -o moc.png
# [overturning]

# [strength] Its strength at 26 N, as a series.
"$halocline" stats moc.nc --var msftmz --op max --over lev,lat --box 0,360,25.5,26.5 -o amoc26.nc
"$halocline" plot amoc26.nc -o amoc26.png
# [strength]

# [heat] The heat it carries, and in which way.
"$halocline" transport heat basin.nc --mean -o heat.nc
"$halocline" plot heat.nc -o heat.png
# [heat]

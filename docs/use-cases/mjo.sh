#!/usr/bin/env bash
# From daily tropical cloud to the spectrum of its waves and the pair of patterns of the
# Madden-Julian oscillation.
#   docs/use-cases/mjo.sh [FOLDER]        results and figures go to FOLDER [out/mjo]
# Makes its own data with Python (numpy, netCDF4); PYTHON names another than python3.
set -euo pipefail
top="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
out="${1:-out/mjo}"
halocline="${HALOCLINE:-halocline}"
mkdir -p "$out"
cd "$out"
"${PYTHON:-python3}" "$top/docs/use-cases/mjo.py" olr.nc

# [spectrum] Which waves are there? Power over wave number and frequency, over its background.
"$halocline" spectrum wheeler-kiladis olr.nc --var rlut -o waves.nc
"$halocline" plot waves.nc -o waves.png
# [spectrum]

# [filter] What varies within 20 to 100 days.
"$halocline" climatology olr.nc --var rlut --by month -o climatology.nc --anomaly anomaly.nc
"$halocline" filter time anomaly.nc --var rlut --band 20d,100d --kind lanczos --weights 121 -o slow.nc
# [filter]

# [pair] Two patterns a quarter of a wave apart, with series a quarter of a period apart: a wave that travels.
"$halocline" eof slow.nc --var rlut --time 2001-06/2004-07 --modes 4 --significance north-effective -o eof.nc
"$halocline" plot eof.nc --mode 1 -o eof1.png
"$halocline" plot eof.nc --mode 2 -o eof2.png
# [pair]

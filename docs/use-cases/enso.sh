#!/usr/bin/env bash
# From ten years of sea-surface temperature to the pattern of El Niño, its index, its rhythm and what
# goes with it elsewhere.
#   docs/use-cases/enso.sh [FOLDER]       results and figures go to FOLDER [out/enso]
set -euo pipefail
top="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
out="${1:-out/enso}"
halocline="${HALOCLINE:-halocline}"
sst="$top/tests/data/ersstv5_sst_201001-202008.nc"
mkdir -p "$out"
cd "$out"

# [pattern] The leading pattern of the tropical Pacific, without the annual cycle and the trend.
"$halocline" eof "$sst" --var sst --box 120,290,-30,30 --anomaly climatology --detrend \
  --modes 5 --significance north-effective -o eof.nc
"$halocline" plot eof.nc -o eof.png
# [pattern]

# [index] The index that forecasters use: the mean anomaly of the Niño 3.4 box.
"$halocline" climatology "$sst" --var sst --by month -o climatology.nc --anomaly anomaly.nc
"$halocline" stats anomaly.nc --var sst --op mean --over lat,lon --region nino3.4 -o nino34.nc
"$halocline" plot nino34.nc -o nino34.png
# [index]

# [elsewhere] What goes with it: correlation at every cell, three months after the index too.
"$halocline" relate anomaly.nc --var sst --with nino34.nc:sst --op correlation,regression --lags 0,3 -o relate.nc
"$halocline" plot relate.nc --var sst_correlation --select lag=3 -o relate.png
# [elsewhere]

# [rhythm] Its spectrum, against the red noise of a series with the same memory.
"$halocline" spectrum power nino34.nc --var sst --detrend linear --window hann -o spectrum.nc
"$halocline" plot spectrum.nc -o spectrum.png
# [rhythm]

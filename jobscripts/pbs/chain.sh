#!/bin/bash
# A chain of two jobs under PBS Pro or OpenPBS: the second begins when the first has ended well, and
# never begins when it has not. Not a job script: run it where you would type qsub,
# from the folder of the Halocline checkout:
#
#     bash jobscripts/pbs/chain.sh
#
# First the anomalies from the mean year, then their EOFs.
set -euo pipefail

ANOMALY="${ANOMALY:-out/chain-anomaly.nc}"
OUTPUT="${OUTPUT:-out/chain-eof.nc}"

# Variables that are named here are set in the job.
first=$(qsub -v "OUTPUT=${ANOMALY%.nc}-climatology.nc,ANOMALY=$ANOMALY,HALOCLINE=${HALOCLINE:-},BIND=${BIND:-core}" \
  jobscripts/pbs/climatology.pbs)
# afterok: with exit code 0. Others: afterany (however it ended), afternotok (badly).
second=$(qsub -W depend="afterok:$first" -v "OUTPUT=$OUTPUT,INPUT_FILE=$ANOMALY,HALOCLINE=${HALOCLINE:-},BIND=${BIND:-core}" \
  jobscripts/pbs/eof.pbs)
echo "$first, then $second"

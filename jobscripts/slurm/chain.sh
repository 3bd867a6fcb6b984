#!/bin/bash
# A chain of two jobs under SLURM: the second begins when the first has ended well, and
# never begins when it has not. Not a job script: run it where you would type sbatch,
# from the folder of the Halocline checkout:
#
#     bash jobscripts/slurm/chain.sh
#
# First the anomalies from the mean year, then their EOFs.
set -euo pipefail

ANOMALY="${ANOMALY:-out/chain-anomaly.nc}"
OUTPUT="${OUTPUT:-out/chain-eof.nc}"

# Variables that are named here are set in the job.
first=$(sbatch --parsable --export="ALL,OUTPUT=${ANOMALY%.nc}-climatology.nc,ANOMALY=$ANOMALY" \
  jobscripts/slurm/climatology.sbatch)
# afterok: with exit code 0. Others: afterany (however it ended), afternotok (badly).
second=$(sbatch --parsable --dependency="afterok:$first" --kill-on-invalid-dep=yes --export="ALL,OUTPUT=$OUTPUT,INPUT_FILE=$ANOMALY" \
  jobscripts/slurm/eof.sbatch)
echo "$first, then $second"

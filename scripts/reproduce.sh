#!/usr/bin/env bash
# The reproducibility suite: every command that writes a result (scripts/cases/commands.txt, which is
# held against the program's own list) is run in many ways, and each result has to have the bits of
# one thread of one rank: values, what is missing, coordinates, attributes. `halocline compare` judges
# NetCDF, `cmp` pictures and pages.
#
#   scripts/reproduce.sh [--quick | --full | --product | --nodes | --mpich] [--cluster] [--only WORD] [--table FILE] [--outputs DIR]
#
#   --quick     each command in five ways (what CI runs)
#   --full      threads 1-4; ranks as threads 1-8, times threads 1-4; Open MPI 1-8; decompositions;
#               the least memory; stopped and resumed on other ranks [default]
#   --product   --full, with Open MPI 1-8 times threads 1-4
#   --cluster   also under SLURM on one and two virtual nodes (scripts/cluster; as root)
#   --nodes     nothing but these
#   --mpich     nothing but HALOCLINE_MPICH on 1, 2, 3, 4 and 8 ranks, against the other's results
#   --only WORD only cases whose command or name has it
#   --table FILE    the table goes there too
#   --outputs DIR   what one thread makes is kept in DIR/made (for scripts/standards.sh)
#
# HALOCLINE         the program [target/debug/halocline]
# HALOCLINE_MPICH   the program built with MPICH; MPICH_RUN starts its ranks [mpiexec.mpich]
# MPIRUN            starts those of Open MPI [mpirun]
#
# Prints a table and at the end `N passed, N failed`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
top="$PWD"
# shellcheck source=scripts/env.sh
source scripts/env.sh

depth=full cluster=no only="" table="" outputs=""
while [ $# -gt 0 ]; do
  case "$1" in
    --quick | --full | --product) depth="${1#--}" ;;
    --nodes) depth=nodes cluster=yes ;;
    --mpich) depth=mpich ;;
    --cluster) cluster=yes ;;
    --only) only="$2"; shift ;;
    --table) table="$(realpath "$2")"; shift ;;
    --outputs) outputs="$2"; shift ;;
    *) echo "reproduce: what is $1?" >&2; exit 2 ;;
  esac
  shift
done

HALOCLINE="$(realpath "${HALOCLINE:-$top/${CARGO_TARGET_DIR:-target}/debug/halocline}")"
if [ -n "$outputs" ]; then
  mkdir -p "$outputs"
  CASES_WORK="$(realpath "$outputs")"
  rm -rf "$CASES_WORK"/{made,lists,one,runs,verdicts,cache}
else
  CASES_WORK="$(mktemp -d)"
fi
export depth only HALOCLINE_MPICH="${HALOCLINE_MPICH:-}" MPICH_RUN="${MPICH_RUN:-mpiexec.mpich}" MPIRUN="${MPIRUN:-mpirun}"
# More ranks than cores: who waits gives way, and nobody is tied to a core.
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
# shellcheck source=scripts/cases/lib.sh
source scripts/cases/lib.sh
if [ "$depth" = mpich ] && [ -z "$HALOCLINE_MPICH" ]; then
  echo "reproduce: HALOCLINE_MPICH names no program that is built with MPICH" >&2
  exit 2
fi
clean() {
  if [ "$cluster" = started ]; then scripts/cluster/stop.sh 9>&-; fi
  if [ -z "$outputs" ]; then rm -rf "$CASES_WORK"; else rm -rf "$CASES_WORK"/{one,runs,cache}; fi
}
trap clean EXIT

forgotten="$(forgotten_steps)"
if [ -n "$forgotten" ]; then
  printf 'commands without a case in scripts/cases/commands.txt:\n%s\n0 passed, 1 failed\n' "$forgotten"
  exit 1
fi

# shellcheck source=scripts/cases/ways.sh
source scripts/cases/ways.sh
command -v "$MPIRUN" > /dev/null || printf '\n!!! SKIPPED: ranks under Open MPI: there is no %s\n' "$MPIRUN"
if [ "$depth" != quick ] && [ -z "$HALOCLINE_MPICH" ]; then
  printf '!!! SKIPPED: MPICH: HALOCLINE_MPICH names no program that is built with it\n'
fi

every=""
case "$depth" in full | product) every=all ;; esac
export every
mkdir -p "$CASES_WORK"/{runs,verdicts}
make_all "$every" || { echo "0 passed, 1 failed"; exit 1; }

if [ "$cluster" = yes ]; then
  export HALOCLINE_CLUSTER="${HALOCLINE_CLUSTER:-/tmp/halocline-cluster}"
  exec 9> "$HALOCLINE_CLUSTER.lock"
  flock -w 600 9 || { echo "reproduce: another test has the cluster"; exit 1; }
  cluster=started
  scripts/cluster/start.sh 9>&-
  if grep -q ^plain "$HALOCLINE_CLUSTER/run/cluster"; then
    # Ranks on different nodes would take each other for neighbours.
    export OMPI_MCA_btl=self,tcp
  fi
  export SLURM_CONF="$HALOCLINE_CLUSTER/etc/slurm.conf" with_cluster=yes
fi

numbered() { cases "$every" | if [ -n "$only" ]; then grep -e "$only"; else cat; fi | nl -w 1 -s ' '; }
# shellcheck disable=SC2016 # the process expands it
numbered | xargs -P "$(nproc)" -d '\n' -n 1 bash -c 'all_ways $0' 9>&-

judge() {
  cat "$CASES_WORK"/verdicts/* | awk -F '\t' -f scripts/cases/table.awk
}
judge
if [ -n "$table" ]; then judge | sed '/^[0-9]* passed/d' > "$table"; fi
! grep -q $'\tFAILED\t' "$CASES_WORK"/verdicts/*

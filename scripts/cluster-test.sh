#!/usr/bin/env bash
# The batch life of Halocline on a real SLURM: starts a cluster of two virtual nodes on this
# machine (scripts/cluster/start.sh), hands in the repository's own job scripts, those for PBS
# too, and judges what the scheduler says of the jobs, what they wrote, and that it has the same
# bits as the work of one rank. Stops everything it has started.
#
# Installs what is missing (SLURM, munge, iproute2, ncdump) by apt-get. Wants root, or sudo without
# a password; else it says that it is skipped. The last line is `N passed, N failed`.
#
# HALOCLINE   the program [target/debug/halocline, built if it is not there]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
top="$PWD"
# shellcheck source=scripts/env.sh
source scripts/env.sh

skipped() {
  printf '\n!!! SKIPPED: the cluster test: %s\n0 passed, 0 failed\n' "$*"
  exit 0
}

HALOCLINE="${HALOCLINE:-$top/${CARGO_TARGET_DIR:-target}/debug/halocline}"
if [ ! -x "$HALOCLINE" ]; then
  cargo build -p halocline-cli --features mpi
fi
HALOCLINE="$(realpath "$HALOCLINE")"
export HALOCLINE

if [ "$(id -u)" -ne 0 ]; then
  if ! { command -v sudo && sudo -n true; } >/dev/null 2>&1; then
    skipped "it needs root, or sudo that asks for no password"
  fi
  exec sudo --preserve-env=HALOCLINE,HALOCLINE_CLUSTER,OMPI_MCA_plm_rsh_agent "$top/scripts/cluster-test.sh"
fi

# --- What it needs -------------------------------------------------------------------------
packages=(munge slurmctld slurmd slurm-client slurm-wlm-basic-plugins slurm-wlm-torque iproute2 netcdf-bin)
missing=()
for package in "${packages[@]}"; do
  if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
    missing+=("$package")
  fi
done
if [ "${#missing[@]}" -gt 0 ]; then
  command -v apt-get >/dev/null || skipped "SLURM is installed on Debian and Ubuntu only (${missing[*]})"
  echo "cluster: installing ${missing[*]}"
  # Packages of daemons start them: not on somebody's machine.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
  else
    policy=
  fi
  apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
  { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null; } ||
    skipped "these packages can't be installed: ${missing[*]}"
  # Debian 13 and Ubuntu 24.04 have it apart.
  "${apt[@]}" install -y --no-install-recommends slurm-wlm-pmix-plugin >/dev/null 2>&1 || true
  if [ -n "$policy" ]; then rm -f "$policy"; fi
fi

# --- The cluster ---------------------------------------------------------------------------
work="$(mktemp -d /tmp/halocline-cluster-test.XXXXXX)"
export HALOCLINE_CLUSTER="${HALOCLINE_CLUSTER:-/tmp/halocline-cluster}"
exec 9> "$HALOCLINE_CLUSTER.lock"
flock -w 600 9 || { echo "cluster: another test runs"; exit 1; }
clean() {
  "$top/scripts/cluster/stop.sh" 9>&-
  rm -rf "$work"
}
trap clean EXIT
scripts/cluster/start.sh 9>&- || { echo "0 passed, 1 failed"; exit 1; }
export SLURM_CONF="$HALOCLINE_CLUSTER/etc/slurm.conf"
if ! srun --mpi=list 2>&1 9>&- | grep -q pmix; then
  skipped "this SLURM has no pmix plugin"
fi

# More ranks than cores: who waits must give way. Virtual nodes have no cores of their own.
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none BIND=none
if grep -q ^plain "$HALOCLINE_CLUSTER/run/cluster"; then
  # Ranks on different nodes would take each other for neighbours.
  export OMPI_MCA_btl=self,tcp
fi
export HALOCLINE_CACHE_DIR="$work/cache"

# Scripts are handed in from a folder like a checkout, so that nothing is left in the real one.
ln -s "$top/jobscripts" "$top/tests" "$work/"
cd "$work"
mkdir out

# shellcheck source=scripts/cluster/cases.sh
source "$top/scripts/cluster/cases.sh"
run_cases

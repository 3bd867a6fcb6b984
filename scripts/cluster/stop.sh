#!/usr/bin/env bash
# Ends what start.sh has started, by the process numbers that it wrote down. May be called when
# nothing runs. Logs stay.
set -uo pipefail
dir="${HALOCLINE_CLUSTER:-/tmp/halocline-cluster}"
export SLURM_CONF="$dir/etc/slurm.conf"
[ -e "$dir/run/cluster" ] || exit 0
read -r mode nodes bridge < "$dir/run/cluster"

# Jobs first: what watches a job outlives its slurmd.
if timeout 10 scontrol ping >/dev/null 2>&1; then
  timeout 10 scancel --user="$(id -un)" >/dev/null 2>&1
  for ((i = 0; i < 50; i++)); do
    [ -z "$(timeout 10 squeue -h 2>/dev/null)" ] && break
    sleep 0.2
  done
fi

# stop FILE NAME: the process whose number is in FILE, if it is called NAME.
stop() {
  local process i
  process="$(cat "$1" 2>/dev/null)" || return 0
  if [ -n "$process" ] && [ "$(cat "/proc/$process/comm" 2>/dev/null)" = "$2" ]; then
    kill -TERM "$process" 2>/dev/null
    for ((i = 0; i < 50; i++)); do
      kill -0 "$process" 2>/dev/null || break
      sleep 0.2
    done
    kill -KILL "$process" 2>/dev/null
  fi
  rm -f "$1"
}
for file in "$dir"/run/slurmd.*.pid; do
  [ -e "$file" ] && stop "$file" slurmd
done
stop "$dir/run/slurmctld.pid" slurmctld
stop "$dir/run/munged.pid" munged

if [ "$mode" = net ]; then
  # Links first: with their namespace they would go some time later, in the way of a new start.
  for ((i = 1; i <= nodes; i++)); do
    ip link del "${bridge}v$i" 2>/dev/null
    ip netns del "hcl$i" 2>/dev/null
  done
  ip link del "$bridge" 2>/dev/null
fi
rm -f "$dir/run/cluster"
exit 0

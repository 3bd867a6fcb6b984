#!/usr/bin/env bash
# Starts a SLURM cluster of two virtual nodes on this machine, for tests: munged, slurmctld and
# a slurmd for each node, with a key, ports, folders of their own, so that nothing of a SLURM that
# is there is touched. As root; stop.sh ends it.
#
# HALOCLINE_CLUSTER   folder of everything [/tmp/halocline-cluster]
#
# Where the system allows it, each node has a network namespace, a host name and a /dev/shm of its
# own: what ranks say to each other then travels by TCP, as between computers. Else (containers)
# nodes are plain processes.
#
# The last line is the name of the configuration, for SLURM_CONF.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
dir="${HALOCLINE_CLUSTER:-/tmp/halocline-cluster}"
nodes=2 cpus=4 port=26817
# Addresses that are kept for tests of networks: no real one has them.
net=198.18.77 bridge=hclbr

fail() { printf 'cluster: %s\n' "$*" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || fail "only root can start it"
for program in munged munge slurmctld slurmd sinfo scontrol; do
  command -v "$program" >/dev/null || fail "there is no $program; scripts/cluster-test.sh installs it"
done

"$here/stop.sh"
rm -rf "$dir"
mkdir -p "$dir"/{etc,run,log,state/control}
# munged wants a safe path to its socket.
chmod 755 "$dir" "$dir"/{etc,run,log,state}

mode=plain
if command -v ip >/dev/null && unshare --net --uts --mount --ipc true 2>/dev/null &&
  ip netns add hcltry 2>/dev/null; then
  ip netns del hcltry
  mode=net
fi
printf '%s %s %s\n' "$mode" "$nodes" "$bridge" > "$dir/run/cluster"

control=127.0.0.1
if [ "$mode" = net ]; then control="$net.254"; fi
host="$(hostname -s)"
lines="" hosts="127.0.0.1 localhost"$'\n'"$control $host"$'\n'
for ((i = 1; i <= nodes; i++)); do
  address=127.0.0.1 name="$host"
  if [ "$mode" = net ]; then address="$net.$i" name="hcl$i"; fi
  lines+="NodeName=hcl$i NodeHostname=$name NodeAddr=$address Port=$((port + i)) CPUs=$cpus RealMemory=2000 State=UNKNOWN"$'\n'
  hosts+="$address hcl$i"$'\n'
  mkdir -p "$dir/state/spool.hcl$i" "$dir/state/tmp.hcl$i"
  chmod 1777 "$dir/state/tmp.hcl$i"
done
printf '%s' "$hosts" > "$dir/etc/hosts"

# With slurm-wlm-torque, jobs that its qsub takes see the variables of PBS. They see little of the
# environment that they come from, so what SLURM, and Open MPI as root, need here is added.
pbs=""
: > "$dir/etc/plugstack.conf"
if command -v generate_pbs_nodefile >/dev/null; then
  echo "optional spank_pbs.so" > "$dir/etc/plugstack.conf"
  # shellcheck disable=SC2016
  printf '%s\n' '#!/bin/sh' 'echo "export PBS_NODEFILE=$(generate_pbs_nodefile)"' \
    'echo "export PBS_ENVIRONMENT=PBS_BATCH"' \
    'for v in ALLOW_RUN_AS_ROOT ALLOW_RUN_AS_ROOT_CONFIRM MCA_mpi_yield_when_idle; do echo "export OMPI_$v=1"; done' \
    'echo "export SLURM_EXPORT_ENV=ALL"' "echo 'export SLURM_CONF=$dir/etc/slurm.conf'" > "$dir/etc/prolog"
  chmod 755 "$dir/etc/prolog"
  pbs="JobSubmitPlugins=pbs"$'\n'"TaskProlog=$dir/etc/prolog"
fi

conf="$(<"$here/slurm.conf.in")"
conf="${conf//@HOST@/"$host"}"
conf="${conf//@CONTROL@/"$control"}"
conf="${conf//@PORT@9/"$((port + 9))"}"
conf="${conf//@PORT@/"$port"}"
conf="${conf//@DIR@/"$dir"}"
conf="${conf//@PBS@/"$pbs"}"
conf="${conf//@NODES@/"$lines"}"
printf '%s\n' "$conf" > "$dir/etc/slurm.conf"
export SLURM_CONF="$dir/etc/slurm.conf"

if [ "$mode" = net ]; then
  ip link add "$bridge" type bridge
  ip addr add "$net.254/24" dev "$bridge"
  ip link set "$bridge" up
  for ((i = 1; i <= nodes; i++)); do
    ip netns add "hcl$i"
    ip link add "${bridge}v$i" type veth peer name eth0 netns "hcl$i"
    ip link set "${bridge}v$i" master "$bridge" up
    ip -n "hcl$i" addr add "$net.$i/24" dev eth0
    ip -n "hcl$i" link set eth0 up
    ip -n "hcl$i" link set lo up
  done
fi

# on_node I COMMAND…: there. nsenter, as `ip netns exec` hides /sys/fs/cgroup, without which
# slurmd does not start.
on_node() {
  local i="$1"
  shift
  if [ "$mode" = plain ]; then "$@"; return; fi
  # shellcheck disable=SC2016
  nsenter --net="/run/netns/hcl$i" unshare --uts --mount --ipc sh -c '
    hostname "$0" && mount -t tmpfs tmpfs /dev/shm && mount --bind "$1" /etc/hosts && shift && exec "$@"' \
    "hcl$i" "$dir/etc/hosts" "$@"
}

# wait_for SECONDS WHAT COMMAND…
wait_for() {
  local turns=$(($1 * 5)) what="$2" i
  shift 2
  for ((i = 0; i < turns; i++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.2
  done
  tail -n 20 "$dir"/log/*.log >&2
  fail "no $what in time; what the daemons said is above"
}

(umask 077; head -c 128 /dev/urandom > "$dir/etc/munge.key")
munged --force --key-file="$dir/etc/munge.key" --socket="$dir/run/munge.socket" \
  --pid-file="$dir/run/munged.pid" --log-file="$dir/log/munged.log" --seed-file="$dir/state/munge.seed" \
  2>> "$dir/log/munged.start"
wait_for 10 munged munge -n --socket="$dir/run/munge.socket"
slurmctld
wait_for 20 slurmctld scontrol ping
for ((i = 1; i <= nodes; i++)); do
  on_node "$i" slurmd -N "hcl$i" || { tail -n 5 "$dir/log/slurmd.hcl$i.log" >&2; fail "slurmd of hcl$i does not start"; }
done
all_idle() { [ "$(sinfo -h -N -t idle -o %N | sort -u | wc -l)" -eq "$nodes" ]; }
wait_for 30 "idle nodes" all_idle
echo "cluster: $nodes nodes of $cpus CPUs ($mode)"
echo "$SLURM_CONF"

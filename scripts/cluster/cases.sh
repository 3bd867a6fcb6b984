# shellcheck shell=bash
# The cases of scripts/cluster-test.sh, which sources this file in a folder of their own, with a
# cluster that runs. Each is a function `case_…` that returns 0 if all is well.
# A && B || C is meant here: C tells what went wrong, whichever did.
# shellcheck disable=SC2015

: "${top:?is the folder of the checkout}"
sample=tests/data/ersstv5_sst_201001-202008.nc

# --- Tools ---------------------------------------------------------------------------------

# state JOB: in SLURM's words.
state() { scontrol show job "$1" 2>/dev/null | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p' | sort -u | tr '\n' ' ' | sed 's/ $//'; }
restarts() { scontrol show job "$1" | sed -n 's/.*Restarts=\([0-9]*\).*/\1/p'; }

# ended JOB [SECONDS]: waits until it has; a job that never ends fails.
ended() {
  local turns=$((${2:-60} * 5)) i now
  for ((i = 0; i < turns; i++)); do
    now="$(state "$1")"
    case "$now" in
      *PENDING* | *RUNNING* | *COMPLETING* | *REQUEUED* | *CONFIGURING*) sleep 0.2 ;;
      *) return 0 ;;
    esac
  done
  echo "job $1 is still $now"
  return 1
}

# good JOB: has ended well.
good() {
  ended "$@" && [ "$(state "$1")" = COMPLETED ] && return 0
  echo "job $1 is $(state "$1")"
  return 1
}

# until_there SECONDS COMMAND…: until it succeeds.
until_there() {
  local turns=$(($1 * 10)) i
  shift
  for ((i = 0; i < turns; i++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  echo "in vain: $*"
  return 1
}

# dumped FILE: everything it holds but when and how it came about (times, ranks), all digits of every value.
dumped() { ncdump -n same -p 9,17 "$1" | grep -Ev ':(history|halocline_provenance) = '; }

# same FILE FILE: the same bits.
same() {
  if [ ! -s "$1" ] || [ ! -s "$2" ]; then
    echo "there is no $1, or no $2"
    return 1
  fi
  cmp <(dumped "$1") <(dumped "$2")
}

# alone ARGUMENTS…: one rank, one thread, no scheduler.
alone() { env -u SLURM_CONF "$HALOCLINE" --threads 1 --quiet "$@"; }

# The reference of each kind of job, and a long series; made once.
references() {
  alone eof "$sample" --var sst --anomaly climatology --weights coslat --modes 10 -o ref-eof.nc &&
    alone spectrum power "$sample" --var sst --segment 60 --box 160,270,-10,10 -o ref-spectrum.nc &&
    alone climatology "$sample" --var sst --by month -o ref-climatology.nc --anomaly ref-anomaly.nc &&
    alone stats "$sample" --var sst --op mean,std,trend --over time -o ref-stats.nc &&
    alone stats "$sample" --var sst --time 2012 --op mean,max --over time -o ref-2012.nc &&
    long_series
}

# A series that keeps one rank busy for four seconds, so that there is time to disturb a job; as
# long as that takes on this machine, within bounds.
long_series() {
  local steps=400 begun took=0
  while [ "$took" -lt 4000 ] && [ "$steps" -le 3200 ]; do
    perl "$top/scripts/cluster/series.pl" long.nc "$steps" 300 300
    begun="$(date +%s%N)"
    alone stats long.nc --var sst --op mean,std,trend --over time --io library -o ref-long.nc || return 1
    took=$((($(date +%s%N) - begun) / 1000000))
    steps=$((steps * 2))
  done
}

# --- SLURM ---------------------------------------------------------------------------------

case_srun_on_two_nodes() {
  srun -N2 --ntasks-per-node=2 --mpi=pmix "$HALOCLINE" --threads 1 -q stats "$sample" --var sst \
    --op mean,std,trend --over time -o out/srun.nc && same out/srun.nc ref-stats.nc
}

case_slurm_scripts() {
  local eof spectrum climatology stats scaling
  eof="$(OUTPUT=out/s-eof.nc sbatch --parsable jobscripts/slurm/eof.sbatch)"
  spectrum="$(OUTPUT=out/s-spectrum.nc sbatch --parsable jobscripts/slurm/spectrum.sbatch)"
  climatology="$(OUTPUT=out/s-clim.nc ANOMALY=out/s-anom.nc sbatch --parsable jobscripts/slurm/climatology.sbatch)"
  stats="$(OUTPUT=out/s-stats.nc sbatch --parsable jobscripts/slurm/stats.sbatch)"
  scaling="$(OUTPUT=out/s-scaling.jsonl sbatch --parsable jobscripts/slurm/scaling.sbatch)"
  good "$eof" && same out/s-eof.nc ref-eof.nc && [ -s out/s-eof.png ] &&
    good "$spectrum" && same out/s-spectrum.nc ref-spectrum.nc &&
    good "$climatology" && same out/s-clim.nc ref-climatology.nc && same out/s-anom.nc ref-anomaly.nc &&
    good "$stats" && same out/s-stats.nc ref-stats.nc &&
    good "$scaling" && timed out/s-scaling.jsonl
}

case_slurm_array() {
  local job
  job="$(OUTPUT=out/array sbatch --parsable jobscripts/slurm/array.sbatch)"
  good "$job" && same out/array/2012.nc ref-2012.nc && [ "$(ls out/array)" = $'2011.nc\n2012.nc\n2013.nc\n2014.nc' ]
}

case_slurm_chain() {
  local said first second
  said="$(ANOMALY=out/c-anom.nc OUTPUT=out/c-eof.nc bash jobscripts/slurm/chain.sh)"
  first="${said%%,*}" second="${said##* }"
  good "$second" && same out/c-anom.nc ref-anomaly.nc && [ -s out/c-eof.nc ] || return 1
  # A first job that fails takes the second with it.
  said="$(ANOMALY=/proc/a.nc OUTPUT=out/d-eof.nc bash jobscripts/slurm/chain.sh)"
  first="${said%%,*}" second="${said##* }"
  ended "$first" && ended "$second" && [ "$(state "$first")" = FAILED ] && [ "$(state "$second")" = CANCELLED ] &&
    [ ! -e out/d-eof.nc ]
}

# under_way LOG: until the analysis itself has begun.
under_way() { until_there 60 grep -q '"event":"plan"' "$1"; }

case_checkpoint_requeue_resume() {
  local job
  job="$(INPUT_FILE=long.nc OUTPUT=out/k.nc EXTRA="--io library --log-json out/k.log" \
    sbatch --parsable jobscripts/slurm/checkpoint.sbatch)"
  under_way out/k.log && scancel --signal=USR1 "$job" || return 1
  until_there 30 [ -s out/k.nc.state ] || return 1
  good "$job" 90 || return 1
  if [ "$(restarts "$job")" != 1 ]; then
    echo "restarts: $(restarts "$job")"
    return 1
  fi
  [ "$(grep -c '"event":"start"' out/k.log)" = 2 ] && grep -q '"exit_code":75' out/k.log &&
    [ ! -e out/k.nc.state ] && same out/k.nc ref-long.nc
}

case_end_of_the_job_is_kept() {
  # As if the wall time were over in two seconds.
  local rc=0
  HALOCLINE_JOB_END=$(($(date +%s) + 2)) srun -N1 --ntasks-per-node=1 --mpi=pmix "$HALOCLINE" --threads 1 -q \
    stats long.nc --var sst --op mean,std,trend --over time --io library --checkpoint out/e.state -o out/e.nc 2> out/e.err || rc=$?
  if [ "$rc" -eq 0 ]; then
    # A fast machine.
    same out/e.nc ref-long.nc
    return
  fi
  [ "$rc" -eq 75 ] || { echo "code $rc"; cat out/e.err; return 1; }
  # Other ranks, other nodes.
  srun -N2 --ntasks-per-node=2 --mpi=pmix "$HALOCLINE" --threads 1 -q stats long.nc --var sst --op mean,std,trend \
    --over time --checkpoint out/e.state --resume -o out/e.nc && same out/e.nc ref-long.nc
}

# rank_of OUTPUT: a process of the job that writes OUTPUT, not the first.
rank_of() { pgrep -f -- "halocline .*-o $1" | sort -n | tail -n 1; }

case_a_killed_rank() {
  local job process
  job="$(INPUT_FILE=long.nc OUTPUT=out/x.nc EXTRA="--io library --checkpoint-every 0.3s --log-json out/x.log" \
    sbatch --parsable jobscripts/slurm/checkpoint.sbatch)"
  under_way out/x.log && until_there 30 [ -s out/x.nc.state ] || return 1
  process="$(rank_of out/x.nc)"
  kill -KILL "$process"
  ended "$job" 30 || return 1
  [ "$(state "$job")" = FAILED ] && [ ! -e out/x.nc ] && [ -s out/x.nc.state ] ||
    { echo "job $job is $(state "$job")"; return 1; }
  # The last state is good: one rank goes on from it.
  alone stats long.nc --var sst --op mean,std,trend --over time --checkpoint out/x.nc.state --resume -o out/x.nc &&
    same out/x.nc ref-long.nc
}

case_a_lost_node() {
  local job
  job="$(INPUT_FILE=long.nc OUTPUT=out/n.nc EXTRA="--io library --checkpoint-every 0.3s --log-json out/n.log" \
    sbatch --parsable jobscripts/slurm/checkpoint.sbatch)"
  under_way out/n.log && until_there 30 [ -s out/n.nc.state ] || return 1
  scontrol update nodename=hcl2 state=down reason=test
  sleep 1
  scontrol update nodename=hcl2 state=resume
  good "$job" 90 && [ "$(restarts "$job")" -ge 1 ] && same out/n.nc ref-long.nc
}

# --- How ranks are started -----------------------------------------------------------------

case_silent_singletons_are_refused() {
  local rc=0
  srun -N2 --ntasks-per-node=2 --mpi=none "$HALOCLINE" -q info "$sample" > out/silent 2>&1 || rc=$?
  [ "$rc" -eq 6 ] && [ "$(grep -c 'halocline: ' out/silent)" = 1 ] && grep -q '4 ranks' out/silent && return 0
  echo "code $rc"
  cat out/silent
  return 1
}

case_an_error_is_told_once() {
  local rc=0
  srun -N2 --ntasks-per-node=2 --mpi=pmix "$HALOCLINE" -q stats "$sample" --var nothing -o out/no.nc > out/once 2>&1 || rc=$?
  [ "$rc" -eq 2 ] && [ "$(grep -c 'halocline: ' out/once)" = 1 ] && return 0
  echo "code $rc"
  cat out/once
  return 1
}

case_crowded_ranks_are_warned() {
  local cores
  cores="$(nproc)"
  srun -N1 --ntasks-per-node=2 --overcommit --mpi=pmix "$HALOCLINE" --threads "$cores" stats "$sample" --var sst \
    -o out/crowded.nc > out/crowded 2>&1 && [ "$(grep -c 'warning: .*take turns' out/crowded)" = 1 ]
}

# --- halocline submit ----------------------------------------------------------------------

site() {
  cat > site.toml <<'TOML'
scheduler = "slurm"
launch = "srun --mpi=pmix --kill-on-bad-exit=1 --ntasks={{ ranks }} --cpus-per-task={{ threads }} --cpu-bind=none"
[defaults]
ntasks-per-node = 2
time = "10min"
[limits]
max-nodes = 2
max-time = "1h"
[queue.test]
TOML
}

case_submit_refuses_at_once() {
  local rc
  site
  for words in "-N 3 -- info $sample" "--time 2h -- info $sample" "--queue big -- info $sample" "-- inof $sample" \
    "-- stats $sample --var sst --op maen -o out/r.nc"; do
    rc=0
    # shellcheck disable=SC2086
    "$HALOCLINE" submit --site site.toml $words > out/refused 2>&1 || rc=$?
    if [ "$rc" -ne 2 ] || [ "$(wc -l < out/refused)" != 1 ]; then
      echo "$words: code $rc"
      cat out/refused
      return 1
    fi
  done
  [ ! -e halocline-jobs ]
}

case_submit_and_status() {
  local job next array
  site
  # shellcheck disable=SC2016
  mkdir -p 'out/odd $HOME * it'"'"'s'
  # shellcheck disable=SC2016
  job="$("$HALOCLINE" submit -q --site site.toml -N 2 -- stats "$sample" --var sst --op mean,std,trend --over time \
    -o 'out/odd $HOME * it'"'"'s/o.nc')" || return 1
  next="$("$HALOCLINE" submit -q --site site.toml --after "$job" -- climatology "$sample" --var sst --by month \
    --anomaly out/m-anom.nc -o out/m-clim.nc)" || return 1
  array="$("$HALOCLINE" submit -q --site site.toml --ntasks-per-node 1 --array 2011-2012 -- stats "$sample" --var sst \
    --time '{index}' --op mean,max --over time -o 'out/m-{index}.nc' 2> out/array.err)" || true
  # Indices beyond what the site's SLURM takes: told at once.
  if [ -n "$array" ] || [ "$(wc -l < out/array.err)" != 1 ]; then
    cat out/array.err
    return 1
  fi
  array="$("$HALOCLINE" submit -q --site site.toml --ntasks-per-node 1 --array 11-12 -- stats "$sample" --var sst \
    --time '20{index:02}' --op mean,max --over time -o 'out/m-{index}.nc')" || return 1
  # shellcheck disable=SC2016
  good "$job" && same 'out/odd $HOME * it'"'"'s/o.nc' ref-stats.nc && good "$next" && same out/m-clim.nc ref-climatology.nc &&
    good "$array" && same out/m-12.nc ref-2012.nc || return 1
  "$HALOCLINE" status "$job" > out/status && grep -q COMPLETED out/status && grep -q 'done, exit code 0' out/status &&
    grep -q '4 ranks x 1 thread' out/status || { cat out/status; return 1; }
  "$HALOCLINE" status --json "$array" > out/status && [ "$(grep -c '"state": "done"' out/status)" = 2 ] ||
    { cat out/status; return 1; }
}

case_submit_requeue() {
  local job
  site
  job="$("$HALOCLINE" submit -q --site site.toml -N 2 --requeue -- stats long.nc --var sst --op mean,std,trend --over time \
    --io library --log-json out/q.log --checkpoint out/q.state --resume -o out/q.nc)" || return 1
  under_way out/q.log && scancel --signal=USR1 "$job" && until_there 30 [ -s out/q.state ] || return 1
  until_there 30 grep -q '"exit_code":75' out/q.log || return 1
  "$HALOCLINE" status "$job" > out/status
  grep -q 'checkpointed' out/status || { cat out/status; return 1; }
  good "$job" 90 && [ "$(restarts "$job")" = 1 ] && same out/q.nc ref-long.nc
}

# --- PBS -----------------------------------------------------------------------------------

# timed FILE: whether it holds six runs, three of each case, on all ranks of the job.
timed() { [ "$(grep -c '"ranks":4,' "$1")" = 6 ] && "$HALOCLINE" bench table "$1" --plot "${1%.jsonl}.png" && [ -s "${1%.jsonl}.png" ]; }

# handed_in WORDS…: the number that qsub prints, without the server's name.
handed_in() { qsub "$@" | sed 's/\..*//' | tail -n 1; }

case_pbs_scripts() {
  local eof spectrum climatology stats scaling
  eof="$(OUTPUT=out/p-eof.nc handed_in jobscripts/pbs/eof.pbs)"
  spectrum="$(OUTPUT=out/p-spectrum.nc handed_in jobscripts/pbs/spectrum.pbs)"
  climatology="$(OUTPUT=out/p-clim.nc ANOMALY=out/p-anom.nc handed_in jobscripts/pbs/climatology.pbs)"
  stats="$(OUTPUT=out/p-stats.nc handed_in jobscripts/pbs/stats.pbs)"
  scaling="$(OUTPUT=out/p-scaling.jsonl handed_in jobscripts/pbs/scaling.pbs)"
  good "$eof" && same out/p-eof.nc ref-eof.nc &&
    good "$spectrum" && same out/p-spectrum.nc ref-spectrum.nc &&
    good "$climatology" && same out/p-clim.nc ref-climatology.nc && same out/p-anom.nc ref-anomaly.nc &&
    good "$stats" && same out/p-stats.nc ref-stats.nc &&
    good "$scaling" && timed out/p-scaling.jsonl
}

case_pbs_array_and_chain() {
  local job said second
  job="$(OUTPUT=out/parray handed_in jobscripts/pbs/array.pbs)"
  said="$(ANOMALY=out/pc-anom.nc OUTPUT=out/pc-eof.nc bash jobscripts/pbs/chain.sh)"
  second="${said##* }"
  good "$job" && same out/parray/2012.nc ref-2012.nc && good "${second%%.*}" && same out/pc-anom.nc ref-anomaly.nc &&
    [ -s out/pc-eof.nc ]
}

case_pbs_checkpoint() {
  local job next
  job="$(INPUT_FILE=long.nc OUTPUT=out/pk.nc EXTRA="--io library --log-json out/pk.log" handed_in jobscripts/pbs/checkpoint.pbs)"
  # mpirun passes the signal on to all ranks.
  under_way out/pk.log && kill -USR1 "$(pgrep -f -- "mpirun .*-o out/pk.nc" | head -n 1)" && ended "$job" || return 1
  next=$((job + 1))
  good "$next" 90 && [ "$(grep -c '"event":"start"' out/pk.log)" = 2 ] && same out/pk.nc ref-long.nc
}

case_submit_pbs() {
  local job
  job="$("$HALOCLINE" submit -q --scheduler pbs -N 2 --ntasks-per-node 2 --time 10min --site pbs.toml -- stats "$sample" \
    --var sst --op mean,std,trend --over time -o out/sp.nc)" || return 1
  good "${job%%.*}" && same out/sp.nc ref-stats.nc
}

# --- All of them ---------------------------------------------------------------------------

run_cases() {
  local passed=0 failed=0 name verdict begun
  begun=$SECONDS
  if ! references; then
    printf 'the work of one rank, to compare with, has failed\n0 passed, 1 failed\n'
    return 1
  fi
  # shellcheck disable=SC2016
  printf 'launch = """mpirun --hostfile "$PBS_NODEFILE" -np {{ ranks }} --bind-to none --oversubscribe"""\n' > pbs.toml
  cases=(srun_on_two_nodes silent_singletons_are_refused an_error_is_told_once crowded_ranks_are_warned
    slurm_scripts slurm_array slurm_chain checkpoint_requeue_resume end_of_the_job_is_kept a_killed_rank a_lost_node
    submit_refuses_at_once submit_and_status submit_requeue)
  if command -v qsub >/dev/null; then
    cases+=(pbs_scripts pbs_array_and_chain pbs_checkpoint submit_pbs)
  else
    printf '!!! SKIPPED: the scripts for PBS: there is no qsub\n'
  fi
  for name in ${CASES:-"${cases[@]}"}; do
    begun=$SECONDS
    touch begun
    if "case_$name" > case.out 2>&1 9>&-; then
      passed=$((passed + 1)) verdict=ok
    else
      failed=$((failed + 1)) verdict=FAILED
    fi
    printf '%4ds  %-6s  %s\n' "$((SECONDS - begun))" "$verdict" "${name//_/ }"
    if [ "$verdict" = FAILED ]; then
      sed 's/^/      | /' case.out
      # What its jobs have printed.
      find . -maxdepth 2 -newer begun \( -name '*.out' -o -name '*.o[0-9]*' -o -name '*.e[0-9]*' \) | sort |
        while read -r log; do tail -n 8 "$log" | sed "s|^|      ${log#./}: |"; done
    fi
  done
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
}

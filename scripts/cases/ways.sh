# shellcheck shell=bash
# The ways in which scripts/reproduce.sh runs each command. Sourced by it, after lib.sh.

: "${depth:?is how much of it}"

# verdict WAY ok|FAILED|none WHAT
verdict() { printf '%s\t%s\t%s\t%s\n' "$case_name" "$1" "$2" "$3" >> "$CASES_WORK/verdicts/$case_name"; }

# has OPTION: whether the command takes it.
has() { grep -q -e "^ *\(-., \)\?$1\b" "$CASES_WORK/runs/$case_name.help"; }

# ran LAUNCHER… -- OPTIONS…: runs the command of the case in a clean folder; its exit code.
ran() {
  local launcher=() rc=0
  while [ "$1" != -- ]; do launcher+=("$1"); shift; done
  shift
  find "$folder" -maxdepth 1 -type f ! -name '*.state' -delete
  (cd "$folder" && timeout --kill-after=10 300 "${launcher[@]}" -q "${case_words[@]}" "$@" -o "$case_name" \
    < /dev/null > "$folder.said" 2>&1) || rc=$?
  return "$rc"
}

# judged WAY WHAT CODE: the verdict on what `ran` left.
judged() {
  if [ "$3" -ne 0 ]; then
    verdict "$1" FAILED "$2: exit code $3: $(grep -v '^ *$' "$folder.said" | tail -n 1 | tr '\t' ' ')"
  elif same_as_made "$case_name" "$folder" > "$folder.said" 2>&1; then
    verdict "$1" ok "$2"
  else
    verdict "$1" FAILED "$2: other bits: $(tail -n 1 "$folder.said" | tr '\t' ' ')"
  fi
}

# way WAY WHAT LAUNCHER… -- OPTIONS…
way() {
  local kind="$1" what="$2" rc=0
  shift 2
  ran "$@" || rc=$?
  judged "$kind" "$what" "$rc"
}

plain() { way threads "$1 threads" "$HALOCLINE" --mpi no --threads "$1" --; }
thread_ranks() { way "ranks as threads" "$1 x $2" "$HALOCLINE" --thread-ranks "$1" --threads "$2" --; }
open_mpi() { way "Open MPI" "$1 x $2" "$MPIRUN" -n "$1" "$HALOCLINE" --threads "$2" --; }
mpich() { way MPICH "$1 x $2" "$MPICH_RUN" -n "$1" "$HALOCLINE_MPICH" --threads "$2" --; }
nodes() {
  way "$1 nodes" "$2 ranks" srun -Q -N "$1" --ntasks-per-node="$2" --overcommit --mpi=pmix "$HALOCLINE" --threads 1 --
}

# decomposed RANKS PARTS: a division that the command does not know is refused, which is well.
decomposed() {
  local rc=0
  ran "$HALOCLINE" --thread-ranks "$1" --threads 1 -- --decomposition "$2" || rc=$?
  if [ "$rc" -eq 2 ] && grep -q 'decomposition' "$folder.said"; then return; fi
  judged decomposition "$1 ranks, $2" "$rc"
}

# least LAUNCHER…: the least memory, in MB, with which the command does not refuse.
least() {
  local more base rc
  rc=0
  ran "$@" -- --memory 1MB || rc=$?
  [ "$rc" -eq 5 ] || { echo 1; return; }
  base="$(sed -n -e 's/.*process itself takes \([0-9]*\).*MB.*/\1/p' -e 's/.*allow --memory \([0-9]*\)MB.*/\1/p' "$folder.said" | head -n 1)"
  for more in 0 1 2 3 4 6 8 12 16 24 32 48 64 96 128; do
    rc=0
    ran "$@" -- --memory "$((${base:-60} + more))MB" || rc=$?
    if [ "$rc" -ne 5 ]; then
      echo "$((base + more))"
      return
    fi
  done
  echo 1000
}

# little LAUNCHER-NAME LAUNCHER…: with the least memory.
little() {
  local name="$1" size rc
  shift
  size="$(least "$@")"
  # What the process itself takes differs by a little from run to run.
  for _ in 1 2 3 4 5; do
    rc=0
    ran "$@" -- --memory "${size}MB" || rc=$?
    if [ "$rc" -ne 5 ]; then break; fi
    size=$((size + 2))
  done
  judged memory "$name, ${size}MB" "$rc"
}

# resumed STOPPED-ON RESUMED-ON: stopped at once on some ranks, gone on with on others.
resumed() {
  local rc=0 state="$folder/run.state" stop
  rm -f "$state"
  # shellcheck disable=SC2086 # the words of a launcher
  ran $1 -- --checkpoint "$state" --time-limit 0.001s || rc=$?
  # Refused, as it says: no saved state of this.
  if [ "$rc" -eq 2 ] && grep -q 'state' "$folder.said"; then return; fi
  if [ "$rc" -ne 75 ]; then
    # What is done before it can stop.
    stop="not stopped (code $rc), "
    if [ "$rc" -ne 0 ]; then judged resume "$3" "$rc"; return; fi
  fi
  # shellcheck disable=SC2086
  way resume "${stop:-}$3" $2 -- --checkpoint "$state" --resume
  rm -f "$state"
}

# all_ways NUMBER NAME COMMAND…: the work of one process of the script.
all_ways() {
  local number="$1" ranks threads words
  case_name="$2"
  shift 2
  read -ra case_words <<< "$*"
  folder="$CASES_WORK/runs/$case_name.d"
  inputs_into "$folder"
  words=("${case_words[0]}")
  case "${words[0]}" in calc | filter | spectrum | transport) words+=("${case_words[1]}") ;; esac
  "$HALOCLINE" --mpi no "${words[@]}" --help > "$CASES_WORK/runs/$case_name.help"

  local serial="$HALOCLINE --mpi no --threads 2" three="$HALOCLINE --thread-ranks 3 --threads 1"
  if [ "$depth" = quick ]; then
    thread_ranks $((2 + number % 4)) $((1 + number % 3))
    if command -v "$MPIRUN" > /dev/null; then open_mpi $((2 + number % 3)) $((1 + number % 2)); fi
    if has --decomposition; then decomposed 2 lat=2; fi
    if has --checkpoint; then resumed "$three" "$serial" "3 ranks, then 1"; fi
    if has --memory && [ $((number % 4)) -eq 0 ]; then little "3 ranks" "$HALOCLINE" --thread-ranks 3 --threads 1; fi
  elif [ "$depth" != nodes ] && [ "$depth" != mpich ]; then
    for threads in 1 2 3 4; do plain "$threads"; done
    for ranks in 1 2 3 4 5 6 7 8; do
      for threads in 1 2 3 4; do thread_ranks "$ranks" "$threads"; done
    done
    if command -v "$MPIRUN" > /dev/null; then
      for ranks in 1 2 3 4 5 6 7 8; do
        if [ "$depth" = product ]; then
          for threads in 1 2 3 4; do open_mpi "$ranks" "$threads"; done
        else
          open_mpi "$ranks" $((1 + (ranks + number) % 4))
        fi
      done
    fi
    if has --decomposition; then
      decomposed 2 lat=2; decomposed 3 lon=3; decomposed 5 lat=5; decomposed 4 lat=2,lon=2
      decomposed 3 time=3; decomposed 4 time=2,lat=2; decomposed 8 time=2,lat=2,lon=2
    fi
    # Of a report, pictures that don't fit are left out, as the page says.
    if has --memory && [ "${case_words[0]}" != report ]; then
      little "1 rank" "$HALOCLINE" --mpi no --threads 2
      little "3 ranks" "$HALOCLINE" --thread-ranks 3 --threads 2
    fi
    if has --checkpoint; then
      resumed "$serial" "$HALOCLINE --thread-ranks 5 --threads 2" "1 rank, then 5"
      resumed "$three" "$serial" "3 ranks, then 1"
      if command -v "$MPIRUN" > /dev/null; then
        resumed "$MPIRUN -n 4 $HALOCLINE --threads 1" "$MPIRUN -n 2 $HALOCLINE --threads 2" "Open MPI 4, then 2"
      fi
    fi
  fi
  if [ -n "$HALOCLINE_MPICH" ]; then
    for ranks in 1 2 3 4 8; do mpich "$ranks" $((1 + (ranks + number) % 4)); done
  fi
  if [ "${with_cluster:-no}" = yes ]; then nodes 1 4; nodes 2 2; nodes 2 3; fi
  rm -rf "$folder" "$folder.said"
  if grep -q $'\tFAILED\t' "$CASES_WORK/verdicts/$case_name"; then
    grep $'\tFAILED\t' "$CASES_WORK/verdicts/$case_name" | tr '\t' ' ' >&2
  fi
}

export -f verdict has ran judged way plain thread_ranks open_mpi mpich nodes decomposed least little resumed all_ways

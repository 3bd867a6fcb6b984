# shellcheck shell=bash
# What the scripts that run every command share: the cases (commands.txt), how each is run in a
# folder of its own, and what it has to be the same as. To be sourced.
#
# HALOCLINE   the program
# CASES_WORK  a folder for everything

cases_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export cases_dir
: "${HALOCLINE:?is the program}" "${CASES_WORK:?is a folder}"
export HALOCLINE CASES_WORK
# Nothing of the user's, nothing left behind.
export HALOCLINE_CACHE_DIR="$CASES_WORK/cache"

# cases: lines of name and command, those of `--full` only if $1 is `all`.
cases() {
  grep -v '^#' "$cases_dir/commands.txt" | grep . | if [ "${1:-}" = all ]; then cat; else grep -v '^long_'; fi
}

# steps_of_program: what `halocline run` can do, one a line, as it says itself of a step that it
# does not know.
steps_of_program() {
  printf '[[step]]\nname = "a"\ndo = "?"\n' > "$CASES_WORK/steps.toml"
  { "$HALOCLINE" --mpi no run "$CASES_WORK/steps.toml" 2>&1 || true; } |
    sed -n 's/.*there are \(.*\)$/\1/p' | sed 's/, /\n/g'
}

# forgotten_steps: those without a case.
forgotten_steps() {
  local step steps
  steps="$(steps_of_program)"
  [ "$(wc -l <<< "$steps")" -ge 40 ] || { echo "(the program does not say which steps there are)"; return; }
  while read -r step; do
    case "$step" in
      # A selection is no command; anomalies are those of a climatology.
      select) ;;
      anomaly) grep -Eq '^[^#]* climatology .*--anomaly ' "$cases_dir/commands.txt" || echo "$step" ;;
      *) grep -Eq "^[^ #]+ +$step " "$cases_dir/commands.txt" || echo "$step" ;;
    esac
  done <<< "$steps"
}

# inputs_into FOLDER: the inputs, and `made`.
inputs_into() {
  mkdir -p "$1"
  ln -sf "$cases_dir"/*.nc "$1"
  ln -sfn "$(realpath "$cases_dir/../../tests/data/ersstv5_sst_201001-202008.nc")" "$1/sample.nc"
  ln -sfn "$CASES_WORK/made" "$1/made"
}

# results_in FOLDER: the names of what a command wrote there.
results_in() { find "$1" -maxdepth 1 -type f ! -name '.*' ! -name '*.state' -printf '%f\n' | sort; }

# make_one NAME COMMAND…: a result, on one thread of one rank, into made/.
make_one() {
  local name="$1" folder="$CASES_WORK/one/$1" words
  shift
  inputs_into "$folder"
  read -ra words <<< "$*"
  if ! (cd "$folder" && "$HALOCLINE" --mpi no --threads 1 -q "${words[@]}" -o "$name" < /dev/null > said 2>&1); then
    printf '%s: could not be made: %s\n' "$name" "$(tail -n 1 "$folder/said")"
    return 1
  fi
  rm "$folder/said"
  # What belongs to a case is listed, so that others can be compared with it.
  results_in "$folder" > "$CASES_WORK/lists/$name"
  (cd "$folder" && xargs -a "$CASES_WORK/lists/$name" mv -t "$CASES_WORK/made")
  rm -r "$folder"
}

# make_all [all]: every result once; first those that others are made of.
make_all() {
  local failed=0
  mkdir -p "$CASES_WORK"/{made,lists,one}
  # shellcheck disable=SC2016 # the processes expand it
  cases "${1:-}" | grep -v ' made/' | xargs -P "$(nproc)" -d '\n' -n 1 bash -c 'make_one $0' || failed=1
  # shellcheck disable=SC2016
  cases "${1:-}" | grep ' made/' | xargs -P "$(nproc)" -d '\n' -n 1 bash -c 'make_one $0' || failed=1
  return "$failed"
}

# same FILE FILE: whether both hold the same, bit for bit; NetCDF but for when and how it was made.
same() {
  case "$1" in
    *.nc) "$HALOCLINE" --mpi no --threads 1 compare -q "$1" "$2" ;;
    *) cmp "$1" "$2" ;;
  esac
}

# same_as_made NAME FOLDER: whether a folder has the results of a case, and no others.
same_as_made() {
  local result
  diff "$CASES_WORK/lists/$1" <(results_in "$2") || return 1
  while read -r result; do
    same "$CASES_WORK/made/$result" "$2/$result" || return 1
  done < "$CASES_WORK/lists/$1"
}

export -f cases inputs_into results_in make_one same same_as_made

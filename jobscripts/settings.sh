# shellcheck shell=bash
# What all job scripts of this folder share: modules, the program, how ranks are started. Edit it
# once for your site; a script reads it with `source`, from the folder where it was handed in.
# Everything may also be set from outside: HALOCLINE=/path/to/halocline sbatch …

# --- Modules -------------------------------------------------------------------------------
# Load the same modules as when Halocline was built, for instance:
# module load openmpi hdf5 netcdf-c

# --- The program, on a file system that all nodes see ----------------------------------------
HALOCLINE="${HALOCLINE:-target/release/halocline}"

# --- How ranks are started -------------------------------------------------------------------
# JOB: the job's number. RANKS and THREADS: ranks in all, and cores of each. LAUNCH: the words
# that stand before the program.
if [ -n "${PBS_NODEFILE:-}" ]; then
  JOB="${PBS_JOBID%%.*}"
  # PBS writes one line for each rank (mpiprocs) into this file, and ompthreads into this variable.
  RANKS=$(wc -l < "$PBS_NODEFILE")
  THREADS="${OMP_NUM_THREADS:-1}"
  NODES=$(sort -u "$PBS_NODEFILE" | tr '\n' ' ')
  # Open MPI's options. An Open MPI built with PBS support starts its daemons inside the job. One
  # without (as Debian's) uses ssh between nodes, or the agent that your site names in
  # OMPI_MCA_plm_rsh_agent. MPICH, Intel MPI: mpiexec -n "$RANKS".
  LAUNCH=(mpirun --hostfile "$PBS_NODEFILE" -np "$RANKS")
  if [ "${BIND:-core}" = core ]; then
    LAUNCH+=(--map-by "slot:PE=$THREADS" --bind-to core)   # each rank keeps its own cores
  else
    LAUNCH+=(--bind-to none --oversubscribe)               # BIND=none: shared or virtual nodes
  fi
elif [ -n "${SLURM_JOB_ID:-}" ]; then
  JOB="${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
  RANKS="$SLURM_NTASKS"
  THREADS="${SLURM_CPUS_PER_TASK:-1}"
  NODES="$SLURM_JOB_NODELIST"
  # `srun --mpi=list` tells which kinds your SLURM has. Open MPI wants pmix; MPICH, Intel MPI and
  # Cray MPICH want pmi2 or cray_shasta; some sites preset it: then drop it. With the wrong kind
  # each rank believes that it is alone, and Halocline refuses (code 6).
  # (Since SLURM 22.05, srun must be told --cpus-per-task again.)
  LAUNCH=(srun --mpi="${MPI_KIND:-pmix}" --kill-on-bad-exit=1 --cpus-per-task="$THREADS")
  if [ "${BIND:-core}" = core ]; then LAUNCH+=(--cpu-bind=cores); else LAUNCH+=(--cpu-bind=none); fi
  # Where srun does not start MPI programs, mpirun of the loaded module does (Open MPI's options):
  # LAUNCH=(mpirun --map-by "slot:PE=$THREADS" --bind-to core)
else
  # Neither: tried out by hand, on this computer.
  JOB="$$" RANKS=1 THREADS=1 NODES="$(hostname)" LAUNCH=()
fi
# Threads belong to Halocline; libraries below it must not start their own.
export OMP_NUM_THREADS=1

# analyse ARGUMENTS...: runs the program on all ranks.
analyse() {
  "${LAUNCH[@]}" "$HALOCLINE" --threads "$THREADS" "$@"
}

# job_ends_in SECONDS: tells Halocline when the wall time is over, so that a job with
# --checkpoint stops before it. Call it first: seconds count from now.
job_ends_in() {
  HALOCLINE_JOB_END=$(( $(date +%s) + $1 ))
  export HALOCLINE_JOB_END
}

echo "job $JOB: $RANKS ranks x $THREADS threads on $NODES"

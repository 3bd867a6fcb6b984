//! Environments as launchers and job scripts make them.

use super::{Launch, Launcher};

fn launch(environment: &[(&str, &str)]) -> Launch {
    Launch::from_environment(|name| {
        environment.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
    })
}

fn seen(environment: &[(&str, &str)]) -> (Launcher, Option<usize>, Option<usize>) {
    let Launch { launcher, ranks, rank } = launch(environment);
    (launcher, ranks, rank)
}

const NOTHING: (Launcher, Option<usize>, Option<usize>) = (Launcher::None, None, None);

const ALLOCATION: [(&str, &str); 6] = [
    ("SLURM_JOB_ID", "4711"),
    ("SLURM_NTASKS", "8"),
    ("SLURM_NPROCS", "8"),
    ("SLURM_TASKS_PER_NODE", "4(x2)"),
    ("SLURM_CPUS_ON_NODE", "64"),
    ("SLURM_NNODES", "2"),
];

fn within(
    allocation: &[(&'static str, &'static str)],
    more: &[(&'static str, &'static str)],
) -> Vec<(&'static str, &'static str)> {
    [allocation, more].concat()
}

#[test]
fn shells_and_job_scripts_are_no_launchers() {
    assert_eq!(seen(&[]), NOTHING);
    assert_eq!(seen(&[("OMP_NUM_THREADS", "4")]), NOTHING);
    // A shell of salloc on the login node.
    assert_eq!(seen(&ALLOCATION), NOTHING);
    // The shell of an sbatch script is process 0 of the batch "step", under each name of it.
    let script = [("SLURM_PROCID", "0"), ("SLURM_LOCALID", "0"), ("SLURM_NODEID", "0")];
    assert_eq!(seen(&within(&ALLOCATION, &script)), NOTHING);
    for step in ["batch", "4294967291", "-5", ""] {
        let script = within(&script, &[("SLURM_STEP_ID", step), ("SLURM_STEP_NUM_TASKS", "8")]);
        assert_eq!(seen(&within(&ALLOCATION, &script)), NOTHING, "step {step:?}");
    }
    // salloc with an interactive step.
    let shell = [("SLURM_PROCID", "0"), ("SLURM_STEP_ID", "4294967290"), ("SLURM_STEP_NUM_TASKS", "2")];
    assert_eq!(seen(&within(&ALLOCATION, &shell)), NOTHING);
    // srun --pty bash, and an sbatch script submitted from there.
    let shell = [("SLURM_PROCID", "0"), ("SLURM_STEP_ID", "0"), ("SLURM_STEP_NUM_TASKS", "1")];
    assert_eq!(seen(&within(&ALLOCATION, &shell)), NOTHING);
    // A PBS script.
    let script = [("PBS_JOBID", "12.srv"), ("PBS_NODEFILE", "/var/spool/n"), ("PBS_NP", "8"), ("NCPUS", "4")];
    assert_eq!(seen(&script), NOTHING);
}

#[test]
fn mpirun_of_open_mpi() {
    let mpirun = [("OMPI_COMM_WORLD_SIZE", "8"), ("OMPI_COMM_WORLD_RANK", "3"), ("PMIX_RANK", "3")];
    assert_eq!(seen(&mpirun), (Launcher::OpenMpi, Some(8), Some(3)));
    // In a PBS job, and in a SLURM job, where its daemons are a step of one task per node.
    assert_eq!(seen(&within(&mpirun, &[("PBS_NODEFILE", "/n")])), (Launcher::OpenMpi, Some(8), Some(3)));
    let daemon = [("SLURM_STEP_ID", "1"), ("SLURM_PROCID", "0"), ("SLURM_STEP_NUM_TASKS", "2")];
    let inside = within(&ALLOCATION, &within(&daemon, &mpirun));
    assert_eq!(seen(&inside), (Launcher::OpenMpi, Some(8), Some(3)));
    assert_eq!(seen(&[("OMPI_COMM_WORLD_SIZE", "1")]), (Launcher::OpenMpi, Some(1), None));
}

#[test]
fn pmi_launchers() {
    let hydra = [("PMI_RANK", "2"), ("PMI_SIZE", "4"), ("MPI_LOCALNRANKS", "4")];
    assert_eq!(seen(&hydra), (Launcher::Pmi, Some(4), Some(2)));
    let daemon = [("SLURM_STEP_ID", "0"), ("SLURM_PROCID", "0"), ("SLURM_STEP_NUM_TASKS", "1")];
    assert_eq!(seen(&within(&daemon, &hydra)), (Launcher::Pmi, Some(4), Some(2)));
    assert_eq!(seen(&[("PMI_RANK", "2")]), (Launcher::Pmi, None, Some(2)));
}

#[test]
fn srun() {
    let step = [("SLURM_STEP_ID", "3"), ("SLURM_PROCID", "5"), ("SLURM_STEP_NUM_TASKS", "8")];
    assert_eq!(seen(&within(&ALLOCATION, &step)), (Launcher::Slurm, Some(8), Some(5)));
    let pmix = within(&step, &[("PMIX_RANK", "5"), ("PMIX_NAMESPACE", "slurm.pmix.4711.3")]);
    assert_eq!(seen(&within(&ALLOCATION, &pmix)), (Launcher::Pmix, Some(8), Some(5)));
    let pmi2 = within(&step, &[("PMI_RANK", "5"), ("PMI_SIZE", "8"), ("PMI_FD", "11")]);
    assert_eq!(seen(&within(&ALLOCATION, &pmi2)), (Launcher::Pmi, Some(8), Some(5)));
    // An incomplete step proves nothing.
    for missing in 0..3 {
        let mut incomplete = step.to_vec();
        incomplete.remove(missing);
        assert_eq!(seen(&incomplete), NOTHING);
    }
}

#[test]
fn prun_says_not_how_many() {
    // Rank 5 of a daemon that is task 0 of its step: the step's size is not ours.
    let daemon = [("SLURM_STEP_ID", "1"), ("SLURM_PROCID", "0"), ("SLURM_STEP_NUM_TASKS", "2")];
    let rank = within(&daemon, &[("PMIX_RANK", "5")]);
    assert_eq!(seen(&rank), (Launcher::Pmix, None, Some(5)));
    assert_eq!(seen(&[("PMIX_RANK", "0")]), (Launcher::Pmix, None, Some(0)));
}

#[test]
fn nonsense_is_nothing() {
    assert_eq!(seen(&[("OMPI_COMM_WORLD_SIZE", ""), ("PMI_RANK", "none"), ("PMIX_RANK", "-1")]), NOTHING);
    assert_eq!(seen(&[("OMPI_COMM_WORLD_SIZE", " 4 ")]), (Launcher::OpenMpi, Some(4), None));
}

#[test]
fn fewer_ranks_than_started_are_refused() {
    let of = |size: &str, rank: &str| launch(&[("PMI_SIZE", size), ("PMI_RANK", rank)]);
    assert_eq!(of("4", "0").check_size(4), Ok(()));
    // More than the launcher told: heterogeneous jobs. Nobody works alone there.
    assert_eq!(of("4", "0").check_size(8), Ok(()));
    let error = of("4", "2").check_size(1).expect_err("silent copies");
    assert_eq!((error.exit_code(), error.rank), (6, Some(2)));
    assert_eq!(error.message, "a PMI launcher (mpiexec) started 4 ranks, but MPI sees 1");
    assert!(error.remedy.is_some_and(|remedy| remedy.contains("srun --mpi=pmix")));
    // The rank alone gives it away too.
    assert!(launch(&[("PMIX_RANK", "1")]).check_size(1).is_err());
    assert_eq!(launch(&[]).check_size(1), Ok(()));
}

#[test]
fn srun_without_pmi_is_refused() {
    let step = |tasks| [("SLURM_STEP_ID", "3"), ("SLURM_PROCID", "1"), ("SLURM_STEP_NUM_TASKS", tasks)];
    let error = launch(&step("8")).check_wiring().expect_err("no way to find each other");
    assert_eq!((error.exit_code(), error.rank), (6, Some(1)));
    assert!(error.message.contains("srun started 8 ranks"));
    for fine in [&step("1")[..], &within(&step("8"), &[("PMIX_RANK", "1")]), &[("OMPI_COMM_WORLD_SIZE", "8")]]
    {
        assert_eq!(launch(fine).check_wiring(), Ok(()));
    }
}

#[test]
fn one_speaks_for_all() {
    assert!(launch(&[]).is_spokesman());
    assert!(launch(&[("PMI_RANK", "0")]).is_spokesman());
    assert!(!launch(&[("PMI_RANK", "1")]).is_spokesman());
    assert!(!launch(&[]).is_launched() && launch(&[("PMI_RANK", "0")]).is_launched());
}

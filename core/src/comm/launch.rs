//! Who started this process, read from the environment.
//!
//! MPI is initialised only when a launcher started us, since that costs a tenth of a second or
//! more and may fail on a login node. What proves it:
//!
//! - `OMPI_COMM_WORLD_SIZE`: mpirun of Open MPI (also IBM's jsrun);
//! - `PMI_RANK`: Hydra (MPICH, Intel MPI, MVAPICH), Cray PALS, `srun --mpi=pmi2`;
//! - `PMIX_RANK`: `srun --mpi=pmix`, prun;
//! - a step of srun: `SLURM_STEP_ID`, `SLURM_PROCID` and `SLURM_STEP_NUM_TASKS` together.
//!
//! They are tried in this order, the launcher nearest to the process first: mpirun inside a
//! SLURM job starts its daemons by srun, so its processes inherit a step whose tasks are the
//! daemons.
//!
//! What proves nothing: `SLURM_NTASKS`, `SLURM_PROCID` (0 in an sbatch script), `PBS_NODEFILE`,
//! `PBS_NP`: they describe the allocation, and a plain command in a job script has them too.
//! SLURM calls the script itself and an interactive shell of salloc a step as well; those have
//! reserved step numbers (or `batch`), which are not taken for steps. A shell from
//! `srun --pty` can't be told from a step of one task; one task needs no MPI, so a step of one
//! task that offers neither PMI nor `PMIx` counts as no launcher.

use crate::{Error, Result};

/// What started this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Launcher {
    /// Nothing that concerns MPI: a shell, a job script.
    None,
    /// The mpirun of Open MPI.
    OpenMpi,
    /// A launcher that speaks PMI: `mpiexec` of MPICH, Intel MPI, PALS, `srun --mpi=pmi2`.
    Pmi,
    /// A launcher that speaks `PMIx`.
    Pmix,
    /// srun, without PMI.
    Slurm,
}

impl Launcher {
    /// As messages name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "no launcher",
            Self::OpenMpi => "mpirun (Open MPI)",
            Self::Pmi => "a PMI launcher (mpiexec)",
            Self::Pmix => "a PMIx launcher (srun --mpi=pmix, prun)",
            Self::Slurm => "srun",
        }
    }
}

/// How this process was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// What started it.
    pub launcher: Launcher,
    /// How many ranks the launcher says it started, if it says so.
    pub ranks: Option<usize>,
    /// This process's rank according to the launcher.
    pub rank: Option<usize>,
}

/// SLURM numbers its pseudo-steps (batch, extern, interactive, pending) from here upwards.
const FIRST_RESERVED_STEP: u64 = 0xffff_fff0;

impl Launch {
    /// From the environment of this process.
    pub fn detect() -> Self {
        Self::from_environment(|name| std::env::var(name).ok())
    }

    /// From an environment given as a look-up.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let number = |name: &str| lookup(name)?.trim().parse::<usize>().ok();
        let step = match (
            number("SLURM_STEP_ID").filter(|&id| (id as u64) < FIRST_RESERVED_STEP),
            number("SLURM_PROCID"),
            number("SLURM_STEP_NUM_TASKS"),
        ) {
            (Some(_), Some(rank), Some(ranks)) => Some((rank, ranks)),
            _ => None,
        };
        if let Some(ranks) = number("OMPI_COMM_WORLD_SIZE") {
            return Self::by(Launcher::OpenMpi, Some(ranks), number("OMPI_COMM_WORLD_RANK"));
        }
        if let Some(rank) = number("PMI_RANK") {
            return Self::by(Launcher::Pmi, number("PMI_SIZE"), Some(rank));
        }
        if let Some(rank) = number("PMIX_RANK") {
            // The step's size is ours only if its ranks are: prun starts its daemons as a step.
            let ranks = step.filter(|&(step_rank, _)| step_rank == rank).map(|(_, ranks)| ranks);
            return Self::by(Launcher::Pmix, ranks, Some(rank));
        }
        match step {
            Some((rank, ranks)) if ranks > 1 => Self::by(Launcher::Slurm, Some(ranks), Some(rank)),
            _ => Self::by(Launcher::None, None, None),
        }
    }

    const fn by(launcher: Launcher, ranks: Option<usize>, rank: Option<usize>) -> Self {
        Self { launcher, ranks, rank }
    }

    /// Whether a launcher started this process, so that MPI is to be initialised.
    pub fn is_launched(&self) -> bool {
        self.launcher != Launcher::None
    }

    /// Whether this process is the one to print an error that all of them meet before they can
    /// talk to each other.
    pub fn is_spokesman(&self) -> bool {
        self.rank.unwrap_or(0) == 0
    }

    /// Checks that this process may run without MPI: it must be the only one. `why` says why it
    /// has no MPI.
    ///
    /// # Errors
    /// Communication, if the launcher started several ranks, or may have: they would be silent
    /// copies of one job. The error names the launcher's rank.
    pub fn check_alone(&self, why: &str, remedy: &str) -> Result<()> {
        let message = match (self.launcher, self.ranks) {
            (Launcher::None, _) | (_, Some(1)) => return Ok(()),
            (launcher, Some(ranks)) => format!("{} started {ranks} ranks, but {why}", launcher.name()),
            (launcher, None) => {
                format!("{} started this process and perhaps others, but {why}", launcher.name())
            }
        };
        Err(self.refusal(message, remedy))
    }

    /// Checks the rank count that MPI found against what the launcher says.
    ///
    /// # Errors
    /// Communication, if MPI sees fewer ranks than were started: launcher and MPI library do not
    /// know each other, and every process would do the whole job. The error names the
    /// launcher's rank.
    pub fn check_size(&self, size: usize) -> Result<()> {
        match self.ranks.max(self.rank.map(|rank| rank + 1)) {
            Some(ranks) if size < ranks => Err(self.refusal(
                format!("{} started {ranks} ranks, but MPI sees {size}", self.launcher.name()),
                "start with the mpirun of the MPI library that this program is linked to, or with \
                 `srun --mpi=pmix` (`srun --mpi=list` shows what there is)",
            )),
            _ => Ok(()),
        }
    }

    /// Checks that srun offers its tasks what an Open MPI finds its ranks by. Without it, MPI's own
    /// start would end each rank with a page of text.
    ///
    /// # Errors
    /// Communication, if srun started several ranks without PMI or `PMIx`. An Open MPI that was
    /// built to ask SLURM itself could still start: `--mpi yes` lets it try.
    #[cfg(any(feature = "mpi", test))]
    pub(super) fn check_wiring(&self) -> Result<()> {
        match (self.launcher, self.ranks) {
            (Launcher::Slurm, Some(ranks)) if ranks > 1 => Err(self.refusal(
                format!("srun started {ranks} ranks without telling Open MPI how they find each other"),
                "use `srun --mpi=pmix` (`srun --mpi=list` shows what there is) or mpirun; --mpi yes tries all the same",
            )),
            _ => Ok(()),
        }
    }

    fn refusal(&self, message: String, remedy: &str) -> Error {
        let mut error = Error::communication(message).remedy(remedy);
        error.rank = self.rank;
        error
    }
}

#[cfg(test)]
mod tests;

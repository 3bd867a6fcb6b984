//! The session: starts and ends MPI, and refuses to run as N silent copies of one job.

use super::{Comm, Launch};
#[cfg(not(feature = "mpi"))]
use crate::Error;
use crate::Result;

/// Whether to use MPI (`--mpi`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MpiMode {
    /// When a launcher started this process.
    #[default]
    Auto,
    /// Always; without a launcher as a single rank.
    Yes,
    /// Never; refused when a launcher started several ranks.
    No,
}

/// The group of all ranks, from start to end: exactly one per process, on the main thread.
///
/// MPI ends when this guard and all [`Comm`]s made from it are dropped, so return from `main`
/// instead of calling `std::process::exit`. If the guard is dropped by a panic, the other ranks
/// can't be waited for: the world is aborted with code 70.
#[derive(Debug)]
pub struct World {
    comm: Comm,
    launch: Launch,
}

impl World {
    /// Finds out how this process was started, initialises MPI if that is called for, and checks
    /// that all ranks see each other.
    ///
    /// # Errors
    /// Communication (exit code 6): several ranks were started but this build or `mode` has no
    /// MPI; MPI sees fewer ranks than the launcher started; MPI was asked for but is not built
    /// in, was initialised already, or lacks `MPI_THREAD_FUNNELED`. Every rank meets these by
    /// itself: print them only where [`Launch::is_spokesman`].
    ///
    /// # Collective
    /// Every process calls this, once.
    pub fn start(mode: MpiMode) -> Result<Self> {
        Self::start_as(mode, Launch::detect())
    }

    fn start_as(mode: MpiMode, launch: Launch) -> Result<Self> {
        let wanted = match mode {
            MpiMode::Auto => launch.is_launched(),
            MpiMode::Yes => true,
            MpiMode::No => {
                launch.check_alone("MPI is switched off", "use `--mpi auto`, or start one rank")?;
                false
            }
        };
        let comm = if wanted { connect(mode, launch)? } else { Comm::serial() };
        Ok(Self { comm, launch })
    }

    /// The group of all ranks.
    pub fn comm(&self) -> Comm {
        self.comm.clone()
    }

    /// How this process was started.
    pub fn launch(&self) -> Launch {
        self.launch
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() && self.comm.size() > 1 {
            self.comm.abort(crate::ErrorKind::Internal.exit_code());
        }
    }
}

#[cfg(feature = "mpi")]
fn connect(mode: MpiMode, launch: Launch) -> Result<Comm> {
    if mode == MpiMode::Auto && super::mpi::MpiComm::is_of_open_mpi() {
        launch.check_wiring()?;
    }
    let comm = Comm::Mpi(super::mpi::MpiComm::initialise()?);
    launch.check_size(comm.size())?;
    Ok(comm)
}

#[cfg(not(feature = "mpi"))]
fn connect(mode: MpiMode, launch: Launch) -> Result<Comm> {
    const WHY: &str = "this build has no MPI";
    const REMEDY: &str = "build with `--features mpi`";
    launch.check_alone(WHY, REMEDY)?;
    if mode == MpiMode::Yes {
        return Err(Error::communication(WHY).remedy(REMEDY));
    }
    Ok(Comm::serial())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Launcher;

    fn launch(launcher: Launcher, ranks: Option<usize>) -> Launch {
        Launch { launcher, ranks, rank: (launcher != Launcher::None).then_some(0) }
    }

    #[test]
    fn a_plain_process_is_serial() {
        for mode in [MpiMode::Auto, MpiMode::No] {
            let world = World::start_as(mode, launch(Launcher::None, None)).expect("starts");
            assert!(matches!(world.comm(), Comm::Serial(_)));
            assert!(!world.launch().is_launched());
        }
    }

    #[test]
    fn silent_copies_are_refused() {
        for ranks in [Some(2), None] {
            let error = World::start_as(MpiMode::No, launch(Launcher::Pmix, ranks)).expect_err("refused");
            assert_eq!((error.exit_code(), error.rank), (6, Some(0)));
            assert!(error.remedy.is_some());
        }
        let world = World::start_as(MpiMode::No, launch(Launcher::OpenMpi, Some(1))).expect("starts");
        assert_eq!(world.comm().size(), 1);
    }

    #[cfg(not(feature = "mpi"))]
    #[test]
    fn a_build_without_mpi_runs_alone_only() {
        let start = |mode, launch| World::start_as(mode, launch).map(|world| world.comm().size());
        assert_eq!(start(MpiMode::Auto, launch(Launcher::OpenMpi, Some(1))), Ok(1));
        for (mode, launch) in [
            (MpiMode::Auto, launch(Launcher::OpenMpi, Some(2))),
            (MpiMode::Auto, launch(Launcher::Pmix, None)),
            (MpiMode::Yes, launch(Launcher::None, None)),
            (MpiMode::Yes, launch(Launcher::OpenMpi, Some(1))),
        ] {
            let error = start(mode, launch).expect_err("refused");
            assert_eq!(error.exit_code(), 6);
            assert!(error.to_string().contains("has no MPI"), "{error}");
        }
    }
}

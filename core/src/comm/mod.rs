//! Groups of ranks and how they talk.
//!
//! A [`Comm`] is one of a closed set of backends: one process alone, ranks that are threads of
//! this process, or MPI. Its signatures do not depend on features, and a program written once
//! runs on all three with the same bits. Everything travels as bytes; whatever exceeds the
//! message limit is cut into pieces here, because MPI counts in 32 bits.
//!
//! There is no sum of floats over ranks on purpose: its bits would depend on their number.
//! Such sums go through the ordered merge of the engine.

mod agreement;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod exchange;
mod formula;
#[cfg(feature = "mpi")]
mod host;
mod launch;
mod link;
#[cfg(feature = "mpi")]
mod mpi;
mod reduce;
mod serial;
mod stats;
mod threads;
mod threads_hint;
mod transport;
mod world;

pub use formula::Formula;
#[cfg(feature = "mpi")]
pub use host::{host_allows_threads, of_host};
pub use launch::{Launch, Launcher};
#[cfg(feature = "mpi")]
pub use mpi::{mpi_library, raw_info_null, MpiComm, RawInfo, RawMpi};
pub use reduce::{Extreme, Number, Reduce};
pub use serial::SerialComm;
pub use stats::{Stage, StageGuard, Traffic};
pub use threads::{run_threads, ThreadComm};
pub use threads_hint::threads_per_rank;
pub use world::{MpiMode, World};

use link::Link;
use transport::Transport;

/// A group of ranks.
///
/// Cloning is cheap and gives the same group, not a new one: clones share the order of their
/// messages. A `Comm` stays on the thread that made it, whatever the features, since MPI is
/// driven from one thread only.
#[derive(Clone, Debug)]
pub enum Comm {
    /// One process: every collective is the identity.
    Serial(SerialComm),
    /// Ranks are threads of this process: tests, laptops.
    Threads(ThreadComm),
    /// Ranks are MPI processes.
    #[cfg(feature = "mpi")]
    Mpi(MpiComm),
}

impl Comm {
    /// Tags of [`Self::send`] lie below this number: the largest range that every MPI offers.
    pub const TAG_LIMIT: u32 = 32_767;

    /// The group of this process alone.
    pub fn serial() -> Self {
        Self::Serial(SerialComm { link: Link::new(0) })
    }

    /// This process's number in the group, from 0.
    pub fn rank(&self) -> usize {
        self.transport().map_or(0, Transport::rank)
    }

    /// How many ranks the group has.
    pub fn size(&self) -> usize {
        self.transport().map_or(1, Transport::size)
    }

    /// Whether this is rank 0.
    pub fn is_root(&self) -> bool {
        self.rank() == 0
    }

    /// Waits until every rank has called it.
    ///
    /// # Collective
    /// Every rank calls this.
    pub fn barrier(&self) {
        if let Some(transport) = self.transport() {
            self.link().stats.count(0);
            transport.barrier();
        }
    }

    /// Groups of the ranks that give the same `color`, ordered by `key`, then by rank here.
    /// `None` joins no group and gets none. [`Self::traffic`] counts on in the new group.
    ///
    /// # Collective
    /// Every rank calls this, those that join nothing too.
    pub fn split(&self, color: Option<u32>, key: i64) -> Option<Self> {
        let wish = [i64::from(color.is_some()), i64::from(color.unwrap_or(0)), key];
        let wishes = self.all_gather_v(&wish);
        let mut members: Vec<usize> = (0..wishes.len()).filter(|&r| wishes[r][..2] == wish[..2]).collect();
        members.sort_by_key(|&r| (wishes[r][2], r));
        let link = self.link().for_subgroup();
        match self {
            Self::Serial(_) => color.map(|_| Self::Serial(SerialComm { link })),
            Self::Threads(c) => color.map(|_| Self::Threads(c.subgroup(&members, link))),
            #[cfg(feature = "mpi")]
            Self::Mpi(c) => {
                // MPI colours are 31 bits wide: the lowest member names its group instead.
                let name = color.and_then(|_| members.iter().min().copied());
                let position = members.iter().position(|&r| r == self.rank()).unwrap_or(0);
                c.split(name, position, link).map(Self::Mpi)
            }
        }
    }

    /// The same group, whose messages are cut into pieces of at most `bytes` (1 GiB unless
    /// told). For tests of the cutting; a limit of 0 counts as 1.
    ///
    /// # Collective
    /// Sends nothing, but all ranks must go on with the same limit.
    #[must_use]
    pub fn with_message_limit(&self, bytes: usize) -> Self {
        let mut limited = self.clone();
        limited.link_mut().max_message_bytes = bytes.clamp(1, i32::MAX as usize);
        limited
    }

    /// The longest piece of a message, in bytes: see [`Self::with_message_limit`].
    pub fn message_limit(&self) -> usize {
        self.link().max_message_bytes
    }

    /// What this rank has handed over to others since the start, in this group, its ancestors
    /// and their other descendants. See [`Traffic`] for how collectives count.
    pub fn traffic(&self) -> Traffic {
        self.link().stats.read()
    }

    /// [`Self::traffic`] of one stage.
    pub fn traffic_of(&self, stage: Stage) -> Traffic {
        self.link().stats.read_of(stage)
    }

    /// What this rank sends counts for `stage` until the guard is dropped; stages may be nested, the
    /// inner one counts.
    pub fn stage(&self, stage: Stage) -> StageGuard {
        StageGuard::new(&self.link().stats, stage)
    }

    /// Ends every rank at once with exit code `code`: `MPI_Abort`, else the exit of this
    /// process with all its ranks. For failures after which nothing can be agreed on.
    pub fn abort(&self, code: u8) -> ! {
        match self {
            Self::Serial(_) | Self::Threads(_) => std::process::exit(i32::from(code)),
            #[cfg(feature = "mpi")]
            Self::Mpi(c) => c.abort(code),
        }
    }

    /// The raw MPI communicator, for libraries that do parallel input and output themselves;
    /// `None` when ranks are not MPI processes. It is valid as long as this `Comm` or a clone
    /// lives, and must not be freed.
    #[cfg(feature = "mpi")]
    pub fn raw_mpi(&self) -> Option<RawMpi> {
        match self {
            Self::Mpi(c) => Some(c.raw()),
            _ => None,
        }
    }

    /// What carries messages, unless there is nobody to talk to: a group of one is as a serial one,
    /// and sends as little.
    fn transport(&self) -> Option<&dyn Transport> {
        let transport: &dyn Transport = match self {
            Self::Serial(_) => return None,
            Self::Threads(c) => c,
            #[cfg(feature = "mpi")]
            Self::Mpi(c) => c,
        };
        (transport.size() > 1).then_some(transport)
    }

    fn link(&self) -> &Link {
        match self {
            Self::Serial(c) => &c.link,
            Self::Threads(c) => &c.link,
            #[cfg(feature = "mpi")]
            Self::Mpi(c) => &c.link,
        }
    }

    fn link_mut(&mut self) -> &mut Link {
        match self {
            Self::Serial(c) => &mut c.link,
            Self::Threads(c) => &mut c.link,
            #[cfg(feature = "mpi")]
            Self::Mpi(c) => &mut c.link,
        }
    }
}

//! How much memory a rank may use, and how much its process has used.
//!
//! The promise is about the peak of the resident memory of the process (`VmHWM`), with MPI and
//! all libraries in it, and has a tolerance of 10 %. Whoever plans buffers asks
//! [`MemoryBudget::for_buffers`] what is left for them beside the process itself, and refuses
//! with [`refuse`] what does not fit.

mod grants;
mod parse;
mod resident;
#[cfg(test)]
mod tests;

pub use parse::{bytes_text, parse_bytes};
pub use resident::{peak_resident, resident};

use crate::comm::{Comm, Reduce};
use crate::{Error, ErrorKind};
use grants::Surroundings;

/// The share of what is granted that is used unasked: the rest is for the page cache, the
/// launcher and whatever else lives in the job.
const SHARE_PERCENT: u64 = 80;

/// What libraries take only when they are used: caches of NetCDF and HDF5, buffers of MPI,
/// stacks of threads.
const RESERVE: u64 = 24 << 20;

/// Used where nothing tells how much memory there is.
const UNKNOWN: u64 = 2_000_000_000;

/// What one rank may use, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryBudget {
    /// Bytes of this rank.
    pub bytes: u64,
    /// Where the number comes from, as in `80 % of the control group's limit of 16.0 GB, shared
    /// by 4 ranks on this node`.
    pub origin: String,
    /// Ranks that live in this process: its memory is theirs together.
    ranks_in_process: usize,
    /// What was resident before the first of several jobs.
    before: Option<u64>,
}

impl MemoryBudget {
    /// What the user set with `--memory`, for each rank.
    pub fn asked(bytes: u64, comm: &Comm) -> Self {
        Self { bytes, origin: "--memory".to_owned(), ranks_in_process: ranks_in_process(comm), before: None }
    }

    /// This budget for several jobs, one after the other, of which the first begins now. What
    /// libraries have taken when later ones begin is not reserved for them a second time.
    #[must_use]
    pub fn for_several(self) -> Self {
        Self { before: resident(), ..self }
    }

    /// The budget of every rank: `asked` if given, else the smallest that any rank
    /// [detects](detect), so that all ranks make the same plan.
    ///
    /// # Collective
    /// Every rank calls this with the same `asked`.
    pub fn of(comm: &Comm, asked: Option<u64>) -> Self {
        if let Some(bytes) = asked {
            return Self::asked(bytes, comm);
        }
        let mut mine = detect(ranks_on_node(comm), ranks_in_process(comm));
        let mut least = [mine.bytes];
        comm.all_reduce(&mut least, Reduce::Min);
        if least[0] < mine.bytes {
            mine.bytes = least[0];
            "the smallest share of a rank, on another node".clone_into(&mut mine.origin);
        }
        mine
    }

    /// What this rank's share of the process takes beside buffers: what is resident now (programs,
    /// libraries, MPI, metadata) and a reserve of 24 MiB for what libraries take when used.
    pub fn base(&self) -> u64 {
        let now = resident().unwrap_or(RESERVE);
        let all = match self.before {
            None => now.saturating_add(RESERVE),
            Some(before) => before.saturating_add(RESERVE).max(now.saturating_add(RESERVE / 4)),
        };
        all / self.ranks_in_process as u64
    }

    /// What is left of this rank's budget for buffers beside [`Self::base`]; 0 if nothing is.
    pub fn after_base(&self) -> u64 {
        self.bytes.saturating_sub(self.base())
    }

    /// The largest [`Self::base`] of any rank: what plans that all ranks share are made from.
    ///
    /// # Collective
    /// Every rank calls this.
    pub fn largest_base(&self, comm: &Comm) -> u64 {
        let mut largest = [self.base()];
        comm.all_reduce(&mut largest, Reduce::Max);
        largest[0]
    }

    /// The least that any rank has left for buffers.
    ///
    /// # Collective
    /// Every rank calls this.
    pub fn for_buffers(&self, comm: &Comm) -> u64 {
        self.bytes.saturating_sub(self.largest_base(comm))
    }
}

/// The budget of a rank that was told nothing: 80 % of the least that is granted by the control
/// groups (v1 and v2, those above it included), SLURM, the limits of the process (`ulimit -v`,
/// `-d` and `-m`, by which PBS and others limit jobs) and the memory that is available on the
/// node, each divided by the ranks that share it.
///
/// `ranks_on_node` is what [`ranks_on_node`] tells, `ranks_in_process` what
/// [`ranks_in_process`] does.
pub fn detect(ranks_on_node: usize, ranks_in_process: usize) -> MemoryBudget {
    detect_in(&Surroundings::real(), ranks_on_node, ranks_in_process)
}

fn detect_in(around: &Surroundings<'_>, ranks_on_node: usize, ranks_in_process: usize) -> MemoryBudget {
    let (on_node, in_process) = (ranks_on_node.max(1), ranks_in_process.max(1));
    let shared = |ranks: usize, place: &str| match ranks {
        1 => String::new(),
        n => format!(", shared by {n} ranks {place}"),
    };
    let share = |grant: &grants::Grant| {
        let (ranks, sharing) = if grant.of_process {
            (in_process, shared(in_process, "in this process"))
        } else {
            (on_node, shared(on_node, "on this node"))
        };
        let origin = format!("{SHARE_PERCENT} % of {} of {}{sharing}", grant.name, bytes_text(grant.bytes));
        (grant.bytes / 100 * SHARE_PERCENT / ranks as u64, origin)
    };
    let least = grants::all(around).iter().map(share).min_by_key(|(bytes, _)| *bytes);
    let (bytes, origin) = least.unwrap_or_else(|| {
        (UNKNOWN / on_node as u64, "a guess: nothing tells how much memory there is".to_owned())
    });
    MemoryBudget { bytes, origin, ranks_in_process: in_process, before: None }
}

/// Ranks of `comm` that run on this rank's node.
///
/// # Collective
/// Every rank calls this.
pub fn ranks_on_node(comm: &Comm) -> usize {
    let mine = node_name(&Surroundings::real());
    comm.all_gather_v(mine.as_bytes()).iter().filter(|name| name.as_slice() == mine.as_bytes()).count()
}

/// What tells this node from others: the identity of its running kernel, which containers do
/// not change, else its host name.
fn node_name(around: &Surroundings<'_>) -> String {
    ["proc/sys/kernel/random/boot_id", "proc/sys/kernel/hostname", "etc/hostname"]
        .into_iter()
        .find_map(|path| around.read(path).filter(|name| !name.trim().is_empty()))
        .unwrap_or_default()
}

/// Ranks of `comm` that are threads of this process.
pub fn ranks_in_process(comm: &Comm) -> usize {
    if matches!(comm, Comm::Threads(_)) {
        comm.size()
    } else {
        1
    }
}

/// The error of a plan that needs more memory than there may be: `needed` bytes on a rank,
/// everything included. `what_to_do` says what helps beside more memory.
pub fn refuse(needed: u64, budget: &MemoryBudget, what_to_do: &str) -> Error {
    let message = format!(
        "needs {} of memory on a rank, but only {} are to be used ({})",
        bytes_text(needed),
        bytes_text(budget.bytes),
        budget.origin
    );
    let least = needed.div_ceil(1_000_000);
    let more = format!("allow --memory {least}MB or more");
    let remedy = if what_to_do.is_empty() { more } else { format!("{more}, or {what_to_do}") };
    Error::new(ErrorKind::Memory, message).remedy(remedy)
}

//! Whether the ranks of a job are where they can work: a warning if they share cores.
//!
//! Results don't depend on it, time does: a launcher that binds all ranks to one core, or a job
//! that starts more threads than a node has cores, runs many times longer and says nothing.

use crate::common::Verbosity;
use crate::folding::plural;
use halocline_core::comm::Comm;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// What there is to be said; it is said once, when the work begins.
static WARNING: Mutex<Option<String>> = Mutex::new(None);

/// CPUs of a node, at most: a longer list is none.
const MOST: usize = 65_536;

/// What one rank knows of its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seat {
    /// What tells its node from others.
    node: String,
    threads: usize,
    /// The CPUs that it may use.
    cpus: BTreeSet<usize>,
}

/// Looks at how ranks are placed; rank 0 keeps what there is to be said. Only processes are
/// looked at: ranks that are threads were asked for by name.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn look(comm: &Comm, threads: usize) {
    if comm.size() == 1 || matches!(comm, Comm::Threads(_)) {
        return;
    }
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let status = read("/proc/self/status");
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default();
    // Of the running kernel: containers and virtual nodes on one machine share its cores.
    let mine = format!("{}\n{threads}\n{}", read("/proc/sys/kernel/random/boot_id").trim(), allowed.trim());
    let all = comm.all_gather_v(mine.as_bytes());
    if comm.is_root() {
        let seats: Option<Vec<Seat>> =
            all.iter().map(|bytes| seat(&String::from_utf8_lossy(bytes))).collect();
        *WARNING.lock().unwrap_or_else(PoisonError::into_inner) = seats.and_then(|seats| judge(&seats));
    }
}

/// Says what there is to be said, on rank 0, once.
pub(crate) fn tell(comm: &Comm, verbosity: Verbosity) {
    if !comm.is_root() {
        return;
    }
    if let Some(warning) = WARNING.lock().unwrap_or_else(PoisonError::into_inner).take() {
        verbosity.say(comm, || format!("warning: {warning}"));
    }
}

fn seat(text: &str) -> Option<Seat> {
    let mut lines = text.lines();
    let (node, threads, list) = (lines.next()?, lines.next()?, lines.next()?);
    Some(Seat { node: node.to_owned(), threads: threads.parse().ok()?, cpus: cpus(list)? })
}

/// The numbers in a list of ranges such as `0-3,8`.
fn cpus(list: &str) -> Option<BTreeSet<usize>> {
    let mut all = BTreeSet::new();
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if last >= MOST {
            return None;
        }
        all.extend(first..=last);
    }
    Some(all)
}

/// The worst of what is wrong on any node.
fn judge(seats: &[Seat]) -> Option<String> {
    let mut nodes: BTreeMap<&str, Vec<&Seat>> = BTreeMap::new();
    for seat in seats {
        nodes.entry(&seat.node).or_default().push(seat);
    }
    let crowded = |seats: &[&Seat]| {
        let threads: usize = seats.iter().map(|seat| seat.threads).sum();
        let cpus: BTreeSet<usize> = seats.iter().flat_map(|seat| &seat.cpus).copied().collect();
        (threads > cpus.len()).then_some((threads, cpus.len(), seats.len()))
    };
    let narrow = |seat: &&Seat| seat.threads > seat.cpus.len();
    if let Some((threads, cores, ranks)) = nodes.values().filter_map(|seats| crowded(seats)).max() {
        return Some(format!(
            "{ranks} ranks with {threads} threads share {} of a node and take turns; ask for more cores, fewer \
             ranks or --threads 1, or look at how the launcher binds ranks (docs/hpc.md)",
            plural(cores, "core")
        ));
    }
    seats.iter().find(narrow).map(|seat| {
        format!(
            "a rank with {} threads is bound to {} of its node's cores; let the launcher give it more \
             (mpirun --map-by slot:PE={0}, srun --cpus-per-task={0}), see docs/hpc.md",
            seat.threads,
            seat.cpus.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(all: &[(&str, usize, &str)]) -> Option<String> {
        let seats: Vec<Seat> = all
            .iter()
            .map(|(node, threads, list)| seat(&format!("{node}\n{threads}\n{list}")).expect("a seat"))
            .collect();
        judge(&seats)
    }

    #[test]
    fn ranks_that_share_cores_are_seen() {
        assert_eq!(of(&[("a", 2, "0-1"), ("a", 2, "2-3"), ("b", 4, "0-3")]), None);
        assert_eq!(of(&[("a", 2, "0-3"), ("a", 2, "0-3")]), None, "unbound");
        let said = of(&[("a", 1, "0"), ("a", 1, "0"), ("b", 4, "0-3")]).expect("both on one core");
        assert!(said.starts_with("2 ranks with 2 threads share 1 core "), "{said}");
        let said = of(&[("a", 2, "0-1"), ("a", 2, "0-1"), ("a", 2, "0-1")]).expect("too many");
        assert!(said.starts_with("3 ranks with 6 threads share 2 cores"), "{said}");
        let said = of(&[("a", 4, "0"), ("a", 4, "1-8")]).expect("bound to one core");
        assert!(said.starts_with("a rank with 4 threads is bound to 1"), "{said}");
    }

    #[test]
    fn what_is_not_told_is_not_judged() {
        assert_eq!(cpus("0-3,8").map(|all| all.len()), Some(5));
        assert!(cpus("").is_none() && cpus("0-9999999").is_none() && cpus("x").is_none());
        assert_eq!(seat("a\n1"), None);
    }
}

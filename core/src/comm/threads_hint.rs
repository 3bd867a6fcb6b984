//! How many threads a rank may use without being in its neighbours' way.

use super::launch::{Launch, Launcher};

/// What bears on the number of threads of a rank.
#[derive(Clone, Copy, Debug)]
struct Cpus {
    /// What affinity and control group leave to this process.
    available: usize,
    /// What affinity alone leaves, if known.
    allowed: Option<usize>,
    /// What the node has running, if known.
    online: Option<usize>,
    /// What the job has on this node, if the scheduler says so.
    granted: Option<usize>,
    /// Ranks of this job on this node.
    local_ranks: usize,
}

impl Cpus {
    /// The rank's fair share of the node, or its affinity mask where that is smaller already.
    ///
    /// A launcher may give a mask to each rank, one to all, or a socket to several; the smaller
    /// of the two is right in each case.
    fn share(self) -> usize {
        // A quota of CPU time narrows `available` below the mask, and all ranks share it.
        let quota = self.allowed.filter(|&allowed| self.available < allowed).map(|_| self.available);
        let whole = [self.online, self.granted, quota].into_iter().flatten().min();
        let fair = whole.unwrap_or(self.available) / self.local_ranks.max(1);
        self.available.min(fair).max(1)
    }
}

/// Threads for this rank's pool: `requested` if given, else what affinity and control group
/// leave to this process, and no more than its fair share of the node among the ranks that the
/// launcher has put there. At least 1.
///
/// # Examples
/// A plain process gets all its CPUs; four ranks on an unbound 64-core node get 16 each; a rank
/// that is bound to 8 cores gets 8.
pub fn threads_per_rank(requested: Option<usize>) -> usize {
    requested.map_or_else(
        || {
            let environment = |name: &str| std::env::var(name).ok();
            let file = |path: &str| std::fs::read_to_string(path).ok();
            let online = file("/sys/devices/system/cpu/online").and_then(|list| count_list(list.trim()));
            let allowed = file("/proc/self/status").and_then(|status| {
                count_list(status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:"))?.trim())
            });
            Cpus {
                available: std::thread::available_parallelism().map_or(1, usize::from),
                allowed,
                online,
                granted: granted(environment),
                local_ranks: local_ranks(environment),
            }
            .share()
        },
        |n| n.max(1),
    )
}

/// CPUs that SLURM gave the job on this node.
fn granted(lookup: impl Fn(&str) -> Option<String>) -> Option<usize> {
    lookup("SLURM_CPUS_ON_NODE")?.trim().parse().ok().filter(|&n| n > 0)
}

/// Ranks that the launcher started on this node; 1 without a launcher.
fn local_ranks(lookup: impl Fn(&str) -> Option<String>) -> usize {
    let number = |name: &str| lookup(name)?.trim().parse::<usize>().ok();
    let by_slurm = || {
        let node = number("SLURM_NODEID").unwrap_or(0);
        ["SLURM_STEP_TASKS_PER_NODE", "SLURM_NTASKS_PER_NODE"]
            .into_iter()
            .find_map(|name| tasks_on_node(lookup(name)?.trim(), node))
    };
    match Launch::from_environment(&lookup).launcher {
        Launcher::None => None,
        Launcher::OpenMpi => number("OMPI_COMM_WORLD_LOCAL_SIZE"),
        Launcher::Pmi => number("MPI_LOCALNRANKS").or_else(|| number("PMI_LOCAL_SIZE")).or_else(by_slurm),
        Launcher::Pmix | Launcher::Slurm => by_slurm(),
    }
    .unwrap_or(1)
    .max(1)
}

/// The entry of node `node` in SLURM's `4(x2),3`: 4 tasks on two nodes, 3 on the next.
fn tasks_on_node(list: &str, node: usize) -> Option<usize> {
    let mut first = 0;
    for entry in list.split(',') {
        let (tasks, nodes) = match entry.split_once("(x") {
            Some((tasks, nodes)) => (tasks, nodes.strip_suffix(')')?.parse().ok()?),
            None => (entry, 1),
        };
        first += nodes;
        if node < first {
            return tasks.trim().parse().ok();
        }
    }
    // `SLURM_NTASKS_PER_NODE` is one number for all nodes.
    list.parse().ok()
}

/// How many numbers are in a list of ranges such as `0-3,8`.
fn count_list(list: &str) -> Option<usize> {
    let mut count = 0;
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        count += (last + 1).checked_sub(first)?;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(
        available: usize,
        allowed: usize,
        online: usize,
        granted: Option<usize>,
        local_ranks: usize,
    ) -> usize {
        Cpus { available, allowed: Some(allowed), online: Some(online), granted, local_ranks }.share()
    }

    #[test]
    fn shares_are_fair() {
        assert_eq!(share(64, 64, 64, None, 1), 64, "plain");
        assert_eq!(share(64, 64, 64, None, 4), 16, "unbound");
        assert_eq!(share(8, 8, 64, None, 4), 8, "bound below the fair share");
        assert_eq!(share(32, 32, 64, None, 8), 8, "bound to sockets, several ranks on each");
        assert_eq!(share(16, 16, 64, Some(16), 4), 4, "unbound in a part of a node");
        assert_eq!(share(2, 64, 64, None, 2), 1, "quota of two CPUs");
        assert_eq!(share(2, 2, 2, None, 16), 1, "never none");
        let unknown = Cpus { available: 8, allowed: None, online: None, granted: None, local_ranks: 2 };
        assert_eq!(unknown.share(), 4);
        assert_eq!(threads_per_rank(Some(3)), 3);
        assert_eq!(threads_per_rank(Some(0)), 1);
        assert!(threads_per_rank(None) >= 1);
    }

    #[test]
    fn local_ranks_come_from_the_launcher_only() {
        let count = |environment: &[(&str, &str)]| {
            local_ranks(|name| {
                environment.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(count(&[("SLURM_NTASKS_PER_NODE", "8")]), 1, "a plain command in an sbatch script");
        assert_eq!(count(&[("OMPI_COMM_WORLD_SIZE", "8"), ("OMPI_COMM_WORLD_LOCAL_SIZE", "4")]), 4);
        assert_eq!(count(&[("PMI_RANK", "1"), ("MPI_LOCALNRANKS", "2")]), 2);
        let step = [
            ("SLURM_STEP_ID", "0"),
            ("SLURM_PROCID", "9"),
            ("SLURM_STEP_NUM_TASKS", "11"),
            ("SLURM_NODEID", "2"),
            ("SLURM_STEP_TASKS_PER_NODE", "4(x2),3"),
        ];
        assert_eq!(count(&step), 3);
    }

    #[test]
    fn lists_are_read() {
        assert_eq!(count_list("0-3,8"), Some(5));
        assert_eq!(count_list("0"), Some(1));
        assert_eq!(count_list(""), None);
        assert_eq!(count_list("3-1"), None);
        assert_eq!(tasks_on_node("4(x2),3", 1), Some(4));
        assert_eq!(tasks_on_node("8", 5), Some(8));
        assert_eq!(tasks_on_node("nonsense", 0), None);
    }
}

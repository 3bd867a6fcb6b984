//! What the system and the scheduler grant: control groups, SLURM, limits of the process,
//! memory of the node.

use super::resident::from_status;
use std::path::{Path, PathBuf};

/// More than this is how control groups say "no limit".
const NO_LIMIT: u64 = 1 << 60;

/// An amount of memory that somebody grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) bytes: u64,
    /// Who, with an article: "the control group's limit".
    pub(super) name: &'static str,
    /// To this process alone; else to all ranks on the node together.
    pub(super) of_process: bool,
}

/// Where the system tells about itself; another place in tests.
pub(super) struct Surroundings<'a> {
    /// The directory that `proc`, `sys` and `etc` are in.
    pub(super) root: PathBuf,
    /// Environment variables.
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
    /// Soft limits of this process on address space, data and resident memory.
    pub(super) limits: [Option<u64>; 3],
}

impl Surroundings<'_> {
    /// Those of this process.
    pub(super) fn real() -> Self {
        use rustix::process::{getrlimit, Resource};
        let limits = [Resource::As, Resource::Data, Resource::Rss].map(|r| getrlimit(r).current);
        Self { root: PathBuf::from("/"), variable: &|name| std::env::var(name).ok(), limits }
    }
    /// The text of a file, `path` being relative.
    pub(super) fn read(&self, path: impl AsRef<Path>) -> Option<String> {
        std::fs::read_to_string(self.root.join(path)).ok()
    }
    fn number(&self, variable: &str) -> Option<u64> {
        (self.variable)(variable)?.trim().parse().ok().filter(|&n| n > 0)
    }
}

/// All that is granted.
pub(super) fn all(around: &Surroundings<'_>) -> Vec<Grant> {
    let on_node = |name, bytes: Option<u64>| bytes.map(|bytes| Grant { bytes, name, of_process: false });
    let mut found: Vec<Grant> = [
        on_node("the control group's limit", control_groups(around)),
        on_node("what SLURM grants on this node", slurm(around)),
        on_node("the memory available on this node", available(around)),
    ]
    .into_iter()
    .flatten()
    .collect();
    found.extend(limits(around));
    found
}

/// The least limit of this process's control groups and those above them.
fn control_groups(around: &Surroundings<'_>) -> Option<u64> {
    let list = around.read("proc/self/cgroup")?;
    let limits = list.lines().filter_map(|line| {
        // `4:memory:/job/step` of version 1, `0::/job/step` of version 2.
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        if controllers.is_empty() {
            let mounts = ["sys/fs/cgroup", "sys/fs/cgroup/unified"];
            let files = ["memory.max", "memory.high"];
            mounts.iter().filter_map(|mount| least_upwards(around, mount, path, &files)).min()
        } else if controllers.split(',').any(|c| c == "memory") {
            least_upwards(around, "sys/fs/cgroup/memory", path, &["memory.limit_in_bytes"])
        } else {
            None
        }
    });
    limits.min()
}

/// The least number in `files` of the group at `path` and of all above it. In a container the
/// path may be that of the host, of which only the top is there: what is absent sets no limit.
fn least_upwards(around: &Surroundings<'_>, mount: &str, path: &str, files: &[&str]) -> Option<u64> {
    let inside: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    let groups = (0..=inside.len()).map(|depth| format!("{mount}/{}", inside[..depth].join("/")));
    let paths = groups.flat_map(|group| files.iter().map(move |file| format!("{group}/{file}")));
    paths.filter_map(|p| around.read(p)?.trim().parse().ok()).filter(|&limit| limit < NO_LIMIT).min()
}

/// What SLURM gave the job on this node. Its megabytes are 2²⁰ bytes; 0 stands for all of the
/// node.
fn slurm(around: &Surroundings<'_>) -> Option<u64> {
    let megabytes = around.number("SLURM_MEM_PER_NODE").or_else(|| {
        let cpus = around.number("SLURM_CPUS_ON_NODE").or_else(|| around.number("SLURM_CPUS_PER_TASK"));
        around.number("SLURM_MEM_PER_CPU")?.checked_mul(cpus.unwrap_or(1))
    });
    megabytes?.checked_mul(1 << 20)
}

/// `MemAvailable`: free memory and what the system would give up for us.
fn available(around: &Surroundings<'_>) -> Option<u64> {
    from_status(&around.read("proc/meminfo")?, "MemAvailable:")
}

/// Limits of the process, as PBS and others set them for a job.
fn limits(around: &Surroundings<'_>) -> Vec<Grant> {
    let status = around.read("proc/self/status").unwrap_or_default();
    let size = |key| from_status(&status, key).unwrap_or(0);
    // Address space is taken by far more than ever becomes resident: libraries, stacks.
    let hollow = size("VmSize:").saturating_sub(size("VmRSS:"));
    let hollow_data = size("VmData:").saturating_sub(size("RssAnon:"));
    let names = [
        "what the limit on address space (ulimit -v) leaves",
        "what the limit on data (ulimit -d) leaves",
        "the limit on resident memory (ulimit -m)",
    ];
    let taken = [hollow, hollow_data, 0];
    let each = around.limits.iter().zip(names).zip(taken);
    each.filter_map(|((limit, name), taken)| {
        let limit = limit.filter(|&limit| limit < NO_LIMIT)?;
        Some(Grant { bytes: limit.saturating_sub(taken), name, of_process: true })
    })
    .collect()
}

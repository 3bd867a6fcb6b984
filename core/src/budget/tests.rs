use super::grants::Surroundings;
use super::*;
use crate::comm::run_threads;
use std::path::PathBuf;

#[test]
fn amounts_are_read_as_people_write_them() {
    for (text, bytes) in [
        ("512MB", 512_000_000),
        ("512 mb", 512_000_000),
        ("1GB", 1_000_000_000),
        ("1GiB", 1 << 30),
        ("800M", 800 << 20),
        ("1.5g", 3 << 29),
        ("0.5TB", 500_000_000_000),
        ("1073741824", 1 << 30),
        ("7b", 7),
        (" 2kB ", 2000),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(parse_bytes(text).unwrap(), bytes, "{text}");
    }
}

#[test]
fn other_amounts_are_refused_with_examples() {
    for text in
        ["", "MB", "-1", "0", "0.0GB", "0.2", "1..5G", ".", "12 parsecs", "1e9", "nan", "20000000TB", "1.5EB"]
    {
        let error = parse_bytes(text).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{text}");
        assert!(error.to_string().contains("512MB"), "{error}");
    }
}

/// A made-up system: files with their texts.
struct System(PathBuf);

impl System {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("halocline-budget-{}-{name}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(root)
    }
    fn budget(
        &self,
        variables: &[(&str, &str)],
        limits: [Option<u64>; 3],
        ranks: [usize; 2],
    ) -> MemoryBudget {
        let variable =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let around = Surroundings { root: self.0.clone(), variable: &variable, limits };
        detect_in(&around, ranks[0], ranks[1])
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal: 64000000 kB\nMemAvailable:   60000000 kB\n");

#[test]
fn control_groups_of_version_2_limit_from_above() {
    let system = System::new(
        "v2",
        &[
            MEMINFO,
            ("proc/self/cgroup", "0::/slurm/job_7/step_0\n"),
            ("sys/fs/cgroup/slurm/job_7/memory.max", "16000000000\n"),
            ("sys/fs/cgroup/slurm/job_7/step_0/memory.max", "max\n"),
        ],
    );
    let budget = system.budget(&[], [None; 3], [4, 1]);
    assert_eq!(budget.bytes, 3_200_000_000);
    assert_eq!(budget.origin, "80 % of the control group's limit of 16.0 GB, shared by 4 ranks on this node");
}

#[test]
fn control_groups_of_version_1_and_in_containers() {
    let files = [
        MEMINFO,
        ("proc/self/cgroup", "5:cpu:/a\n4:hugetlb,memory:/docker/abc\n0::/\n"),
        // The container sees its own group at the top, not at the host's path.
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000000\n"),
    ];
    let budget = System::new("v1", &files).budget(&[], [None; 3], [1, 1]);
    assert_eq!(
        (budget.bytes, budget.origin.as_str()),
        (1_600_000_000, "80 % of the control group's limit of 2.0 GB")
    );
    let none = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    let budget = System::new("v1-none", &[files[0], files[1], none]).budget(&[], [None; 3], [1, 1]);
    assert!(budget.origin.contains("available on this node"), "{}", budget.origin);
}

#[test]
fn slurm_and_limits_of_the_process() {
    let status = ("proc/self/status", "VmSize:\t  3000000 kB\nVmRSS:\t  1000000 kB\n");
    let system = System::new("slurm", &[MEMINFO, status]);
    let no = [None; 3];
    let bytes = |variables: &[(&str, &str)]| system.budget(variables, no, [2, 1]).bytes;
    assert_eq!(bytes(&[("SLURM_MEM_PER_NODE", "10000")]), (10_000 << 20) / 100 * 80 / 2);
    assert_eq!(
        bytes(&[("SLURM_MEM_PER_CPU", "1000"), ("SLURM_CPUS_ON_NODE", "8")]),
        (8000 << 20) / 100 * 80 / 2
    );
    // 0 is all of the node, nonsense is nothing.
    for odd in ["0", "many"] {
        assert_eq!(bytes(&[("SLURM_MEM_PER_NODE", odd)]), 60_000_000 * 1024 / 100 * 80 / 2);
    }
    // A limit of the process is not shared with ranks elsewhere on the node.
    let budget = system.budget(&[], [Some(4_048_000_000), None, None], [2, 1]);
    assert_eq!(budget.bytes, 1_600_000_000, "{}", budget.origin);
    let budget = system.budget(&[], [None, None, Some(1_000_000_000)], [2, 2]);
    assert_eq!(budget.bytes, 400_000_000, "{}", budget.origin);
    assert!(budget.origin.ends_with("shared by 2 ranks in this process"), "{}", budget.origin);
}

#[test]
fn nothing_known_is_a_guess_that_says_so() {
    let budget = System::new("nothing", &[]).budget(&[], [None; 3], [1, 1]);
    assert_eq!(budget.bytes, UNKNOWN);
    assert!(budget.origin.starts_with("a guess"));
}

#[test]
fn what_libraries_take_is_reserved_once_for_several_jobs() {
    let comm = Comm::serial();
    let one = MemoryBudget::asked(1 << 40, &comm);
    let several = one.clone().for_several();
    let Some(before) = several.before else { return };
    // As if libraries had taken much, and nothing, since then.
    let later = |before| MemoryBudget { before: Some(before), ..one.clone() }.base();
    assert!(later(0) < one.base() && later(0) + RESERVE > one.base());
    assert!(later(before + (64 << 20)) >= before + (64 << 20) + RESERVE);
}

#[test]
fn this_process_has_a_budget_and_a_peak() {
    let budget = MemoryBudget::of(&Comm::serial(), None);
    assert!(budget.bytes > 0 && !budget.origin.is_empty());
    if let (Some(now), Some(peak)) = (resident(), peak_resident()) {
        assert!(now > 0 && peak >= now);
        let ample = MemoryBudget::asked(1 << 40, &Comm::serial());
        let left = ample.after_base();
        assert!(left < (1 << 40) - RESERVE && left > 1 << 39);
        assert_eq!(MemoryBudget::asked(1 << 20, &Comm::serial()).after_base(), 0);
    }
}

#[test]
fn ranks_of_one_process_share_it() {
    let seen = run_threads(3, |comm| {
        let budget = MemoryBudget::asked(1 << 40, comm);
        (ranks_on_node(comm), ranks_in_process(comm), budget.for_buffers(comm))
    });
    assert_eq!((seen[0].0, seen[0].1), (3, 3));
    assert_eq!(seen[0], seen[2]);
}

#[test]
fn refusals_name_the_numbers_and_what_helps() {
    let budget = MemoryBudget::asked(100_000_000, &Comm::serial());
    let error = refuse(250_000_001, &budget, "use larger chunks in time");
    assert_eq!(error.exit_code(), 5);
    assert_eq!(
        error.to_string(),
        "needs 250.0 MB of memory on a rank, but only 100.0 MB are to be used (--memory); allow --memory 251MB or more, or use larger chunks in time"
    );
}

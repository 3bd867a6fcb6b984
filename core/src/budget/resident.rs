//! What this process has in memory, as the system counts it.

/// The most resident memory that this process has had so far, in bytes (`VmHWM`): the figure
/// that the memory promise is about. `None` where the system does not tell.
pub fn peak_resident() -> Option<u64> {
    from_status(&status()?, "VmHWM:")
}

/// The resident memory of this process now, in bytes (`VmRSS`). `None` where the system does
/// not tell.
pub fn resident() -> Option<u64> {
    from_status(&status()?, "VmRSS:")
}

fn status() -> Option<String> {
    std::fs::read_to_string("/proc/self/status").ok()
}

/// A line such as `VmHWM:     1234 kB` in bytes; the system's kB are 1024.
pub(super) fn from_status(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

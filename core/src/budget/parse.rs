//! Amounts of memory as people write and read them.

use crate::{Error, Result};

/// Units in upper case and their bytes.
const UNITS: [(&str, u64); 14] = [
    ("", 1),
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KIB", 1 << 10),
    ("MIB", 1 << 20),
    ("GIB", 1 << 30),
    ("TIB", 1 << 40),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("T", 1 << 40),
];

/// The number of bytes in `text`: `512MB`, `1.5 GiB`, `800M`, `1073741824`.
///
/// `kB`, `MB`, `GB`, `TB` are powers of 1000; `KiB`, `MiB`, `GiB`, `TiB` powers of 1024, and so
/// are the single letters `K`, `M`, `G`, `T`, as in SLURM, `ulimit` and container tools. Case
/// does not matter; a number alone is in bytes.
///
/// # Errors
/// [`Usage`](crate::ErrorKind::Usage) for anything else, for nothing, and beyond 2⁶⁴.
pub fn parse_bytes(text: &str) -> Result<u64> {
    let wrong = |what: &str| {
        Error::usage(format!("`{text}` {what}")).remedy("write such as 512MB, 1.5GiB, 800M or 1073741824")
    };
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(split);
    let unit = unit.trim().to_ascii_uppercase();
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let factor = factor.ok_or_else(|| wrong("is no amount of memory"))?;
    // Whole numbers exactly: a double holds no more than 53 bits.
    let bytes = if let Ok(whole) = number.parse::<u64>() {
        whole.checked_mul(factor)
    } else {
        let value: f64 = number.parse().map_err(|_| wrong("is no amount of memory"))?;
        let bytes = value * factor as f64;
        (bytes < u64::MAX as f64).then_some(bytes as u64)
    };
    match bytes {
        Some(0) => Err(wrong("is no memory at all")),
        Some(bytes) => Ok(bytes),
        None => Err(wrong("is more memory than can be counted")),
    }
}

/// A person's idea of an amount of bytes, in powers of 1000.
pub fn bytes_text(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.2} TB")
}

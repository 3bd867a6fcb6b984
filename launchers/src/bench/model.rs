//! What is known of a machine, as `halocline bench machine` writes it and `halocline plan` reads it.

pub(crate) use super::case::Case;
use super::record::Place;
use super::wire::Wire;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Version of the form.
pub(crate) const SCHEMA: u32 = 1;

/// Per second, of one thread and of all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rate {
    pub(crate) one: f64,
    pub(crate) all: f64,
}

/// What a command takes: `fixed + units × (serial + per_rank / ranks + parallel / cores)` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) case: Case,
    /// Whether the data were deflated.
    pub(crate) deflated: bool,
    /// Seconds whatever the size, of one process.
    pub(crate) fixed: f64,
    /// The same under the launcher; null where that was not measured.
    #[serde(default)]
    pub(crate) fixed_launched: Option<f64>,
    /// Seconds for each unit that neither more ranks nor more threads shorten.
    pub(crate) serial: f64,
    /// Seconds for each unit that more ranks shorten, but not more threads of a rank.
    #[serde(default)]
    pub(crate) per_rank: f64,
    /// Core seconds for each unit.
    pub(crate) parallel: f64,
}

/// What a machine can do. Rates are per second: bytes, or floating-point operations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) schema: u32,
    pub(crate) place: Place,
    /// Bytes of memory of a node.
    pub(crate) memory_bytes: u64,
    /// a = b + s c over arrays beyond the caches, three streams.
    pub(crate) memory: Rate,
    /// Reading a file that is cached.
    pub(crate) page_cache: Rate,
    /// Reading a file from storage; null where the cache could not be emptied.
    pub(crate) disk_read: Option<f64>,
    /// Writing a file and making it durable.
    pub(crate) disk_write: f64,
    /// Undoing deflate, bytes that come out.
    pub(crate) inflate: Rate,
    /// The Gram matrix of EOFs.
    pub(crate) gemm: Rate,
    /// Real transforms of 256 values, 2.5 n log2 n operations each.
    pub(crate) fft: Rate,
    /// Leading eigenvectors of a matrix of n rows: seconds over n³.
    pub(crate) eigen: f64,
    /// From start to end of a program that does nothing, seconds: alone, and under the launcher.
    pub(crate) start: f64,
    pub(crate) launch: Option<f64>,
    pub(crate) wire: Option<Wire>,
    pub(crate) work: Vec<Work>,
}

/// How much there is to do, in the unit that the time of a case is proportional to.
pub(crate) fn units(case: Case, [t, y, x]: &[usize; 3], segment: usize) -> f64 {
    let (times, cells) = (*t as f64, (*y * *x) as f64);
    match case {
        // Reading counts beside the product: about 40 operations for each value.
        Case::Eof => times * cells * (times + 40.0),
        Case::Spectrum => times * cells * (segment.max(2) as f64).log2(),
        Case::Stats | Case::Io | Case::Redistribute | Case::Moc | Case::Halo => times * cells,
    }
}

impl Machine {
    /// Reads a model.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let remedy = "write it with `halocline bench machine -o machine.json`";
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::data(format!("can't be read: {e}")).in_file(path).remedy(remedy))?;
        let found = serde_json::from_str::<Self>(&text);
        let machine = found.map_err(|e| {
            Error::data(format!("is no model of a machine: {e}")).in_file(path).remedy(remedy)
        })?;
        if machine.schema != SCHEMA {
            return Err(Error::data("is a model of another version").in_file(path).remedy(remedy));
        }
        machine.check().map_err(|e| e.in_file(path).remedy(remedy))?;
        Ok(machine)
    }
    /// Refuses numbers that no machine has.
    fn check(&self) -> Result<()> {
        let both =
            |name: &str, rate: Rate| [(format!("{name}.one"), rate.one), (format!("{name}.all"), rate.all)];
        let rates = [
            ("memory", self.memory),
            ("page_cache", self.page_cache),
            ("inflate", self.inflate),
            ("gemm", self.gemm),
            ("fft", self.fft),
        ];
        let mut above: Vec<(String, f64)> =
            rates.into_iter().flat_map(|(name, rate)| both(name, rate)).collect();
        let plain = |name: &str, value| (name.to_owned(), value);
        above.extend(self.disk_read.map(|rate| plain("disk_read", rate)));
        above.extend([
            plain("disk_write", self.disk_write),
            plain("eigen", self.eigen),
            plain("memory_bytes", self.memory_bytes as f64),
            plain("place.cores", self.place.cores as f64),
        ]);
        let mut least = vec![plain("start", self.start)];
        least.extend(self.launch.map(|seconds| plain("launch", seconds)));
        if let Some(wire) = &self.wire {
            above
                .extend([plain("wire.bandwidth", wire.bandwidth), plain("wire.all_to_all", wire.all_to_all)]);
            let times =
                [("latency", wire.latency), ("all_reduce", wire.all_reduce), ("barrier", wire.barrier)];
            least.extend(times.map(|(name, value)| (format!("wire.{name}"), value)));
        }
        for work in &self.work {
            let times = [
                ("fixed", work.fixed),
                ("fixed_launched", work.fixed_launched.unwrap_or(0.0)),
                ("serial", work.serial),
                ("per_rank", work.per_rank),
                ("parallel", work.parallel),
            ];
            least.extend(times.map(|(name, value)| (format!("work of {}: {name}", work.case.name()), value)));
        }
        let odd = |(name, value): &(String, f64), least: bool| {
            // No machine does more than this in a second, or takes so many seconds.
            let fits = value.is_finite() && *value < 1e30 && (*value > 0.0 || (least && *value == 0.0));
            (!fits).then(|| format!("{name} is {value}"))
        };
        let mut all =
            above.iter().filter_map(|n| odd(n, false)).chain(least.iter().filter_map(|n| odd(n, true)));
        all.next().map_or(Ok(()), |what| Err(Error::data(format!("is no model of a machine: {what}"))))
    }
    /// What a case takes.
    pub(crate) fn work(&self, case: Case, deflated: bool) -> Option<&Work> {
        let of_case = || self.work.iter().filter(|w| w.case == case);
        of_case().find(|w| w.deflated == deflated).or_else(|| of_case().next())
    }
}

//! Files with bytes flipped and cut off: an answer or an error, never a panic of ours, at once.

use super::*;
use crate::classic;
use crate::is_guarded;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Panics of our own code while it read damaged bytes.
static OURS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes panics in this package; those of the crate are what the guard is for.
fn watch() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        if is_guarded() && place.contains("io/src") && !place.contains("guard.rs") {
            OURS.lock().unwrap_or_else(PoisonError::into_inner).push(place);
        }
        if !is_guarded() {
            before(info);
        }
    }));
}

/// The same numbers in every run (`SplitMix64`).
struct Random(u64);
impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
    /// `bytes` with a few of them changed, or cut short. Zeros, ones and signs are what lengths
    /// and addresses break on.
    fn damaged(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            bytes[at] = match self.below(5) {
                0 => 0,
                1 => 0xff,
                2 => 0x7f,
                3 => bytes[at] ^ (1 << self.below(8)),
                _ => self.below(256) as u8,
            };
        }
        if self.below(8) == 0 {
            let end = self.below(bytes.len());
            bytes.truncate(end);
        }
        bytes
    }
}

/// A small file with all that is looked at: strings, records, chunks, types.
fn sample(options: netcdf::Options) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sample.nc");
    let hdf5 = options.contains(netcdf::Options::NETCDF4);
    let mut file = netcdf::create_with(&path, options).unwrap();
    file.add_unlimited_dimension("time").unwrap();
    file.add_dimension("lat", 5).unwrap();
    file.add_attribute("title", "sample").unwrap();
    let mut lat = file.add_variable::<f64>("lat", &["lat"]).unwrap();
    lat.put_attribute("units", "degrees_north").unwrap();
    let mut v = file.add_variable::<i16>("t", &["time", "lat"]).unwrap();
    if hdf5 {
        v.set_chunking(&[2, 5]).unwrap();
        v.set_compression(1, true).unwrap();
        v.put_attribute("names", vec!["a".to_owned(), "bc".to_owned()]).unwrap();
    }
    v.put_attribute("scale_factor", 0.5).unwrap();
    v.put_attribute("flag_values", vec![1i16, 2, 3]).unwrap();
    file.enddef().unwrap();
    let mut put = |name, values: &[f64]| {
        let mut v = file.variable_mut(name).unwrap();
        let rows = if name == "t" { vec![7, 5] } else { vec![5] };
        let extents: Vec<netcdf::Extent> = rows.iter().map(|&n| (0..n).into()).collect();
        v.put_values(values, extents).unwrap();
    };
    put("lat", &[-60.0, -30.0, 0.0, 30.0, 60.0]);
    put("t", &[7.0; 35]);
    file.close().unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn mutated_headers_end_in_an_answer() {
    watch();
    let start = Instant::now();
    let rounds = std::env::var("HALOCLINE_MUTATIONS").ok().and_then(|n| n.parse::<usize>().ok());
    // Another count is another run.
    let mut random = Random(rounds.unwrap_or(3) as u64);
    let rounds = rounds.unwrap_or(400);
    for options in [netcdf::Options::empty(), netcdf::Options::_64BIT_OFFSET, netcdf::Options::_64BIT_DATA] {
        let good = sample(options);
        assert!(classic::read(&good[..], good.len() as u64).is_ok());
        for _ in 0..5 * rounds {
            let bad = random.damaged(&good);
            if let Err(e) = classic::read(&bad[..], bad.len() as u64) {
                assert_eq!(e.exit_code(), 3, "{e}");
            }
        }
    }
    let mut samples = vec![sample(netcdf::Options::NETCDF4)];
    // Other versions of the format, where the larger data are.
    if let Ok(shared) = std::env::var("HALOCLINE_DATA") {
        for name in
            ["earliest.hdf5", "latest.hdf5", "dim_scales.hdf5", "netcdf4_classic.nc", "resizable.hdf5"]
        {
            samples.extend(std::fs::read(Path::new(&shared).join("formats/pyfive").join(name)));
        }
    }
    for good in samples {
        assert!(of_bytes(&good).is_ok());
        for _ in 0..rounds {
            let bad = random.damaged(&good);
            let once = Instant::now();
            if let Some(Err(Refusal::Failed(e))) = guarded(|| of_bytes(&bad)) {
                assert!(matches!(e.exit_code(), 3 | 5), "{e}");
            }
            assert!(once.elapsed() < Duration::from_secs(5));
        }
    }
    let ours = OURS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(ours.is_empty(), "{ours:?}");
    assert!(start.elapsed() < Duration::from_millis(150) * rounds as u32, "{:?}", start.elapsed());
}

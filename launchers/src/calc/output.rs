//! What the files of these commands have in common.

use crate::sphere::SphereMaps;
use halocline_core::engine::NumbersMut;
use halocline_core::engine::StreamSource;
use halocline_core::index::IndexBox;
use halocline_core::memory::{fit, zeroed};
use halocline_core::meta::{DType, Values};
use halocline_core::Result;
use halocline_io::output::{default_chunks, Output};
use halocline_io::source::Source;
use std::ops::Range;

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Precision {
    Single,
    Double,
}

impl Precision {
    /// As asked for, or as the input is.
    pub(crate) fn dtype(asked: Option<Self>, source: &Source) -> DType {
        Self::of_all(asked, std::slice::from_ref(source))
    }

    /// As asked for, or double if any of the input is.
    pub(crate) fn of_all(asked: Option<Self>, sources: &[Source]) -> DType {
        match asked {
            Some(Self::Single) => DType::F32,
            None if sources.iter().all(StreamSource::is_single) => DType::F32,
            Some(Self::Double) | None => DType::F64,
        }
    }
}

/// The chunks of what is written: those of the input where they are whole maps of a size that
/// readers like.
pub(super) fn chunks(maps: &SphereMaps, dtype: DType) -> Vec<usize> {
    chunks_like(maps.first(), dtype)
}

/// [`chunks`] of a variable.
pub(crate) fn chunks_like(source: &Source, dtype: DType) -> Vec<usize> {
    let shape = source.variable().shape();
    let likes = |chunk: &[usize]| {
        let bytes = chunk.iter().product::<usize>() * dtype.size();
        ((64 << 10)..(16 << 20)).contains(&bytes)
    };
    // A chunk may be longer than what is selected of it.
    let stored = StreamSource::chunks(source);
    if Source::chunks(source).is_some() && likes(&stored) {
        stored
    } else {
        default_chunks(&shape, dtype.size())
    }
}

/// Room for so many values, all zero.
pub(crate) fn room(dtype: DType, len: usize) -> Values {
    match dtype {
        DType::F32 => Values::F32(zeroed(len)),
        _ => Values::F64(zeroed(len)),
    }
}

/// Room for so many values, all of which are to be written: that of other values, which are lost, if it
/// is of the type.
pub(crate) fn room_again(used: Values, dtype: DType, len: usize) -> Values {
    match (used, dtype) {
        (Values::F32(mut v), DType::F32) => {
            fit(&mut v, len);
            Values::F32(v)
        }
        (Values::F64(mut v), DType::F64) => {
            fit(&mut v, len);
            Values::F64(v)
        }
        _ => room(dtype, len),
    }
}

/// Part of such room.
pub(crate) fn part(values: &mut Values, range: Range<usize>) -> NumbersMut<'_> {
    match values {
        Values::F32(v) => NumbersMut::F32(&mut v[range]),
        Values::F64(v) => NumbersMut::F64(&mut v[range]),
        _ => NumbersMut::F64(&mut []),
    }
}

/// Writes a window of all variables.
///
/// # Collective
/// Every rank calls this.
pub(super) fn write<'n>(
    output: &mut Output,
    window: &IndexBox,
    names: impl Iterator<Item = &'n str>,
    values: &[Values],
) -> Result<()> {
    for (name, values) in names.zip(values) {
        output.write_block(name, window, values)?;
    }
    Ok(())
}

/// Whether these are metres per second, as files write them.
pub(crate) fn is_speed(units: &str) -> bool {
    let plain = units.trim().to_lowercase().replace([' ', '*', '^', '.'], "");
    let names = [
        "ms-1",
        "m/s",
        "meter/second",
        "meters/second",
        "metre/second",
        "metres/second",
        "m/sec",
        "meters/sec",
        "mpersec",
        "msec-1",
    ];
    names.contains(&plain.as_str())
}

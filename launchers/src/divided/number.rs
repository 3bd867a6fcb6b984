//! Numbers as files hold them.

use halocline_core::engine::{Numbers, NumbersMut, StreamSource};
use halocline_core::halo::HaloValue;
use halocline_core::index::IndexBox;
use halocline_core::Result;
use halocline_io::source::Source;

/// What is read and written: single or double precision.
pub(crate) trait Number: HaloValue + Default {
    fn read(source: &Source, block: &IndexBox, out: &mut [Self]) -> Result<()> {
        StreamSource::read(source, block, Self::numbers_mut(out))
    }
    fn numbers(values: &[Self]) -> Numbers<'_>;
    fn numbers_mut(values: &mut [Self]) -> NumbersMut<'_>;
}

impl Number for f32 {
    fn numbers(values: &[Self]) -> Numbers<'_> {
        Numbers::F32(values)
    }
    fn numbers_mut(values: &mut [Self]) -> NumbersMut<'_> {
        NumbersMut::F32(values)
    }
}

impl Number for f64 {
    fn numbers(values: &[Self]) -> Numbers<'_> {
        Numbers::F64(values)
    }
    fn numbers_mut(values: &mut [Self]) -> NumbersMut<'_> {
        NumbersMut::F64(values)
    }
}

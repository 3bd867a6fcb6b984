//! Values on pressure levels below the ground are missing.

use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::memory::filled;
use halocline_core::meta::{Role, Variable};
use halocline_core::{Error, Result};
use std::ops::Range;

/// The shape of a variable without its levels, which a surface pressure beside it must have.
///
/// # Errors
/// Data, if it has another.
pub(super) fn below_levels(of: &Variable, level: usize, surface: &dyn StreamSource) -> Result<Vec<usize>> {
    let mut shape = of.shape();
    shape.remove(level);
    let theirs = surface.variable();
    if theirs.shape() != shape {
        return Err(Error::data(format!(
            "the surface pressure has the shape {:?}, that without levels is {shape:?}",
            theirs.shape()
        ))
        .in_variable(&theirs.name)
        .remedy("choose one grid, and the same times"));
    }
    Ok(shape)
}

/// Makes a block few steps at a time, as windows of one level hold many: `steps` fills the values of each part.
///
/// # Errors
/// Those of `steps`.
pub(super) fn few_steps(
    block: &IndexBox,
    together: usize,
    out: &mut [f64],
    steps: impl Fn(&IndexBox, &mut [f64]) -> Result<()>,
) -> Result<()> {
    let time = block.range(0);
    let each = block.len() / time.len().max(1);
    for (k, out) in out.chunks_mut((each * together).max(1)).enumerate() {
        let first = time.start + k * together;
        steps(&block.with_range(0, first..time.end.min(first + together)), out)?;
    }
    Ok(())
}

/// A variable on pressure levels, missing where the pressure of a level is greater than the surface
/// pressure.
pub struct AboveGround<'a> {
    source: &'a dyn StreamSource,
    surface: &'a dyn StreamSource,
    pressure: Vec<f64>,
    level: usize,
}

impl<'a> AboveGround<'a> {
    /// `source` with levels of these pressures, and the surface pressure of the same grid and times;
    /// both in Pa.
    ///
    /// # Errors
    /// Data, if their shapes do not fit.
    pub fn new(
        source: &'a dyn StreamSource,
        surface: &'a dyn StreamSource,
        pressure: &[f64],
    ) -> Result<Self> {
        let variable = source.variable();
        let level = variable.position(Role::Level);
        let Some(level) = level.filter(|&d| variable.dims[d].len == pressure.len()) else {
            return Err(Error::data("has no pressure levels").in_variable(&variable.name));
        };
        below_levels(variable, level, surface)?;
        Ok(Self { source, surface, pressure: pressure.to_vec(), level })
    }

    fn surface(&self, block: &IndexBox) -> Result<Vec<f64>> {
        let mut ranges = block.ranges().to_vec();
        ranges.remove(self.level);
        doubles(self.surface, &IndexBox::new(ranges))
    }

    /// Each level of the block by its cells: the part of `values` and that of the surface.
    fn each(&self, block: &IndexBox, mut of: impl FnMut(f64, Range<usize>, Range<usize>)) {
        let shape = block.shape();
        let outer: usize = shape[..self.level].iter().product();
        let inner: usize = shape[self.level + 1..].iter().product();
        let levels = block.range(self.level);
        for o in 0..outer {
            for (k, level) in levels.clone().enumerate() {
                let at = (o * levels.len() + k) * inner;
                of(self.pressure[level], at..at + inner, o * inner..(o + 1) * inner);
            }
        }
    }
}

/// The values of a block as doubles.
pub(crate) fn doubles(source: &dyn StreamSource, block: &IndexBox) -> Result<Vec<f64>> {
    let mut out = filled(block.len(), 0f64);
    if source.is_single() {
        let mut singles = filled(block.len(), 0f32);
        source.read(block, NumbersMut::F32(&mut singles))?;
        out.iter_mut().zip(&singles).for_each(|(o, v)| *o = f64::from(*v));
    } else {
        source.read(block, NumbersMut::F64(&mut out))?;
    }
    Ok(out)
}

impl StreamSource for AboveGround<'_> {
    fn variable(&self) -> &Variable {
        self.source.variable()
    }
    fn is_single(&self) -> bool {
        self.source.is_single()
    }
    fn chunks(&self) -> Vec<usize> {
        self.source.chunks()
    }
    fn is_divisible(&self) -> bool {
        self.source.is_divisible() && self.surface.is_divisible()
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let surface = self.surface(block)?;
        match out {
            NumbersMut::F32(out) => {
                self.source.read(block, NumbersMut::F32(out))?;
                self.each(block, |p, values, cells| {
                    let below = out[values].iter_mut().zip(&surface[cells]).filter(|(_, ps)| p > **ps);
                    below.for_each(|(v, _)| *v = f32::NAN);
                });
            }
            NumbersMut::F64(out) => {
                self.source.read(block, NumbersMut::F64(out))?;
                self.each(block, |p, values, cells| {
                    let below = out[values].iter_mut().zip(&surface[cells]).filter(|(_, ps)| p > **ps);
                    below.for_each(|(v, _)| *v = f64::NAN);
                });
            }
        }
        Ok(())
    }
    fn prefetch(&self, block: &IndexBox) {
        self.source.prefetch(block);
    }
    fn stored_bytes(&self, block: &IndexBox) -> u64 {
        self.source.stored_bytes(block)
    }
    fn scratch_per_thread(&self) -> u64 {
        // The surface of a window: less than the window itself, which has levels.
        let cells: usize = self.surface.variable().shape()[1..].iter().product();
        self.source.scratch_per_thread() + 12 * (cells as u64)
    }
}

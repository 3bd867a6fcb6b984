//! Values on pressure levels below the ground are missing.

use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::memory::filled;
use halocline_core::meta::{Role, Variable};
use halocline_core::{Error, Result};

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
pub(super) fn few_steps<T>(
    block: &IndexBox,
    together: usize,
    out: &mut [T],
    steps: impl Fn(&IndexBox, &mut [T]) -> Result<()>,
) -> Result<()> {
    let time = block.range(0);
    let each = block.len() / time.len().max(1);
    for (k, out) in out.chunks_mut((each * together).max(1)).enumerate() {
        let first = time.start + k * together;
        steps(&block.with_range(0, first..time.end.min(first + together)), out)?;
    }
    Ok(())
}

/// How many steps of a surface to read at a time, of so many: whole chunks, where these can't be read in
/// parts.
pub(super) fn steps_together(surface: &dyn StreamSource, times: usize) -> usize {
    let chunk = surface.chunks().first().map_or(1, |c| (*c).max(1));
    if surface.is_divisible() {
        1
    } else {
        chunk.min(times.max(1))
    }
}

/// A variable on pressure levels, missing where the pressure of a level is greater than the surface
/// pressure, or that is missing.
pub struct AboveGround<'a> {
    source: &'a dyn StreamSource,
    surface: &'a dyn StreamSource,
    pressure: Vec<f64>,
    level: usize,
    /// Steps of the surface that are read at a time: whole chunks, where these can't be read in parts.
    together: usize,
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
        let shape = below_levels(variable, level, surface)?;
        let together = steps_together(surface, shape.first().copied().unwrap_or(1));
        Ok(Self { source, surface, pressure: pressure.to_vec(), level, together })
    }

    /// Makes what is below the ground missing, few steps at a time.
    fn mask<T: Copy>(&self, block: &IndexBox, out: &mut [T], missing: T) -> Result<()> {
        few_steps(block, self.together, out, |part, out| {
            let mut ranges = part.ranges().to_vec();
            ranges.remove(self.level);
            let flat = IndexBox::new(ranges);
            if self.surface.is_single() {
                let mut surface = filled(flat.len(), 0f32);
                self.surface.read(&flat, NumbersMut::F32(&mut surface))?;
                self.below(part, &surface, out, missing);
            } else {
                let mut surface = filled(flat.len(), 0f64);
                self.surface.read(&flat, NumbersMut::F64(&mut surface))?;
                self.below(part, &surface, out, missing);
            }
            Ok(())
        })
    }

    fn below<T: Copy, P: Copy + Into<f64>>(
        &self,
        block: &IndexBox,
        surface: &[P],
        out: &mut [T],
        missing: T,
    ) {
        let shape = block.shape();
        let outer: usize = shape[..self.level].iter().product();
        let inner: usize = shape[self.level + 1..].iter().product();
        let levels = block.range(self.level);
        for o in 0..outer {
            let surface = &surface[o * inner..(o + 1) * inner];
            for (k, level) in levels.clone().enumerate() {
                let at = (o * levels.len() + k) * inner;
                let p = self.pressure[level];
                let cells = out[at..at + inner].iter_mut().zip(surface);
                // Where the ground is not known, nothing is known to be above it.
                cells.filter(|(_, ps)| !is_above(p, (**ps).into())).for_each(|(v, _)| *v = missing);
            }
        }
    }
}

/// Whether a pressure is above the ground; not where the surface pressure is missing.
fn is_above(pressure: f64, surface: f64) -> bool {
    pressure <= surface
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
        match out {
            NumbersMut::F32(out) => {
                self.source.read(block, NumbersMut::F32(out))?;
                self.mask(block, out, f32::NAN)
            }
            NumbersMut::F64(out) => {
                self.source.read(block, NumbersMut::F64(out))?;
                self.mask(block, out, f64::NAN)
            }
        }
    }
    fn prefetch(&self, block: &IndexBox) {
        self.source.prefetch(block);
    }
    fn stored_bytes(&self, block: &IndexBox) -> u64 {
        self.source.stored_bytes(block)
    }
    fn scratch_per_thread(&self) -> u64 {
        // One after the other; the steps of the surface are there once, whatever the number of threads.
        let cells: usize = self.surface.variable().shape()[1..].iter().product();
        let element = if self.surface.is_single() { 4 } else { 8 };
        let held = (element * self.together * cells) as u64;
        let surface =
            self.surface.scratch_per_thread() + held.div_ceil(halocline_core::threads::for_plans() as u64);
        self.source.scratch_per_thread().max(surface)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::meta::{Attributes, DType, Dim};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Values that count cells, in chunks of so many steps, and the most that were read at a time.
    struct Counting {
        variable: Variable,
        chunk: usize,
        single: bool,
        most: AtomicUsize,
    }

    impl Counting {
        fn new(dims: &[(Role, usize)], chunk: usize, single: bool) -> Self {
            let dims = dims.iter().map(|&(role, n)| Dim::new("d", n, role)).collect();
            let dtype = if single { DType::F32 } else { DType::F64 };
            let variable = Variable { name: "x".into(), dims, dtype, attributes: Attributes::new() };
            Self { variable, chunk, single, most: AtomicUsize::new(0) }
        }
    }

    impl StreamSource for Counting {
        fn variable(&self) -> &Variable {
            &self.variable
        }
        fn is_single(&self) -> bool {
            self.single
        }
        fn chunks(&self) -> Vec<usize> {
            let mut chunks = vec![1; self.variable.dims.len()];
            chunks[0] = self.chunk;
            chunks
        }
        fn is_divisible(&self) -> bool {
            self.chunk == 1
        }
        fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
            self.most.fetch_max(block.len(), Ordering::Relaxed);
            let shape = self.variable.shape();
            match out {
                NumbersMut::F32(out) => IndexBox::whole(&shape).for_each_run(block, |place, at, n| {
                    (0..n).for_each(|k| out[at + k] = (place + k) as f32);
                }),
                NumbersMut::F64(out) => IndexBox::whole(&shape).for_each_run(block, |place, at, n| {
                    (0..n).for_each(|k| out[at + k] = (place + k) as f64);
                }),
            }
            Ok(())
        }
    }

    #[test]
    fn the_surface_is_read_as_few_steps_at_a_time_as_the_plan_reckons() {
        let (nt, nz, ny, nx) = (11, 3, 2, 5);
        let pressure = [5.0, 45.0, 200.0];
        for (chunk, single) in [(1, true), (1, false), (4, true), (4, false), (30, false)] {
            let volume = Counting::new(
                &[(Role::Time, nt), (Role::Level, nz), (Role::Y, ny), (Role::X, nx)],
                1,
                !single,
            );
            let surface = Counting::new(&[(Role::Time, nt), (Role::Y, ny), (Role::X, nx)], chunk, single);
            let above = AboveGround::new(&volume, &surface, &pressure).expect("shapes fit");
            // Two levels of nearly all times.
            let block = IndexBox::new(vec![1..nt, 0..2, 0..ny, 0..nx]);
            let found = doubles(&above, &block).expect("values");
            for (n, found) in found.iter().enumerate() {
                let (t, k, c) = (1 + n / 20, n / 10 % 2, n % 10);
                let is_below = pressure[k] > (t * 10 + c) as f64;
                let value = ((t * nz + k) * 10 + c) as f64;
                assert!(if is_below { found.is_nan() } else { *found == value }, "{t} {k} {c}: {found}");
            }
            let together = chunk.min(nt);
            assert_eq!(surface.most.load(Ordering::Relaxed), together.min(nt - 1) * 10);
            let reckoned = above.scratch_per_thread() * halocline_core::threads::for_plans() as u64;
            let held = together * 10 * if single { 4 } else { 8 };
            assert!(reckoned >= held as u64, "{reckoned} of {held}");
        }
    }
}

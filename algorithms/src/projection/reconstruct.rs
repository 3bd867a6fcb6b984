//! A field made of patterns and their series, computed block by block as it is read.

use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Variable};
use halocline_core::{Error, Result};
use rayon::prelude::*;

/// Cells whose sums stay in cache.
const BLOCK: usize = 1024;

/// Maps that are added, a mean or one for each month.
#[derive(Debug, Clone, PartialEq)]
pub struct Addend {
    /// Parts × cells, C order.
    pub maps: Vec<f64>,
    /// Which of them each step takes.
    pub part: Vec<u32>,
}

/// x(t, c) = Σ over k of pₖ(t) hₖ(c), and a map on top where there is one. Sums are in double
/// precision in the order of modes, rounded once.
#[derive(Debug)]
pub struct Reconstruction {
    variable: Variable,
    chunks: Vec<usize>,
    modes: usize,
    cells: usize,
    /// Modes × cells; NaN: missing.
    maps: Vec<f64>,
    /// Steps × modes.
    series: Vec<f64>,
    addend: Option<Addend>,
}

impl Reconstruction {
    /// The field `variable` (time first; single precision if that is its type, else double),
    /// stored in `chunks`, of `maps` (modes × cells, NaN where missing) and `series` (time ×
    /// modes).
    ///
    /// # Errors
    /// Internal, if lengths don't fit.
    pub fn new(
        variable: Variable,
        chunks: Vec<usize>,
        maps: Vec<f64>,
        series: Vec<f64>,
        addend: Option<Addend>,
    ) -> Result<Self> {
        let shape = variable.shape();
        let steps = shape.first().copied().unwrap_or(0);
        let cells: usize = shape.iter().skip(1).product();
        let modes = maps.len() / cells.max(1);
        let added = addend.as_ref().is_none_or(|a| {
            a.part.len() == steps && a.part.iter().all(|&p| (p as usize + 1) * cells <= a.maps.len())
        });
        if maps.len() != modes * cells || series.len() != steps * modes || !added {
            return Err(Error::internal("maps and series of a reconstruction don't fit"));
        }
        Ok(Self { variable, chunks, modes, cells, maps, series, addend })
    }

    /// The cells from `cell` on at a step, into `out`.
    fn fill(&self, step: usize, cell: usize, out: &mut [f64]) {
        match &self.addend {
            None => out.fill(0.0),
            Some(addend) => {
                let from = addend.part[step] as usize * self.cells + cell;
                out.copy_from_slice(&addend.maps[from..from + out.len()]);
            }
        }
        for (k, p) in self.series[step * self.modes..(step + 1) * self.modes].iter().enumerate() {
            let map = &self.maps[k * self.cells + cell..][..out.len()];
            out.iter_mut().zip(map).for_each(|(o, h)| *o += p * h);
        }
    }

    /// One step of a block, rounded by `round`.
    fn step<T>(&self, slab: &IndexBox, out: &mut [T], round: impl Fn(f64) -> T) {
        let step = slab.range(0).start;
        let mut sums = [0.0; BLOCK];
        IndexBox::whole(&self.variable.shape()).for_each_run(slab, |place, at, n| {
            let first = place - step * self.cells;
            for from in (0..n).step_by(BLOCK) {
                let sums = &mut sums[..BLOCK.min(n - from)];
                self.fill(step, first + from, sums);
                out[at + from..].iter_mut().zip(sums).for_each(|(o, v)| *o = round(*v));
            }
        });
    }

    /// Whether single precision makes nothing of values that are not 0.
    fn is_lost(&self, block: &IndexBox, out: &[f32]) -> bool {
        if out.iter().any(|v| v.abs() >= f32::MIN_POSITIVE) {
            return false;
        }
        let steps = block.range(0);
        let mut own = vec![0.0; block.len() / steps.len().max(1)];
        steps.clone().any(|at| {
            self.step(&block.with_range(0, at..at + 1), &mut own, |v| v);
            own.iter().any(|v| *v != 0.0 && !v.is_nan())
        })
    }

    fn steps<T: Send>(&self, block: &IndexBox, out: &mut [T], round: impl Fn(f64) -> T + Sync) {
        let steps = block.range(0);
        let each = block.len() / steps.len().max(1);
        out.par_chunks_mut(each.max(1)).enumerate().for_each(|(i, out)| {
            let at = steps.start + i;
            self.step(&block.with_range(0, at..at + 1), out, &round);
        });
    }
}

impl StreamSource for Reconstruction {
    fn variable(&self) -> &Variable {
        &self.variable
    }
    fn is_single(&self) -> bool {
        self.variable.dtype == DType::F32
    }
    fn chunks(&self) -> Vec<usize> {
        self.chunks.clone()
    }
    fn is_divisible(&self) -> bool {
        true
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        match out {
            NumbersMut::F32(out) if out.len() == block.len() => {
                self.steps(block, out, |v| v as f32);
                if out.iter().any(|v| v.is_infinite()) || self.is_lost(block, out) {
                    return Err(Error::data("its values do not fit into single precision")
                        .in_variable(&self.variable.name)
                        .remedy("write them with --precision double"));
                }
            }
            NumbersMut::F64(out) if out.len() == block.len() => self.steps(block, out, |v| v),
            _ => return Err(Error::internal("a buffer is not as long as its block")),
        }
        Ok(())
    }
    /// Nothing comes from a file.
    fn stored_bytes(&self, _block: &IndexBox) -> u64 {
        0
    }
}

//! A variable on other levels, made block by block as it is read.

use super::{interpolate, remap, Beyond, Interpolation, Place, Quantity};
use crate::transport::atmosphere::doubles;
use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Role, Variable};
use halocline_core::{Error, Result};
use rayon::prelude::*;
use std::ops::Range;

/// How values get to other levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Values at targets.
    Between(Interpolation, Beyond),
    /// Layers between targets.
    Layers(Quantity),
}

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// The variable.
    Values,
    /// The thickness of what layers were made of.
    Thickness,
}

/// Columns that a thread works on at a time.
const COLUMNS: usize = 256;

/// A source on other levels.
pub struct Leveled<'a> {
    source: &'a dyn StreamSource,
    place: &'a Place<'a>,
    targets: Vec<f64>,
    method: Method,
    made: Made,
    variable: Variable,
    level: usize,
    /// Steps that are read at a time: whole chunks, where these can't be read in parts.
    steps: usize,
}

impl<'a> Leveled<'a> {
    /// `source` at (or in layers between) `targets`; `variable` has the same dimensions, but for the
    /// length and name of that of levels.
    ///
    /// # Errors
    /// Data, if the place has another number of levels, or there are none.
    pub fn new(
        source: &'a dyn StreamSource,
        place: &'a Place<'a>,
        (targets, method, made): (&[f64], Method, Made),
        variable: Variable,
    ) -> Result<Self> {
        let of = source.variable();
        let Some(level) = of.position(Role::Level) else {
            return Err(Error::data("has no levels").in_variable(&of.name));
        };
        let own = of.dims[level].len;
        if place.len().is_some_and(|n| n != own) || level == 0 {
            return Err(Error::data(format!(
                "has {own} levels, their places are told of {}",
                place.len().unwrap_or(0)
            ))
            .in_variable(&of.name));
        }
        let wanted = match method {
            Method::Between(..) => targets.len(),
            Method::Layers(_) => targets.len().saturating_sub(1),
        };
        if variable.dims.get(level).map(|d| d.len) != Some(wanted) {
            return Err(Error::internal("levels of another number than the targets"));
        }
        let others = match place {
            Place::Fixed { .. } => None,
            Place::Hybrid { surface, .. } => Some(*surface),
            Place::Field { field, .. } => Some(*field),
        };
        if let Some(other) = others {
            let mut shape = of.shape();
            if matches!(place, Place::Hybrid { .. }) {
                shape.remove(level);
            }
            if other.variable().shape() != shape {
                return Err(Error::data(format!(
                    "has the shape {:?}, beside `{}` it should be {shape:?}",
                    other.variable().shape(),
                    of.name
                ))
                .in_variable(&other.variable().name)
                .remedy("choose one grid, and the same times"));
            }
        }
        let chunk = source.chunks().first().copied().unwrap_or(1).max(1);
        let steps = if source.is_divisible() { 1 } else { chunk.min(of.dims[0].len.max(1)) };
        Ok(Self { source, place, targets: targets.to_vec(), method, made, variable, level, steps })
    }

    /// The source's part of a block: all its levels.
    fn from(&self, block: &IndexBox) -> IndexBox {
        block.with_range(self.level, 0..self.source.variable().dims[self.level].len)
    }

    /// Some steps of a block as doubles.
    fn steps(&self, block: &IndexBox) -> Result<Vec<f64>> {
        let from = self.from(block);
        let values = doubles(self.source, &from)?;
        let read = self.place.read(&from, self.level)?;
        let shape = from.shape();
        let outer: usize = shape[..self.level].iter().product();
        let inner: usize = shape[self.level + 1..].iter().product();
        let (own, all) = (shape[self.level], self.variable.dims[self.level].len);
        let wanted = block.range(self.level);
        let mut out = vec![f64::NAN; outer * wanted.len() * inner];
        let parts: Vec<(usize, Range<usize>)> = (0..outer)
            .flat_map(|o| (0..inner).step_by(COLUMNS).map(move |c| (o, c..inner.min(c + COLUMNS))))
            .collect();
        let made: Vec<Vec<f64>> = parts
            .par_iter()
            .map(|(o, cells)| {
                let n = cells.len();
                let at = |k: usize| (o * own + k) * inner;
                let columns: Vec<f64> = (0..own)
                    .flat_map(|k| values[at(k) + cells.start..at(k) + cells.end].iter().copied())
                    .collect();
                self.columns(&read, (*o, inner), cells, &columns, &mut vec![0.0; all * n])
            })
            .collect();
        for ((o, cells), made) in parts.iter().zip(made) {
            for (k, row) in wanted.clone().enumerate() {
                let to = (o * wanted.len() + k) * inner;
                let n = cells.len();
                out[to + cells.start..to + cells.end].copy_from_slice(&made[row * n..(row + 1) * n]);
            }
        }
        Ok(out)
    }

    /// All targets of some columns.
    fn columns(
        &self,
        read: &[f64],
        of: (usize, usize),
        cells: &Range<usize>,
        columns: &[f64],
        room: &mut Vec<f64>,
    ) -> Vec<f64> {
        let n = cells.len();
        let mut out = std::mem::take(room);
        match self.method {
            Method::Between(how, beyond) => {
                let places = self.place.levels(read, of, cells);
                let how = (how, beyond, self.place.search());
                interpolate(how, n, (&places, columns), &self.targets, &mut out);
                out
            }
            Method::Layers(quantity) => {
                let (edges, thickness) = self.place.edges(read, of, cells);
                let mut covered = vec![0.0; out.len()];
                let layers = (edges.as_slice(), columns, thickness.as_slice());
                remap(quantity, n, layers, &self.targets, (&mut out, &mut covered));
                match self.made {
                    Made::Values => out,
                    Made::Thickness => covered,
                }
            }
        }
    }
}

impl StreamSource for Leveled<'_> {
    fn variable(&self) -> &Variable {
        &self.variable
    }
    fn is_single(&self) -> bool {
        self.variable.dtype == DType::F32
    }
    /// All levels at once: one of them would read all of the source again.
    fn chunks(&self) -> Vec<usize> {
        let mut chunks = self.source.chunks();
        chunks[self.level] = self.variable.dims[self.level].len.max(1);
        chunks
    }
    fn is_divisible(&self) -> bool {
        false
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let time = block.range(0);
        let each = block.len() / time.len().max(1);
        let (mut singles, mut doubles) = match out {
            NumbersMut::F32(v) => (Some(v), None),
            NumbersMut::F64(v) => (None, Some(v)),
        };
        for first in time.clone().step_by(self.steps) {
            let last = time.end.min(first + self.steps);
            let made = self.steps(&block.with_range(0, first..last))?;
            let range = (first - time.start) * each..(last - time.start) * each;
            if let Some(out) = singles.as_mut() {
                out[range].iter_mut().zip(&made).for_each(|(o, v)| *o = *v as f32);
            } else if let Some(out) = doubles.as_mut() {
                out[range].copy_from_slice(&made);
            }
        }
        Ok(())
    }
    fn prefetch(&self, block: &IndexBox) {
        self.source.prefetch(&self.from(block));
    }
    fn stored_bytes(&self, block: &IndexBox) -> u64 {
        self.source.stored_bytes(&self.from(block))
    }
    fn scratch_per_thread(&self) -> u64 {
        let cells = |v: &Variable| v.shape()[1..].iter().product::<usize>() * self.steps;
        // The source and its places as doubles, with the singles that they come from; the result twice.
        // Of a computed field its inputs, too.
        let of_source = if matches!(self.place, Place::Field { .. }) { 48 } else { 24 };
        let held = of_source * cells(self.source.variable()) + 16 * cells(&self.variable);
        self.source.scratch_per_thread() + (held as u64).div_ceil(halocline_core::threads::for_plans() as u64)
    }
}

//! Vertically integrated fluxes.

#![allow(clippy::needless_range_loop)] // several arrays side by side, for vectors

use super::ground::{doubles, few_steps};
use super::{Layers, Levels};
use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Dim, Role, Variable};
use halocline_core::{Error, Result};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// 1/g ∫ q v dp over the column at each cell, as it is read.
///
/// On pressure levels the product is a straight line between the levels above the ground that have a
/// value, and constant above the highest and below the lowest of them: to the surface pressure where
/// that is known, else no further than the lowest. On hybrid levels it is constant in each layer,
/// of mass dp/g; a layer without a value has the mean of the nearest above and below, or the nearest
/// one. A cell where all levels are missing is missing.
pub struct ColumnFlux<'a> {
    factors: [&'a dyn StreamSource; 2],
    surface: Option<&'a dyn StreamSource>,
    levels: &'a Levels,
    hybrid: Option<&'a Layers>,
    gravity: f64,
    variable: Variable,
    level: usize,
    /// Steps that are read at a time: whole chunks, where these can't be read in parts.
    together: usize,
    /// Values above the ground that are missing where others of the column are there.
    gaps: AtomicU64,
}

/// Cells that a thread works on at a time.
const PART: usize = 512;

impl<'a> ColumnFlux<'a> {
    /// The product of two variables of the same shape on `levels`; with a surface pressure the column
    /// ends there. `hybrid` are the layers of hybrid levels, which need it.
    ///
    /// # Errors
    /// Data, if shapes do not fit.
    pub fn new(
        name: &str,
        factors: [&'a dyn StreamSource; 2],
        (levels, hybrid): (&'a Levels, Option<&'a Layers>),
        surface: Option<&'a dyn StreamSource>,
        gravity: f64,
    ) -> Result<Self> {
        let of = factors[0].variable();
        let Some(level) = of.position(Role::Level).filter(|d| of.dims[*d].len == levels.len()) else {
            return Err(Error::data("has no levels to integrate over").in_variable(&of.name));
        };
        let mut dims: Vec<Dim> = of.dims.clone();
        dims.remove(level);
        let shape: Vec<usize> = dims.iter().map(|d| d.len).collect();
        let fits = factors[1].variable().shape() == of.shape()
            && surface.is_none_or(|surface| surface.variable().shape() == shape);
        if !fits {
            return Err(Error::data("has another shape than the variables beside it")
                .in_variable(&of.name)
                .remedy("choose one grid, and the same times"));
        }
        if hybrid.is_some() && surface.is_none() {
            return Err(Error::internal("hybrid levels without a surface"));
        }
        let variable =
            Variable { name: name.to_owned(), dims, dtype: DType::F64, attributes: of.attributes.clone() };
        let chunk = |f: &&dyn StreamSource| {
            if f.is_divisible() {
                1
            } else {
                f.chunks().first().map_or(1, |c| (*c).max(1))
            }
        };
        let together = factors.iter().map(chunk).max().unwrap_or(1).min(variable.dims[0].len.max(1));
        let gaps = AtomicU64::new(0);
        Ok(Self { factors, surface, levels, hybrid, gravity, variable, level, together, gaps })
    }

    /// How many values were missing above the ground, of what was read so far; without a surface
    /// pressure, none that is known of.
    pub fn gaps(&self) -> u64 {
        self.gaps.load(Ordering::Relaxed)
    }

    fn from(&self, block: &IndexBox) -> IndexBox {
        let mut ranges = block.ranges().to_vec();
        ranges.insert(self.level, 0..self.levels.len());
        IndexBox::new(ranges)
    }

    /// Some steps of a block.
    fn steps(&self, block: &IndexBox, out: &mut [f64]) -> Result<()> {
        let from = self.from(block);
        let [x, y] = [doubles(self.factors[0], &from)?, doubles(self.factors[1], &from)?];
        let surface = self.surface.map(|s| doubles(s, block)).transpose()?;
        let levels = self.levels.len();
        let inner: usize = block.shape()[self.level..].iter().product();
        for (o, out) in out.chunks_mut(inner.max(1)).enumerate() {
            out.par_chunks_mut(PART).enumerate().for_each(|(part, out)| {
                let cells = part * PART..part * PART + out.len();
                let surface = surface.as_ref().map(|s| &s[o * inner + cells.start..o * inner + cells.end]);
                let product = |k: usize, row: &mut [f64]| {
                    let at = (o * levels + k) * inner;
                    let (x, y) = (&x[at + cells.start..at + cells.end], &y[at + cells.start..at + cells.end]);
                    row.iter_mut().zip(x.iter().zip(y)).for_each(|(row, (x, y))| *row = x * y);
                };
                let gaps = match (self.hybrid, surface) {
                    (Some(layers), Some(surface)) => in_layers(layers, surface, &product, out),
                    _ => by_lines(self.levels, surface, &product, out),
                };
                out.iter_mut().for_each(|v| *v /= self.gravity);
                self.gaps.fetch_add(gaps, Ordering::Relaxed);
            });
        }
        Ok(())
    }
}

/// ∫ f dp of straight lines between pressure levels, `row` giving f at a level; and how many values
/// are missing.
fn by_lines(
    levels: &Levels,
    surface: Option<&[f64]>,
    row: &dyn Fn(usize, &mut [f64]),
    out: &mut [f64],
) -> u64 {
    let n = out.len();
    // The nearest level above that has a value, 0 where there is none yet, and that value.
    let (mut above, mut last, mut f) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    let ground = surface.map_or_else(|| vec![f64::INFINITY; n], <[f64]>::to_vec);
    let mut gaps = vec![0u32; n];
    out.fill(0.0);
    for &k in levels.down() {
        row(k, &mut f);
        let p = levels.pressure()[k];
        for i in 0..n {
            let (is_above, has_value) = (p <= ground[i], !f[i].is_nan());
            let is_first = above[i] == 0.0;
            let before = if is_first { f[i] } else { last[i] };
            let step = 0.5 * (f[i] + before) * (p - above[i]);
            let counts = is_above && has_value;
            out[i] += if counts { step } else { 0.0 };
            above[i] = if counts { p } else { above[i] };
            last[i] = if counts { f[i] } else { last[i] };
            gaps[i] += u32::from(is_above && !has_value);
        }
    }
    let mut all = 0;
    for i in 0..n {
        if above[i] == 0.0 {
            out[i] = f64::NAN;
        } else if surface.is_some() {
            out[i] += last[i] * (ground[i] - above[i]);
            all += u64::from(gaps[i]);
        }
    }
    all
}

/// ∫ f dp of layers, as [`by_lines`].
fn in_layers(layers: &Layers, surface: &[f64], row: &dyn Fn(usize, &mut [f64]), out: &mut [f64]) -> u64 {
    let n = out.len();
    let (mut last, mut f) = (vec![f64::NAN; n], vec![0.0; n]);
    let (mut upper, mut lower) = (vec![0.0; n], vec![0.0; n]);
    // What lies between layers that have values.
    let mut between = vec![0.0; n];
    let mut gaps = vec![0u32; n];
    out.fill(0.0);
    for &k in layers.down() {
        row(k, &mut f);
        layers.edges(k, surface, &mut upper, &mut lower);
        for i in 0..n {
            let dp = lower[i] - upper[i];
            let has_value = !f[i].is_nan();
            let before = if last[i].is_nan() { f[i] } else { last[i] };
            let step = f[i] * dp + 0.5 * (f[i] + before) * between[i];
            out[i] += if has_value { step } else { 0.0 };
            between[i] = if has_value { 0.0 } else { between[i] + dp };
            last[i] = if has_value { f[i] } else { last[i] };
            gaps[i] += u32::from(!has_value);
        }
    }
    let mut all = 0;
    for i in 0..n {
        out[i] += if between[i] == 0.0 { 0.0 } else { last[i] * between[i] };
        all += if out[i].is_nan() { 0 } else { u64::from(gaps[i]) };
    }
    all
}

impl StreamSource for ColumnFlux<'_> {
    fn variable(&self) -> &Variable {
        &self.variable
    }
    fn is_single(&self) -> bool {
        false
    }
    fn chunks(&self) -> Vec<usize> {
        let mut chunks = self.factors[0].chunks();
        chunks.remove(self.level);
        chunks
    }
    fn is_divisible(&self) -> bool {
        self.factors.iter().all(|f| f.is_divisible())
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let NumbersMut::F64(out) = out else { return Err(Error::internal("sums are doubles")) };
        few_steps(block, self.together, out, |part, out| self.steps(part, out))
    }
    fn prefetch(&self, block: &IndexBox) {
        self.factors.iter().for_each(|f| f.prefetch(&self.from(block)));
    }
    fn stored_bytes(&self, block: &IndexBox) -> u64 {
        self.factors.iter().map(|f| f.stored_bytes(&self.from(block))).sum()
    }
    fn scratch_per_thread(&self) -> u64 {
        // Both factors as doubles, with the singles that they come from.
        let step = self.factors[0].variable().shape()[1..].iter().product::<usize>() * self.together;
        let own = self.factors[0].scratch_per_thread().max(self.factors[1].scratch_per_thread());
        own + (28 * step as u64).div_ceil(halocline_core::threads::for_plans() as u64)
    }
}

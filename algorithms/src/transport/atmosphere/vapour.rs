//! Vertically integrated fluxes, and their divergence.

use super::ground::doubles;
use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Dim, Role, Variable};
use halocline_core::{Error, Result};
use rayon::prelude::*;

/// 1/g ∫ q v dp over the column at each cell, as it is read: of pressure or hybrid levels, whose
/// layers lie between half levels a + b pₛ. Missing levels carry nothing; a cell where all are
/// missing is missing.
pub struct ColumnFlux<'a> {
    factors: [&'a dyn StreamSource; 2],
    surface: Option<&'a dyn StreamSource>,
    /// Half levels: a in Pa and b.
    half: Vec<[f64; 2]>,
    gravity: f64,
    variable: Variable,
    level: usize,
    /// Steps that are read at a time: whole chunks, where these can't be read in parts.
    together: usize,
}

/// Cells that a thread works on at a time.
const PART: usize = 512;

impl<'a> ColumnFlux<'a> {
    /// The product of two variables of the same shape; `half` are (a, b) of the half levels, one
    /// more than levels, in their order. With a surface pressure, layers below it are cut off.
    ///
    /// # Errors
    /// Data, if shapes do not fit.
    pub fn new(
        name: &str,
        factors: [&'a dyn StreamSource; 2],
        surface: Option<&'a dyn StreamSource>,
        half: Vec<[f64; 2]>,
        gravity: f64,
    ) -> Result<Self> {
        let of = factors[0].variable();
        let Some(level) = of.position(Role::Level).filter(|d| of.dims[*d].len + 1 == half.len()) else {
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
        Ok(Self { factors, surface, half, gravity, variable, level, together })
    }

    fn from(&self, block: &IndexBox) -> IndexBox {
        let mut ranges = block.ranges().to_vec();
        ranges.insert(self.level, 0..self.half.len() - 1);
        IndexBox::new(ranges)
    }

    /// Some steps of a block.
    fn steps(&self, block: &IndexBox, out: &mut [f64]) -> Result<()> {
        let from = self.from(block);
        let [x, y] = [doubles(self.factors[0], &from)?, doubles(self.factors[1], &from)?];
        let surface = self.surface.map(|s| doubles(s, block)).transpose()?;
        let levels = self.half.len() - 1;
        let inner: usize = block.shape()[self.level..].iter().product();
        for (o, out) in out.chunks_mut(inner.max(1)).enumerate() {
            out.par_chunks_mut(PART).enumerate().for_each(|(part, out)| {
                let cells = part * PART..part * PART + out.len();
                let ground = |cell: usize| surface.as_ref().map_or(f64::INFINITY, |s| s[o * inner + cell]);
                let mut any = vec![false; out.len()];
                out.fill(0.0);
                for k in 0..levels {
                    let at = (o * levels + k) * inner;
                    for (i, cell) in cells.clone().enumerate() {
                        let (product, ps) = (x[at + cell] * y[at + cell], ground(cell));
                        if !product.is_nan() && !ps.is_nan() {
                            out[i] += product * self.thickness(k, ps);
                            any[i] = true;
                        }
                    }
                }
                for (v, any) in out.iter_mut().zip(any) {
                    *v = if any { *v / self.gravity } else { f64::NAN };
                }
            });
        }
        Ok(())
    }

    /// The pressure between the half levels of a layer, above the ground.
    fn thickness(&self, k: usize, surface: f64) -> f64 {
        let at = |[a, b]: [f64; 2]| if b == 0.0 { a.min(surface) } else { (a + b * surface).min(surface) };
        (at(self.half[k + 1]) - at(self.half[k])).abs()
    }
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
        let time = block.range(0);
        let each = block.len() / time.len().max(1);
        for (k, out) in out.chunks_mut((each * self.together).max(1)).enumerate() {
            let first = time.start + k * self.together;
            self.steps(&block.with_range(0, first..time.end.min(first + self.together)), out)?;
        }
        Ok(())
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
        own + (28 * step as u64).div_ceil(rayon::current_num_threads() as u64)
    }
}

/// 1/(a cos φ) (∂u/∂λ + ∂(v cos φ)/∂φ) of a map: differences of fluxes through the sides of cells,
/// each the mean of the two cells beside it, over the area of the cell between `lat_edges` (radians,
/// one more than latitudes). So the integral over a whole sphere is 0. `is_global`: the map closes
/// in itself, else the outer cells of a row are missing; nothing goes through the ends of a column
/// where these are poles, else cells there are missing.
pub fn horizontal_divergence(
    u: &[f64],
    v: &[f64],
    lat_edges: &[f64],
    (dlon, is_global): (f64, bool),
    radius: f64,
) -> Vec<f64> {
    let lat = lat_edges.len().saturating_sub(1);
    let lon = u.len() / lat.max(1);
    let mut out = vec![f64::NAN; u.len()];
    let pole = |edge: f64| edge.cos().abs() < 1e-10;
    let north = |edge: usize, i: usize| -> f64 {
        if pole(lat_edges[edge]) {
            return 0.0;
        }
        if edge == 0 || edge == lat {
            return f64::NAN;
        }
        0.5 * (v[(edge - 1) * lon + i] + v[edge * lon + i]) * radius * lat_edges[edge].cos() * dlon
    };
    for j in 0..lat {
        let height = (lat_edges[j + 1] - lat_edges[j]).abs() * radius;
        let area = radius * radius * dlon * (lat_edges[j + 1].sin() - lat_edges[j].sin()).abs();
        let up = (lat_edges[j + 1] - lat_edges[j]).signum();
        for i in 0..lon {
            if !is_global && (i == 0 || i + 1 == lon) {
                continue;
            }
            let (west, east) = ((i + lon - 1) % lon, (i + 1) % lon);
            let along = 0.5 * (u[j * lon + east] - u[j * lon + west]) * height;
            out[j * lon + i] = (along + up * (north(j + 1, i) - north(j, i))) / area;
        }
    }
    out
}

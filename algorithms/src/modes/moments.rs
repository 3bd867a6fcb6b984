//! Sums over cells that rotations of EOFs are found from.

use super::dense::{product, rows};
use crate::symmetric::{SymmetricSum, STRIP};
use faer::Mat;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// A row of loadings below this share of their root mean square is rounding: a cell without a
/// direction, which Kaiser's normalisation must not blow up.
const FLOOR: f64 = 1e-13;

/// The products of four loadings fill modes⁴ numbers when a rotation is looked for.
pub(super) const MOST: usize = 64;

/// Second and fourth moments of loadings, summed over cells: all that varimax needs.
///
/// With a(i, c) the loading of mode i at cell c, divided by h(c) = √Σ a(i, c)² over i under
/// Kaiser's normalisation, these are S(i, j) = Σ a(i, c) a(j, c) and
/// F(i, j, k, l) = Σ a(i, c) a(j, c) a(k, c) a(l, c) over c. However many iterations a rotation
/// takes, the loadings are read once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadingMoments {
    pub(super) modes: usize,
    pub(super) kaiser: bool,
    /// Cells whose loadings have a smaller norm count as zero.
    pub(super) floor: f64,
    pub(super) cells: u64,
    /// Of the loadings as they are.
    pub(super) plain: SymmetricSum,
    /// Of the normalised loadings.
    pub(super) second: SymmetricSum,
    /// Of products of pairs of normalised loadings, in the order of [`pairs`].
    pub(super) fourth: SymmetricSum,
}

/// The pairs (i, j), i ≤ j, of `modes` modes.
pub(super) fn pairs(modes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..modes).flat_map(move |i| (i..modes).map(move |j| (i, j)))
}

impl LoadingMoments {
    /// The sums before any cell. `squares` holds Σ over cells of the squared loadings of each
    /// mode: its eigenvalue, or 1 for EOFs of unit norm. `cells` is the number of all cells.
    ///
    /// # Errors
    /// [`Usage`](halocline_core::ErrorKind::Usage) when there are fewer than 2 or more than 64
    /// modes; [`Data`](halocline_core::ErrorKind::Data) when a mode has no variance.
    pub fn new(squares: &[f64], cells: usize, kaiser: bool) -> Result<Self> {
        let modes = squares.len();
        if !(2..=MOST).contains(&modes) {
            return Err(Error::usage(format!(
                "a rotation takes 2 to {MOST} modes, {modes} {} asked for",
                if modes == 1 { "is" } else { "are" }
            )));
        }
        if let Some(k) = squares.iter().position(|s| !(*s > 0.0 && s.is_finite())) {
            return Err(Error::data(format!("mode {} has no variance to be rotated", k + 1))
                .remedy("rotate fewer modes"));
        }
        let mean = squares.iter().sum::<f64>() / cells.max(1) as f64;
        Ok(Self {
            modes,
            kaiser,
            floor: FLOOR * mean.sqrt(),
            cells: 0,
            plain: SymmetricSum::new(modes),
            second: SymmetricSum::new(modes),
            fourth: SymmetricSum::new(modes * (modes + 1) / 2),
        })
    }

    /// Bytes of one such state.
    pub fn bytes(modes: usize) -> usize {
        let pairs = modes * (modes + 1) / 2;
        (pairs * (pairs + 128) / 2 + modes * (modes + 128)) * std::mem::size_of::<f64>()
    }

    /// Adds cells: their loadings, modes × cells, C order. A cell with a missing loading is left
    /// out.
    pub fn absorb(&mut self, loadings: &[f64]) {
        let modes = self.modes;
        for_each_strip(loadings, modes, |strip| {
            let width = strip.len() / modes;
            self.cells += width as u64;
            self.plain.add_columns(strip);
            if self.kaiser {
                normalise(strip, width, self.floor);
            }
            self.second.add_columns(strip);
            let mut products = Vec::with_capacity(self.fourth.n() * width);
            for (i, j) in pairs(modes) {
                let (a, b) = (&strip[i * width..(i + 1) * width], &strip[j * width..(j + 1) * width]);
                products.extend(a.iter().zip(b).map(|(x, y)| x * y));
            }
            self.fourth.add_columns(&products);
        });
    }

    /// Adds the sums over other cells.
    ///
    /// # Errors
    /// When they are of other modes.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.cells += other.cells;
        self.plain.merge(&other.plain)?;
        self.second.merge(&other.second)?;
        self.fourth.merge(&other.fourth)
    }
}

/// Hands over loadings without missing values, a strip of cells at a time, modes × cells.
fn for_each_strip(loadings: &[f64], modes: usize, mut hand_over: impl FnMut(&mut Vec<f64>)) {
    let width = loadings.len() / modes;
    let cells: Vec<usize> =
        (0..width).filter(|c| (0..modes).all(|k| !loadings[k * width + c].is_nan())).collect();
    for cells in cells.chunks(STRIP) {
        let row = |k: usize| cells.iter().map(move |c| loadings[k * width + c]);
        hand_over(&mut (0..modes).flat_map(row).collect());
    }
}

/// Divides the loadings of each of `width` cells by their norm.
fn normalise(strip: &mut [f64], width: usize, floor: f64) {
    let norms = norms(strip, width);
    for row in strip.chunks_mut(width) {
        row.iter_mut().zip(&norms).for_each(|(v, h)| *v = if *h > floor { *v / h } else { 0.0 });
    }
}

fn norms(strip: &[f64], width: usize) -> Vec<f64> {
    let mut squares = vec![0.0; width];
    strip.chunks(width).for_each(|row| squares.iter_mut().zip(row).for_each(|(s, v)| *s += v * v));
    squares.into_iter().map(f64::sqrt).collect()
}

/// What the second step of promax fits: Σ over cells of `b_i b_j |b_j|^(power − 1)` for the
/// varimax-rotated, normalised loadings b.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromaxTarget {
    modes: usize,
    kaiser: bool,
    floor: f64,
    pub(super) power: f64,
    /// Of the varimax rotation, C order.
    rotation: Vec<f64>,
    /// i × j, C order.
    pub(super) sums: Vec<f64>,
}

impl PromaxTarget {
    /// The sums before any cell, for the varimax `rotation` (modes × modes, C order) of `moments`.
    ///
    /// # Errors
    /// [`Usage`](halocline_core::ErrorKind::Usage) when `power` is below 1 or no number.
    pub fn new(moments: &LoadingMoments, rotation: &[f64], power: f64) -> Result<Self> {
        if !(power >= 1.0 && power.is_finite()) {
            return Err(Error::usage(format!("the power of promax is {power}, it must be at least 1")));
        }
        let (modes, kaiser, floor) = (moments.modes, moments.kaiser, moments.floor);
        Ok(Self { modes, kaiser, floor, power, rotation: rotation.to_vec(), sums: vec![0.0; modes * modes] })
    }

    /// Adds cells, as [`LoadingMoments::absorb`] does.
    pub fn absorb(&mut self, loadings: &[f64]) {
        let modes = self.modes;
        for_each_strip(loadings, modes, |strip| {
            let width = strip.len() / modes;
            if self.kaiser {
                normalise(strip, width, self.floor);
            }
            let turned = product(rows(strip, modes, width).transpose(), rows(&self.rotation, modes, modes));
            let target = Mat::from_fn(width, modes, |c, j| {
                turned[(c, j)] * turned[(c, j)].abs().powf(self.power - 1.0)
            });
            let sums = product(turned.transpose(), target.as_ref());
            for (k, s) in self.sums.iter_mut().enumerate() {
                *s += sums[(k / modes, k % modes)];
            }
        });
    }

    /// Adds the sums over other cells.
    ///
    /// # Errors
    /// When they are of other modes.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.sums.len() != other.sums.len() {
            return Err(Error::internal("rotations of different modes can't be merged"));
        }
        self.sums.iter_mut().zip(&other.sums).for_each(|(s, o)| *s += o);
        Ok(())
    }
}

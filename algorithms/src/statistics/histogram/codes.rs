//! Rows of values to rows of bin numbers, for whatever vector unit the machine has.
//!
//! Uniform bins are found by a multiplication. Where that lands so near to an edge that rounding
//! could matter, the edges are asked ([`Bins::code`]), so the result is always theirs.

use super::bins::{Bins, ABOVE, APART, BELOW, MISSING};
use halocline_core::engine::Numbers;
use pulp::Arch;

/// Marks a value for which the edges have to be asked.
const NEAR: u32 = 1 << 31;
/// Adding it rounds a double below 2^51 to a whole number, which its lowest bits then hold.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// Bins as the inner loop wants them.
#[derive(Debug, Clone)]
pub(super) struct Coder {
    bins: Bins,
    /// Bins per unit; 0 where edges are not uniform.
    scale: f64,
    /// How near to an edge, in bins, the edges are asked.
    near: f64,
}

impl Coder {
    pub(super) fn new(bins: &Bins) -> Self {
        let (scale, near) = match *bins {
            Bins::Uniform { low, high, count } => {
                let n = count as f64;
                let scale = n / (high - low);
                // Rounding of the edges and of the product, in bins, with room to spare.
                let near = 16.0 * f64::EPSILON * (n + low.abs().max(high.abs()) * scale + 1.0);
                (scale, near)
            }
            Bins::Edges(_) => (0.0, 1.0),
        };
        let usable = scale.is_normal() && near < 0.25;
        Self { bins: bins.clone(), scale: if usable { scale } else { 0.0 }, near }
    }
    /// Different codes: bins, below, above, missing.
    pub(super) fn width(&self) -> usize {
        self.bins.len() + APART
    }

    /// The codes of a row, as [`Bins::code`] gives them.
    pub(super) fn row(&self, values: Numbers<'_>, out: &mut [u32]) {
        match values {
            Numbers::F32(v) => self.typed(v, out),
            Numbers::F64(v) => self.typed(v, out),
        }
    }

    fn typed<T: Copy + Into<f64>>(&self, values: &[T], out: &mut [u32]) {
        if self.scale == 0.0 {
            values.iter().zip(out).for_each(|(&v, out)| *out = self.bins.code(v.into()) as u32);
            return;
        }
        let (low, high, n) = (self.bins.edge(0), self.bins.edge(self.bins.len()), self.bins.len());
        let (scale, near) = (self.scale, self.near);
        let marked = Arch::new().dispatch(
            #[inline(always)]
            || guess(values, out, (low, high, n), scale, near),
        );
        if marked {
            for (&v, code) in values.iter().zip(out).filter(|(_, code)| **code & NEAR != 0) {
                *code = self.bins.code(v.into()) as u32;
            }
        }
    }
}

/// Bins by multiplication; whether any value is so near to an edge that it is only marked.
#[inline(always)]
#[allow(clippy::inline_always)] // so that it is compiled for the vectors of its caller
fn guess<T: Copy + Into<f64>>(
    values: &[T],
    out: &mut [u32],
    (low, high, n): (f64, f64, usize),
    scale: f64,
    near: f64,
) -> bool {
    let (below, above, missing) = ((n + BELOW) as u32, (n + ABOVE) as u32, (n + MISSING) as u32);
    let most = n as f64;
    let mut any = 0;
    for (&v, out) in values.iter().zip(out.iter_mut()) {
        let v: f64 = v.into();
        let at = (v - low) * scale;
        // Neither below nor above, nor NaN, where it matters.
        let at = if at > 0.0 { at } else { 0.0 };
        let at = if at < most { at } else { most };
        let nearest = (at + ROUND) - ROUND;
        let mark = if (at - nearest).abs() < near { NEAR } else { 0 };
        // Not near to an edge: rounding to the nearest of half a bin less is rounding down.
        let inside = ((at - 0.5 + ROUND).to_bits() as u32) | mark;
        let code = if v < low { below } else { inside };
        let code = if v > high { above } else { code };
        let code = if v.is_nan() { missing } else { code };
        *out = code;
        any |= code;
    }
    any & NEAR != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_the_edges_say() {
        for bins in [
            Bins::uniform(-60.0, 80.0, 100).unwrap(),
            Bins::uniform(180.0, 320.0, 7).unwrap(),
            Bins::uniform(-1.0, 1.0, 1).unwrap(),
            Bins::uniform(1e15, 1e15 + 64.0, 9).unwrap(),
            Bins::uniform(0.0, 1.0, 300_000).unwrap(),
            Bins::edges(vec![-3.0, -1.0, 0.5, 100.0]).unwrap(),
        ] {
            let coder = Coder::new(&bins);
            let n = bins.len();
            let step = 1 + n / 500;
            let edges = (0..=n).step_by(step).map(|k| bins.edge(k));
            let mut values: Vec<f64> =
                edges.flat_map(|e| [e.next_down(), e, e.next_up(), e + 0.3 * bins.width(0)]).collect();
            values.extend([
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
                -1e300,
                1e300,
                0.0,
                -0.0,
                bins.edge(n),
            ]);
            let mut out = vec![0; values.len()];
            coder.row(Numbers::F64(&values), &mut out);
            for (v, code) in values.iter().zip(&out) {
                assert_eq!(*code as usize, bins.code(*v), "{v} of {bins:?}");
            }
            let singles: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            coder.row(Numbers::F32(&singles), &mut out);
            for (v, code) in singles.iter().zip(&out) {
                assert_eq!(*code as usize, bins.code(f64::from(*v)), "{v} of {bins:?}");
            }
        }
    }
}

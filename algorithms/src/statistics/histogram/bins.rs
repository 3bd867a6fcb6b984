//! Bins of a histogram and which of them a value falls into.

use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Bins between edges that increase: bin k holds `edge(k) <= v < edge(k + 1)`, the last one its
/// upper edge too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Bins {
    /// As many bins of one width: the edges are those of numpy's `linspace(low, high, count + 1)`.
    Uniform {
        /// The lowest edge.
        low: f64,
        /// The highest edge.
        high: f64,
        /// How many bins.
        count: usize,
    },
    /// Any edges.
    Edges(Vec<f64>),
}

/// What becomes of a value, counted behind the bins.
pub(super) const BELOW: usize = 0;
pub(super) const ABOVE: usize = 1;
pub(super) const MISSING: usize = 2;
/// How many such codes there are.
pub(super) const APART: usize = 3;

/// Edges that a user can list.
const MOST_EDGES: usize = 100_000;

/// Most bins of one variable: edges are told apart by doubles.
const MOST: usize = 1 << 30;

impl Bins {
    /// `count` bins of one width.
    ///
    /// # Errors
    /// Usage, if the ends are no finite numbers in their order, there is no bin, or so many that
    /// neighbouring edges are the same number.
    pub fn uniform(low: f64, high: f64, count: usize) -> Result<Self> {
        if !(low.is_finite() && high.is_finite()) {
            return Err(Error::usage(format!("bins from {low} to {high} have no finite ends")));
        }
        if !(high - low).is_finite() {
            return Err(Error::usage(format!("bins from {low:e} to {high:e} are wider than numbers go")));
        }
        if low >= high {
            return Err(Error::usage(format!("bins from {low} to {high} don't increase"))
                .remedy("write the lower end first, as in --bins -2:35:100"));
        }
        if count == 0 || count > MOST {
            return Err(
                Error::usage(format!("{count} bins can't be made")).remedy(format!("ask for 1 to {MOST}"))
            );
        }
        let step = (high - low) / count as f64;
        if low + step <= low || high - step >= high {
            return Err(Error::usage(format!("{count} bins between {low} and {high} have no width"))
                .remedy("ask for fewer"));
        }
        Ok(Self::Uniform { low, high, count })
    }

    /// Bins between these edges.
    ///
    /// # Errors
    /// Usage, if there are fewer than two, one is no finite number, or they don't increase.
    pub fn edges(edges: Vec<f64>) -> Result<Self> {
        if edges.len() < 2 {
            return Err(Error::usage("bins need two edges at least"));
        }
        if let Some(edge) = edges.iter().find(|e| !e.is_finite()) {
            return Err(Error::usage(format!("{edge} is no edge of a bin")).remedy("give finite numbers"));
        }
        if let Some([a, b]) = edges.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(Error::usage(format!("the edges of bins don't increase: {b} follows {a}"))
                .remedy("sort them, each once"));
        }
        Ok(Self::Edges(edges))
    }

    /// How many bins.
    pub fn len(&self) -> usize {
        match self {
            Self::Uniform { count, .. } => *count,
            Self::Edges(edges) => edges.len() - 1,
        }
    }
    /// Whether there are none, which cannot be.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Edge number `k`, up to [`Self::len`].
    pub fn edge(&self, k: usize) -> f64 {
        match self {
            Self::Uniform { high, count, .. } if k >= *count => *high,
            Self::Uniform { low, high, count } => k as f64 * ((high - low) / *count as f64) + low,
            Self::Edges(edges) => edges[k],
        }
    }
    /// The middle of bin `k`.
    pub fn centre(&self, k: usize) -> f64 {
        let (a, b) = (self.edge(k), self.edge(k + 1));
        a + 0.5 * (b - a)
    }
    /// The width of bin `k`.
    pub fn width(&self, k: usize) -> f64 {
        self.edge(k + 1) - self.edge(k)
    }

    /// The bin of a value, or [`Self::len`] plus [`BELOW`], [`ABOVE`] or [`MISSING`]. Decided by
    /// comparisons with the edges.
    pub(super) fn code(&self, v: f64) -> usize {
        let n = self.len();
        if v.is_nan() {
            return n + MISSING;
        }
        if v < self.edge(0) {
            return n + BELOW;
        }
        if v >= self.edge(n) {
            return if v == self.edge(n) { n - 1 } else { n + ABOVE };
        }
        match self {
            Self::Edges(edges) => edges.partition_point(|&e| e <= v) - 1,
            Self::Uniform { low, high, count } => {
                let guess = (v - low) / (high - low) * *count as f64;
                let mut k = (guess as usize).min(n - 1);
                // A bin off at most, but for ranges at the limits of doubles.
                while k > 0 && v < self.edge(k) {
                    k -= 1;
                }
                while k + 1 < n && v >= self.edge(k + 1) {
                    k += 1;
                }
                k
            }
        }
    }
}

/// `A:B:N`, or edges divided by commas.
impl FromStr for Bins {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        const HOW: &str = "write A:B:N, as in -2:35:100, or edges, as in 0,1,10,100";
        let number = |word: &str| {
            let number = word.trim().parse::<f64>();
            number.map_err(|_| Error::usage(format!("`{word}` is no number")).remedy(HOW))
        };
        let words: Vec<&str> = text.split(':').collect();
        match words.as_slice() {
            [a, b, n] => {
                let count = n.trim().parse::<usize>();
                let count = count.map_err(|_| Error::usage(format!("`{n}` is no number of bins")))?;
                Self::uniform(number(a)?, number(b)?, count)
            }
            [list] if list.split(',').count() <= MOST_EDGES => {
                Self::edges(list.split(',').map(number).collect::<Result<_>>()?)
            }
            [_] => Err(Error::usage(format!("more than {MOST_EDGES} edges"))
                .remedy("write A:B:N for bins of one width")),
            _ => Err(Error::usage(format!("`{text}` is no list of bins")).remedy(HOW)),
        }
    }
}

/// Makes densities of what is in bins: divided by the widths of bins (of several variables by their
/// product) and by the sum; of each table, where there are several. Nothing in any bin is missing.
pub fn make_densities(values: &mut [f64], bins: &[Bins]) {
    let widths = |b: &Bins| (0..b.len()).map(|k| b.width(k)).collect::<Vec<f64>>();
    let sizes = bins.iter().fold(vec![1.0], |sizes, b| {
        let widths = widths(b);
        sizes.iter().flat_map(|s| widths.iter().map(move |w| s * w)).collect()
    });
    for table in values.chunks_mut(sizes.len().max(1)) {
        let total: f64 = table.iter().sum();
        // Nothing in any bin: 0/0 is missing.
        table.iter_mut().zip(&sizes).for_each(|(v, size)| *v = *v / size / total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_a_search_among_the_edges() {
        let mut seed = 7u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 11) as f64 / (1u64 << 53) as f64
        };
        for (low, high, count) in
            [(-60.0, 80.0, 100), (0.1, 0.7, 7), (-1e-3, 1e9, 333), (1e15, 1e15 + 64.0, 9), (0.0, 1.0, 1)]
        {
            let bins = Bins::uniform(low, high, count).unwrap();
            let edges: Vec<f64> = (0..=count).map(|k| bins.edge(k)).collect();
            let listed = Bins::edges(edges.clone()).unwrap();
            let near = |e: &f64| [e.next_down(), *e, e.next_up()];
            let inside: Vec<f64> = (0..1000).map(|_| low + (high - low) * (1.2 * random() - 0.1)).collect();
            for v in
                edges.iter().flat_map(near).chain(inside).chain([f64::NAN, f64::INFINITY, -f64::INFINITY])
            {
                assert_eq!(bins.code(v), listed.code(v), "{v} of {bins:?}");
            }
            assert_eq!(bins.code(high), count - 1);
            assert_eq!(bins.code(high.next_up()), count + ABOVE);
            assert_eq!(bins.code(low.next_down()), count + BELOW);
            assert_eq!(bins.code(f64::NAN), count + MISSING);
        }
    }

    #[test]
    fn bins_that_are_none() {
        for (low, high, count) in [
            (1.0, 0.0, 3),
            (0.0, 0.0, 1),
            (f64::NAN, 1.0, 2),
            (0.0, f64::INFINITY, 2),
            (0.0, 1.0, 0),
            (1e16, 1e16 + 4.0, 100),
        ] {
            assert_eq!(Bins::uniform(low, high, count).unwrap_err().exit_code(), 2, "{low} {high} {count}");
        }
        for edges in [vec![], vec![1.0], vec![1.0, 1.0], vec![2.0, 1.0], vec![0.0, f64::NAN]] {
            assert_eq!(Bins::edges(edges).unwrap_err().exit_code(), 2);
        }
    }
}

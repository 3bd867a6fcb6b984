//! Where the levels of columns lie.

use super::Search;
use halocline_core::engine::StreamSource;
use halocline_core::index::IndexBox;
use halocline_core::Result;

use crate::transport::atmosphere::doubles;

/// Where levels lie: along a coordinate in which targets are given.
#[derive(Clone)]
pub enum Place<'a> {
    /// The same everywhere: of each level, and of the edges of layers, one more.
    Fixed {
        /// Of levels.
        levels: Vec<f64>,
        /// Of edges.
        edges: Vec<f64>,
    },
    /// a + b pₛ, both of each level and of the half levels; pₛ has the dimensions of the variable
    /// without levels.
    Hybrid {
        /// a and b of levels.
        levels: Vec<[f64; 2]>,
        /// a and b of half levels, one more.
        edges: Vec<[f64; 2]>,
        /// The surface pressure.
        surface: &'a dyn StreamSource,
    },
    /// A field of the variable's own shape; layers have this thickness each.
    Field {
        /// Its values.
        field: &'a dyn StreamSource,
        /// The thickness of each layer in space.
        thickness: Vec<f64>,
        /// From which end of a column a value is looked for that it has more than once.
        search: Search,
    },
}

impl std::fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fixed { .. } => "Fixed",
            Self::Hybrid { .. } => "Hybrid",
            Self::Field { .. } => "Field",
        })
    }
}

impl Place<'_> {
    /// How many levels it tells of; `None`: as many as the field has.
    pub fn len(&self) -> Option<usize> {
        match self {
            Self::Fixed { levels, .. } => Some(levels.len()),
            Self::Hybrid { levels, .. } => Some(levels.len()),
            Self::Field { thickness, .. } => Some(thickness.len()),
        }
    }
    /// Which of several places of a value in a column counts.
    pub(super) fn search(&self) -> Search {
        match self {
            Self::Field { search, .. } => *search,
            _ => Search::default(),
        }
    }
    /// Whether there are no levels.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// What has to be read of it for a block of the variable whose dimension `level` is whole.
    pub(super) fn read(&self, block: &IndexBox, level: usize) -> Result<Vec<f64>> {
        match self {
            Self::Fixed { .. } => Ok(Vec::new()),
            Self::Hybrid { surface, .. } => {
                let mut ranges = block.ranges().to_vec();
                ranges.remove(level);
                doubles(*surface, &IndexBox::new(ranges))
            }
            Self::Field { field, .. } => doubles(*field, block),
        }
    }

    /// The places of the levels of some columns, `[level, n]`: `read` is that of the block, `inner`
    /// its cells to a level, `outer` which of the maps before the levels.
    pub(super) fn levels(
        &self,
        read: &[f64],
        (outer, inner): (usize, usize),
        cells: &std::ops::Range<usize>,
    ) -> Vec<f64> {
        let each =
            |[a, b]: &[f64; 2], surface: &[f64]| surface.iter().map(|ps| a + b * ps).collect::<Vec<_>>();
        match self {
            Self::Fixed { levels, .. } => spread(levels, cells.len()),
            Self::Hybrid { levels, .. } => {
                let surface = &read[outer * inner + cells.start..outer * inner + cells.end];
                levels.iter().flat_map(|ab| each(ab, surface)).collect()
            }
            Self::Field { thickness, .. } => {
                let at = |k: usize| (outer * thickness.len() + k) * inner;
                let of = |k: usize| read[at(k) + cells.start..at(k) + cells.end].iter().copied();
                (0..thickness.len()).flat_map(of).collect()
            }
        }
    }

    /// The edges of layers, `[level + 1, n]`, and their thickness.
    pub(super) fn edges(
        &self,
        read: &[f64],
        (outer, inner): (usize, usize),
        cells: &std::ops::Range<usize>,
    ) -> (Vec<f64>, Vec<f64>) {
        let n = cells.len();
        let differences = |edges: &[f64]| -> Vec<f64> {
            edges.iter().zip(&edges[n..]).map(|(a, b)| (b - a).abs()).collect()
        };
        match self {
            Self::Fixed { edges, .. } => {
                let edges = spread(edges, n);
                let thickness = differences(&edges);
                (edges, thickness)
            }
            Self::Hybrid { edges, .. } => {
                let surface = &read[outer * inner + cells.start..outer * inner + cells.end];
                let of = |[a, b]: &[f64; 2]| surface.iter().map(|ps| a + b * ps).collect::<Vec<_>>();
                let edges: Vec<f64> = edges.iter().flat_map(of).collect();
                let thickness = differences(&edges);
                (edges, thickness)
            }
            Self::Field { thickness, .. } => {
                let levels = self.levels(read, (outer, inner), cells);
                (between_levels(&levels, n), spread(thickness, n))
            }
        }
    }
}

fn spread(values: &[f64], n: usize) -> Vec<f64> {
    values.iter().flat_map(|v| std::iter::repeat_n(*v, n)).collect()
}

/// Edges in the middle between levels that are there; the outer ones, and those beside a gap, as far
/// beyond as the next is within.
fn between_levels(levels: &[f64], n: usize) -> Vec<f64> {
    let count = levels.len() / n.max(1);
    let mut edges = vec![f64::NAN; (count + 1) * n];
    for i in 0..n {
        let at = |k: usize| levels[k * n + i];
        let mut k = 0;
        while k < count {
            if !at(k).is_finite() {
                k += 1;
                continue;
            }
            let first = k;
            while k + 1 < count && at(k + 1).is_finite() {
                edges[(k + 1) * n + i] = 0.5 * (at(k) + at(k + 1));
                k += 1;
            }
            let last = k;
            let within = |edge: f64, level: f64| if first == last { level } else { 2.0 * level - edge };
            edges[first * n + i] = within(edges[(first + 1) * n + i], at(first));
            edges[(last + 1) * n + i] = within(edges[last * n + i], at(last));
            k += 1;
        }
    }
    edges
}

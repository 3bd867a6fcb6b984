//! Operators on maps of a mesh, or of a window of it.

use super::celsius::Zero;
use super::what::{Axis, What};
use halocline_algorithms::calculus::{
    area_integral, row_integrals, Block, Collocated, Edge, Operator, RowIntegral, Staggered,
};
use halocline_core::engine::Numbers;
use halocline_core::grid::mesh::{Mesh, Point};

/// What is computed, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recipe {
    pub(super) what: What,
    /// Where the first source stands.
    pub(super) at: Point,
    /// Whether it works on a C grid.
    pub(super) is_staggered: bool,
    pub(super) edge: Edge,
    pub(super) zero: Zero,
}

impl Recipe {
    /// The operators, one for each result.
    pub(super) fn operators(&self) -> Vec<Operator> {
        self.what.operators(self.at)
    }
    /// The points that sources stand on.
    pub(super) fn inputs(&self) -> Vec<Point> {
        match self.operators().first() {
            Some(first) if self.is_staggered => first.inputs(),
            _ => vec![self.at; if self.what.is_of_vector() { 2 } else { 1 }],
        }
    }
    /// The points that results stand on.
    pub(super) fn outputs(&self) -> Vec<Point> {
        let of = |operator: &Operator| if self.is_staggered { operator.output() } else { self.at };
        self.operators().iter().map(of).collect()
    }
    /// Whether values of a source change their sign where axes are turned.
    pub(super) fn is_component(&self, source: usize) -> bool {
        if self.is_staggered {
            matches!(self.inputs()[source], Point::U | Point::V)
        } else {
            self.what.is_of_vector()
        }
    }
}

/// What works on maps.
pub(super) enum Works {
    Staggered(Vec<Staggered>),
    Collocated(Box<Collocated>),
    /// Areas that count, and columns of the map.
    Area(Vec<f64>, usize),
}

/// Which places of a point are wet; none if nothing tells.
pub(super) type Mask<'a> = &'a dyn Fn(Point) -> Option<&'a [bool]>;

impl Works {
    pub(super) fn new(mesh: &Mesh, recipe: &Recipe) -> Self {
        if recipe.what == What::Area {
            let at = recipe.at;
            let areas = mesh.area[at.index()].iter().zip(mesh.shares(at)).map(|(a, share)| a * share);
            return Self::Area(areas.collect(), mesh.shape(at)[1]);
        }
        if recipe.is_staggered {
            let new = |operator| Staggered::new(mesh, operator, recipe.edge);
            return Self::Staggered(recipe.operators().into_iter().map(new).collect());
        }
        Self::Collocated(Box::new(Collocated::new(mesh, recipe.edge)))
    }

    /// All results of one map of each source.
    pub(super) fn map(
        &self,
        recipe: &Recipe,
        maps: &[Numbers<'_>],
        wet: Mask<'_>,
        blocks: &mut Vec<Block>,
    ) -> Vec<Vec<f64>> {
        match self {
            Self::Staggered(operators) => {
                let of = |(work, operator): (&Staggered, Operator)| {
                    let open: Vec<Option<&[bool]>> = operator.inputs().iter().map(|p| wet(*p)).collect();
                    // At corners by walls a flow that is 0 there makes a curl.
                    let is_shown = recipe.edge == Edge::Zero && operator.output() == Point::F;
                    let shown = wet(operator.output()).filter(|_| !is_shown);
                    work.apply(maps, (&open, shown), blocks)
                };
                operators.iter().zip(recipe.operators()).map(of).collect()
            }
            Self::Area(_, columns) => {
                let rows = self.rows(maps[0], 0..self.row_count(*columns), wet(recipe.at));
                vec![vec![recipe.total(rows)]]
            }
            Self::Collocated(work) => {
                blocks.resize_with(1, Block::default);
                let block = &mut blocks[0];
                let mut results = match recipe.what {
                    What::Divergence => vec![work.divergence(maps[0], maps[1], block)],
                    What::Curl => vec![work.curl(maps[0], maps[1], block)],
                    What::Derivative(axis) => {
                        vec![work.derivative(maps[0], (false, usize::from(axis == Axis::Y)), block)]
                    }
                    What::Rotated => {
                        let [x, y] = work.gradient(maps[0], false, block);
                        vec![y.into_iter().map(|v| -v).collect(), x]
                    }
                    _ => work.gradient(maps[0], false, block).into(),
                };
                if let Some(wet) = wet(Point::T) {
                    for v in results.iter_mut().flat_map(|r| r.iter_mut().zip(wet)).filter(|(_, wet)| !**wet)
                    {
                        *v.0 = f64::NAN;
                    }
                }
                results
            }
        }
    }

    fn row_count(&self, columns: usize) -> usize {
        match self {
            Self::Area(areas, _) => areas.len() / columns.max(1),
            _ => 0,
        }
    }
    /// The integrals of some rows of a map, of which `map` has no others; `wet` is of the whole map.
    pub(super) fn rows(
        &self,
        map: Numbers<'_>,
        rows: std::ops::Range<usize>,
        wet: Option<&[bool]>,
    ) -> Vec<RowIntegral> {
        let Self::Area(areas, columns) = self else { return Vec::new() };
        let range = rows.start * columns..rows.end * columns;
        let areas = &areas[range.clone()];
        let counts = |at: usize| areas[at] > 0.0 && wet.is_none_or(|wet| wet[range.start + at]);
        let counted: Vec<f64> = (0..areas.len()).map(|at| f64::from(u8::from(counts(at)))).collect();
        row_integrals(map, areas, &counted, *columns)
    }
}

impl Recipe {
    /// The integral over a map.
    pub(super) fn total(&self, rows: impl IntoIterator<Item = RowIntegral>) -> f64 {
        let (sum, covered) = area_integral(rows);
        sum + self.zero.offset * covered
    }
}

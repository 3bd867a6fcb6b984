//! Fields change decomposition without losing a value.

use crate::Test;
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::field::Field;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Dim, Role, Variable};
use std::sync::Arc;

pub(crate) fn all() -> Vec<Test> {
    vec![
        ("redistribution between any two decompositions keeps every value", redistributes),
        ("windows fill a field piece by piece", windows),
    ]
}

pub(crate) fn variable(t: usize, y: usize, x: usize) -> Variable {
    Variable {
        name: "field".into(),
        dims: vec![Dim::new("time", t, Role::Time), Dim::new("lat", y, Role::Y), Dim::new("lon", x, Role::X)],
        dtype: DType::F64,
        attributes: Attributes::new(),
    }
}

/// The value at a place of the global index space.
fn value(shape: &[usize], at: [usize; 3]) -> f64 {
    ((at[0] * shape[1] + at[1]) * shape[2] + at[2]) as f64
}

pub(crate) fn filled(
    variable: &Variable,
    decomposition: &Arc<Decomposition>,
    rank: usize,
    value: impl Fn([usize; 3]) -> f64,
) -> Field<f64> {
    let block = decomposition.block(rank);
    let mut data = Vec::with_capacity(block.len());
    for t in block.range(0) {
        for y in block.range(1) {
            for x in block.range(2) {
                data.push(value([t, y, x]));
            }
        }
    }
    Field::new(variable.clone(), Arc::clone(decomposition), rank, data).expect("block and data agree")
}

/// Even, uneven and empty cuts along each dimension and along several.
fn decompositions(variable: &Variable, ranks: usize) -> Vec<Arc<Decomposition>> {
    let shape = variable.shape();
    let whole = IndexBox::whole(&shape);
    let mut all: Vec<Decomposition> = (0..3)
        .map(|d| Decomposition::along(&variable.dims, &whole, d, ranks).expect("as many parts as ranks"))
        .collect();
    if ranks % 2 == 0 {
        all.push(Decomposition::even(&variable.dims, &whole, &[1, 2, ranks / 2], ranks).expect("fits"));
    }
    // All on the last rank; the others own nothing.
    let mut edges: Vec<Vec<usize>> = shape.iter().map(|&n| vec![0, n]).collect();
    edges[1] = std::iter::repeat_n(0, ranks).chain([shape[1]]).collect();
    all.push(Decomposition::from_edges(variable.dims.clone(), edges, ranks).expect("fits"));
    // Very uneven, with ranks beyond the pieces.
    let mut edges: Vec<Vec<usize>> = shape.iter().map(|&n| vec![0, n]).collect();
    if ranks > 2 {
        edges[2] = vec![0, 1, shape[2]];
    }
    all.push(Decomposition::from_edges(variable.dims.clone(), edges, ranks).expect("fits"));
    all.into_iter().map(Arc::new).collect()
}

fn redistributes(comm: &Comm) {
    for (t, y, x) in [(4, 7, 5), (1, 3, 2), (9, 1, 1)] {
        let variable = variable(t, y, x);
        let shape = variable.shape();
        let all = decompositions(&variable, comm.size());
        for from in &all {
            for to in &all {
                let field = filled(&variable, from, comm.rank(), |at| value(&shape, at));
                let moved = field.redistribute(comm, to).expect("same shape");
                let expected = filled(&variable, to, comm.rank(), |at| value(&shape, at));
                assert_eq!(moved.data(), expected.data(), "{} to {}", from.describe(), to.describe());
            }
        }
    }
}

fn windows(comm: &Comm) {
    let variable = variable(10, 6, 4);
    let shape = variable.shape();
    let whole = IndexBox::whole(&shape);
    let target = Arc::new(Decomposition::along(&variable.dims, &whole, 1, comm.size()).expect("fits"));
    let mut field = Field::<f64>::missing(variable.clone(), Arc::clone(&target), comm.rank());
    for window in [0..3, 3..4, 4..10] {
        let domain = whole.with_range(0, window);
        let from = Arc::new(Decomposition::along(&variable.dims, &domain, 0, comm.size()).expect("fits"));
        let piece = filled(&variable, &from, comm.rank(), |at| value(&shape, at));
        piece.redistribute_into(comm, &mut field).expect("same shape");
    }
    let expected = filled(&variable, &target, comm.rank(), |at| value(&shape, at));
    assert_eq!(field.data(), expected.data());
}

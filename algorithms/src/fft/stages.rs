//! What a transform consists of: lines along an axis, and changes of decomposition in between.

use super::layout::{is_cut, largest, with_whole};
use halocline_core::decomposition::Decomposition;
use halocline_core::meta::Dim;
use halocline_core::{Error, Result};
use std::sync::Arc;

/// One step of a transform.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// Lines along an axis, which is whole.
    Lines(usize),
    /// To the decomposition of the next number.
    Exchange,
}

/// All steps, and the decompositions between changes of it. Of a real transform, the first
/// decompositions are of real values, up to the lines that make them complex; then the axis is
/// halved.
#[derive(Debug, Clone)]
pub(super) struct Stages {
    pub(super) steps: Vec<Stage>,
    /// Before the first step, and after each.
    pub(super) layouts: Vec<Arc<Decomposition>>,
}

impl Stages {
    pub(super) fn new(input: &Arc<Decomposition>, axes: &[usize], is_real: bool) -> Result<Self> {
        let dims = input.dims();
        check(dims, input, axes)?;
        let mut all = Self { steps: Vec::new(), layouts: vec![Arc::clone(input)] };
        for (k, &axis) in axes.iter().enumerate().rev() {
            let here = Arc::clone(&all.layouts[all.layouts.len() - 1]);
            if is_cut(&here, axis) {
                let next = Arc::new(next(&here, axis, &axes[..k])?);
                all.steps.push(Stage::Exchange);
                all.layouts.push(next);
            }
            let here = Arc::clone(&all.layouts[all.layouts.len() - 1]);
            let after = if is_real && k + 1 == axes.len() {
                let dim = &here.dims()[axis];
                Arc::new(here.with_dim(axis, Dim { len: dim.len / 2 + 1, ..dim.clone() })?)
            } else {
                here
            };
            all.steps.push(Stage::Lines(axis));
            all.layouts.push(after);
        }
        Ok(all)
    }
    pub(super) fn output(&self) -> &Arc<Decomposition> {
        &self.layouts[self.layouts.len() - 1]
    }
}

/// A decomposition in which `axis` is whole, and of those that come after it (`rest`, the last first)
/// as many as cost no evenness.
fn next(here: &Decomposition, axis: usize, rest: &[usize]) -> Result<Decomposition> {
    let mut whole = vec![axis];
    let mut best = with_whole(here.dims(), &whole, here.ranks(), Some(here))?;
    for &further in rest.iter().rev() {
        whole.push(further);
        let wider = with_whole(here.dims(), &whole, here.ranks(), Some(here))?;
        if largest(&wider) > largest(&best) {
            break;
        }
        best = wider;
    }
    Ok(best)
}

fn check(dims: &[Dim], input: &Decomposition, axes: &[usize]) -> Result<()> {
    let bad = |why: String| Err(Error::usage(format!("can't transform axes {axes:?}: {why}")));
    if axes.is_empty() {
        return bad("there are none".into());
    }
    let is_odd = |(k, axis): &(usize, &usize)| **axis >= dims.len() || axes[..*k].contains(axis);
    if let Some((_, axis)) = axes.iter().enumerate().find(is_odd) {
        return bad(format!("{axis} is no dimension, or is named twice"));
    }
    if let Some(axis) = axes.iter().find(|a| dims[**a].len == 0) {
        return bad(format!("dimension `{}` has no values", dims[*axis].name));
    }
    let whole = (0..dims.len()).all(|d| input.domain().range(d) == (0..dims[d].len));
    if !whole {
        return bad("the decomposition is of a part of the field only".into());
    }
    Ok(())
}

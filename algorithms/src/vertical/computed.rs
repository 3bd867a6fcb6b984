//! Fields that are computed of others as they are read.

use crate::transport::atmosphere::doubles;
use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Variable};
use halocline_core::{Error, Result};

/// A value of a cell from the values of all inputs there, and the number of its level.
pub type Formula<'a> = Box<dyn Fn(&[f64], usize) -> f64 + Sync + 'a>;

/// A field of the shape of its inputs, such as potential temperature or density.
pub struct Computed<'a> {
    inputs: Vec<&'a dyn StreamSource>,
    formula: Formula<'a>,
    variable: Variable,
    level: usize,
}

impl<'a> Computed<'a> {
    /// Of inputs of one shape, whose dimension number `level` is that of levels.
    ///
    /// # Errors
    /// Data, if shapes differ.
    pub fn new(
        name: &str,
        inputs: Vec<&'a dyn StreamSource>,
        level: usize,
        formula: Formula<'a>,
    ) -> Result<Self> {
        let Some(first) = inputs.first() else { return Err(Error::internal("a field of nothing")) };
        let shape = first.variable().shape();
        if let Some(other) = inputs.iter().find(|i| i.variable().shape() != shape) {
            return Err(Error::data("has another shape than the variables beside it")
                .in_variable(&other.variable().name)
                .remedy("choose one grid, and the same times"));
        }
        let variable = Variable { name: name.to_owned(), dtype: DType::F64, ..first.variable().clone() };
        Ok(Self { inputs, formula, variable, level })
    }
}

impl StreamSource for Computed<'_> {
    fn variable(&self) -> &Variable {
        &self.variable
    }
    fn is_single(&self) -> bool {
        false
    }
    fn chunks(&self) -> Vec<usize> {
        self.inputs[0].chunks()
    }
    fn is_divisible(&self) -> bool {
        self.inputs.iter().all(|i| i.is_divisible())
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let NumbersMut::F64(out) = out else { return Err(Error::internal("made of doubles")) };
        let inputs: Vec<Vec<f64>> = self.inputs.iter().map(|i| doubles(*i, block)).collect::<Result<_>>()?;
        let inner: usize = block.shape()[self.level + 1..].iter().product::<usize>().max(1);
        let levels = block.range(self.level);
        let mut at = vec![0.0; inputs.len()];
        for (i, out) in out.iter_mut().enumerate() {
            at.iter_mut().zip(&inputs).for_each(|(a, input)| *a = input[i]);
            *out = (self.formula)(&at, levels.start + i / inner % levels.len().max(1));
        }
        Ok(())
    }
    fn prefetch(&self, block: &IndexBox) {
        self.inputs.iter().for_each(|i| i.prefetch(block));
    }
    fn stored_bytes(&self, block: &IndexBox) -> u64 {
        self.inputs.iter().map(|i| i.stored_bytes(block)).sum()
    }
    fn scratch_per_thread(&self) -> u64 {
        let step: usize = self.variable.shape()[1..].iter().product();
        let own = self.inputs.iter().map(|i| i.scratch_per_thread()).max().unwrap_or(0);
        own + (12 * self.inputs.len() * step) as u64
    }
}

//! One rank's block of complex values.

use halocline_core::decomposition::Decomposition;
use halocline_core::field::Element;
use halocline_core::index::IndexBox;
use halocline_core::{memory, Error, Result};
use num_complex::Complex;
use rustfft::FftNum;
use std::sync::Arc;

/// A real number that transforms are made of: `f32` or `f64`.
pub trait FftNumber: Element + FftNum + Default {
    /// The nearest number of this precision.
    fn of(value: f64) -> Self;
}

impl FftNumber for f32 {
    fn of(value: f64) -> Self {
        value as Self
    }
}

impl FftNumber for f64 {
    fn of(value: f64) -> Self {
        value
    }
}

/// One rank's block of a complex array: C order.
#[derive(Debug, Clone, PartialEq)]
pub struct ComplexField<T> {
    pub(super) decomposition: Arc<Decomposition>,
    block: IndexBox,
    pub(super) data: Vec<Complex<T>>,
}

impl<T: FftNumber> ComplexField<T> {
    /// The block of `rank`, all zero.
    pub fn zeros(decomposition: &Arc<Decomposition>, rank: usize) -> Self {
        let block = decomposition.block(rank);
        let data = memory::filled(block.len(), Complex::default());
        Self { decomposition: Arc::clone(decomposition), block, data }
    }
    /// The block of `rank` with these values.
    ///
    /// # Errors
    /// Internal, when `data` is not of the block's length.
    pub fn new(decomposition: &Arc<Decomposition>, rank: usize, data: Vec<Complex<T>>) -> Result<Self> {
        let block = decomposition.block(rank);
        if data.len() != block.len() {
            let (values, shape) = (data.len(), block.shape());
            return Err(Error::internal(format!("{values} complex values for a block of {shape:?}")));
        }
        Ok(Self { decomposition: Arc::clone(decomposition), block, data })
    }
    /// Who owns what.
    pub fn decomposition(&self) -> &Arc<Decomposition> {
        &self.decomposition
    }
    /// The box that this rank owns.
    pub fn block(&self) -> &IndexBox {
        &self.block
    }
    /// The values of the block, C order.
    pub fn data(&self) -> &[Complex<T>] {
        &self.data
    }
    /// The values of the block, C order.
    pub fn data_mut(&mut self) -> &mut [Complex<T>] {
        &mut self.data
    }
    /// The values alone.
    pub fn into_data(self) -> Vec<Complex<T>> {
        self.data
    }

    /// The values of another decomposition, which may be divided otherwise.
    pub(super) fn become_of(&mut self, decomposition: &Arc<Decomposition>, rank: usize) {
        self.decomposition = Arc::clone(decomposition);
        self.block = decomposition.block(rank);
    }
}

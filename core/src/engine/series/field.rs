//! Whole series of a field that is in memory already.

use super::plan::SeriesPlan;
use crate::engine::stream::{NumbersMut, StreamSource};
use crate::error::{Error, Result};
use crate::field::{Element, Field};
use crate::index::IndexBox;
use crate::meta::Variable;
use crate::tiling::Tiling;

/// A field as a source of series, for those who have it at hand: each rank reads what it owns.
#[derive(Debug)]
pub struct FieldSeries<'a, T>(&'a Field<T>);

impl<'a, T: Element> FieldSeries<'a, T> {
    /// The series of a field, and the plan by which each rank works on its own.
    ///
    /// # Errors
    /// Internal, if the decomposition of the field cuts a tile.
    pub fn new(field: &'a Field<T>, tiling: &Tiling) -> Result<(Self, SeriesPlan)> {
        let decomposition = field.decomposition();
        let whole = decomposition.dims() == tiling.dims()
            && (0..tiling.len()).all(|id| decomposition.overlaps(&tiling.tile(id).block).len() <= 1);
        if !whole {
            let name = &field.variable().name;
            return Err(Error::internal(format!("the decomposition of `{name}` cuts tiles")));
        }
        let plan = SeriesPlan::at_hand(decomposition, tiling)?;
        Ok((Self(field), plan))
    }
}

impl<T: Element> StreamSource for FieldSeries<'_, T> {
    fn variable(&self) -> &Variable {
        self.0.variable()
    }
    fn is_single(&self) -> bool {
        size_of::<T>() == size_of::<f32>()
    }
    fn chunks(&self) -> Vec<usize> {
        vec![1; self.0.variable().dims.len()]
    }
    fn is_divisible(&self) -> bool {
        true
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let (own, data) = (self.0.block(), self.0.data());
        if !block.is_empty() && !own.contains(block) {
            return Err(Error::internal(format!("{block:?} is not held by this rank")));
        }
        match out {
            NumbersMut::F32(out) => own.for_each_run(block, |from, to, n| {
                out[to..to + n].copy_from_slice(bytemuck::cast_slice(&data[from..from + n]));
            }),
            NumbersMut::F64(out) => own.for_each_run(block, |from, to, n| {
                out[to..to + n].iter_mut().zip(&data[from..from + n]).for_each(|(o, v)| *o = (*v).into());
            }),
        }
        Ok(())
    }
}

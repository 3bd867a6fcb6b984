//! Summary numbers of a variable, from all of its values, block by block on all ranks and threads.

use halocline_core::budget::{refuse, MemoryBudget};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::rechunk::{cut, thickness};
use halocline_core::{Error, Result};
use halocline_io::as_stored::{StoredField, StoredPlaces};
use halocline_io::dataset::{Dataset, VariableInfo};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Cells of a block, unless a stored chunk has more.
const CELLS: usize = 1 << 18;

/// What the values of a variable are like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Numbers {
    /// Cells that have a value.
    pub(super) present: u64,
    /// Cells that have none.
    pub(super) missing: u64,
    pub(super) min: f64,
    pub(super) max: f64,
    sum: f64,
}

impl Numbers {
    const NONE: Self = Self { present: 0, missing: 0, min: f64::INFINITY, max: f64::NEG_INFINITY, sum: 0.0 };

    fn of(values: &[f64]) -> Self {
        let mut all = Self::NONE;
        for &v in values {
            if v.is_nan() {
                all.missing += 1;
            } else {
                all.present += 1;
                all.min = all.min.min(v);
                all.max = all.max.max(v);
                all.sum += v;
            }
        }
        all
    }
    fn then(self, next: &Self) -> Self {
        Self {
            present: self.present + next.present,
            missing: self.missing + next.missing,
            min: self.min.min(next.min),
            max: self.max.max(next.max),
            sum: self.sum + next.sum,
        }
    }
    /// The mean of the cells that have a value, each counted once; NaN if there is none.
    pub(super) fn mean(&self) -> f64 {
        self.sum / self.present as f64
    }
}

/// The numbers of a variable of numbers of a data set of one file; the same bits on any ranks.
///
/// # Errors
/// Data, if what is stored is damaged; system, if reading fails; memory, if a block can't be held.
///
/// # Collective
/// Every rank calls this.
pub(super) fn numbers(
    comm: &Comm,
    dataset: &Dataset,
    info: &VariableInfo,
    budget: &MemoryBudget,
) -> Result<Numbers> {
    let places = comm.on_root(|| StoredPlaces::find(dataset, info))?;
    let field = StoredField::new(dataset, info, &places);
    let shape = info.variable.shape();
    let chunk = info.chunks.clone().unwrap_or_else(|| vec![1; shape.len()]);
    let whole = IndexBox::whole(&shape);
    let blocks = if shape.is_empty() { vec![whole] } else { cut(&whole, &thickness(&shape, &chunk, CELLS)) };

    let cells = blocks.iter().map(IndexBox::len).max().unwrap_or(0) as u64;
    // Bytes, values as stored, values as numbers.
    let each = cells * (2 * info.variable.dtype.size() as u64 + 8) + field.scratch_bytes();
    let base = budget.largest_base(comm);
    let room = budget.bytes.saturating_sub(base) / each.max(1);
    if room == 0 {
        return Err(refuse(base + each, budget, "rechunk the file to smaller chunks")
            .in_variable(&info.variable.name));
    }
    let at_once = (rayon::current_num_threads() as u64).min(room).max(1) as usize;

    let one = |&(k, block): &(usize, &IndexBox)| {
        let values = field.decoded(field.read(block)?).ok_or_else(|| {
            Error::data("its attributes do not say how it is unpacked").in_variable(&info.variable.name)
        })?;
        Ok((k as u64, Numbers::of(&values)))
    };
    let mine: Vec<(usize, &IndexBox)> =
        blocks.iter().enumerate().skip(comm.rank()).step_by(comm.size()).collect();
    let mut parts: Vec<(u64, Numbers)> = Vec::new();
    let mut failed = Ok(());
    for together in mine.chunks(at_once) {
        match together.par_iter().map(one).collect::<Result<Vec<_>>>() {
            Ok(done) => parts.extend(done),
            Err(e) => {
                failed = Err(e);
                break;
            }
        }
    }
    comm.agree(failed)?;
    let sent = postcard::to_stdvec(&parts).map_err(|e| Error::internal(format!("can't be sent: {e}")));
    let mut all: Vec<(u64, Numbers)> = Vec::new();
    for bytes in comm.all_gather_v(&comm.agree(sent)?) {
        let part: Vec<(u64, Numbers)> =
            postcard::from_bytes(&bytes).map_err(|e| Error::internal(format!("can't be received: {e}")))?;
        all.extend(part);
    }
    // Sums depend on their order: that of blocks, whoever had them.
    all.sort_by_key(|(k, _)| *k);
    Ok(all.iter().fold(Numbers::NONE, |sum, (_, part)| sum.then(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_cells_are_counted_and_left_out() {
        let a = Numbers::of(&[1.0, f64::NAN, 3.0]);
        let b = Numbers::of(&[-4.0, f64::NAN]);
        let all = a.then(&b);
        assert_eq!((all.present, all.missing, all.min, all.max), (3, 2, -4.0, 3.0));
        assert!(all.mean().abs() < 1e-15);
        let none = Numbers::of(&[f64::NAN]);
        assert!(none.mean().is_nan() && none.present == 0);
    }
}

//! Steps that are kept as they are, until there are enough to be analysed together.

use super::Setup;
use halocline_core::comm::Comm;
use halocline_core::engine::{Fold, Numbers, Piece, Pieces};
use halocline_core::field::{Element, Field};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Dim, Role, Variable};
use halocline_core::tiling::Tiling;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The steps of a batch, as they are.
#[derive(Debug)]
pub(super) struct Batch;

/// Values of some cells, step by step: in one precision.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) single: Vec<f32>,
    pub(super) double: Vec<f64>,
}

impl Fold for Batch {
    type State = Held;
    const NAME: &'static str = "eof-batch";
    const VERSION: u32 = 1;

    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn start(&self, _column: usize) -> Held {
        Held::default()
    }
    fn absorb(&self, state: &mut Held, piece: &Piece<'_>) -> Result<()> {
        for step in piece.steps() {
            match piece.step(step) {
                Numbers::F32(values) => state.single.extend_from_slice(values),
                Numbers::F64(values) => state.double.extend_from_slice(values),
            }
        }
        if state.single.is_empty() || state.double.is_empty() {
            return Ok(());
        }
        Err(Error::usage("the precision of a field has changed since its first step"))
    }
    fn merge(&self, _: Held, _: Held) -> Result<Held> {
        Err(Error::internal("batches don't merge"))
    }
}

/// A batch as whole series: from columns here and elsewhere to the tiles of an analysis.
///
/// # Collective
/// Every rank calls this.
pub(super) fn field<T: Element>(
    comm: &Comm,
    setup: &Setup,
    dims: Vec<Dim>,
    columns: &[(IndexBox, Vec<T>)],
) -> Result<Field<T>> {
    let steps = dims[0].len;
    let tiling = Tiling::series(&dims);
    let deal = Arc::new(tiling.deal(comm.size(), &[])?);
    let space = |rank: usize| IndexBox::new(deal.block(rank).ranges()[1..].to_vec());
    let flat: Vec<u64> = columns
        .iter()
        .flat_map(|(c, _)| c.ranges().iter().flat_map(|r| [r.start as u64, r.end as u64]))
        .collect();
    let all = comm.all_gather_v(&flat);
    let parts = (0..comm.size()).map(|rank| {
        let (theirs, mut part) = (space(rank), Vec::new());
        for (cells, values) in columns {
            let piece = cells.intersect(&theirs);
            for step in values.chunks(cells.len().max(1)).filter(|_| !piece.is_empty()) {
                cells.extract(step, &piece, &mut part);
            }
        }
        part
    });
    let arrived = comm.all_to_all_v(parts.collect());
    let own = space(comm.rank());
    let mut data = vec![T::MISSING; steps * own.len()];
    for (part, flat) in arrived.iter().zip(&all) {
        let mut rest = part.as_slice();
        for ends in flat.chunks(2 * setup.space.len()) {
            let cells = IndexBox::new(ends.chunks(2).map(|r| r[0] as usize..r[1] as usize).collect());
            let piece = cells.intersect(&own);
            for step in data.chunks_mut(own.len().max(1)).filter(|_| !piece.is_empty()) {
                let (values, after) = rest.split_at(piece.len());
                own.insert(step, &piece, values);
                rest = after;
            }
        }
    }
    let dtype = if size_of::<T>() == 4 { DType::F32 } else { DType::F64 };
    let name = setup.fields[0].0.clone();
    let variable = Variable { name, dims, dtype, attributes: Attributes::new() };
    Field::new(variable, deal, comm.rank(), data)
}

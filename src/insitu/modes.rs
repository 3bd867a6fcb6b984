//! Empirical orthogonal functions of a running program: steps are kept in batches, each of which is
//! merged with the modes of all before.

use super::batch::{field, Batch};
use super::kinds::{Modes, MOST_MODES};
use super::modes_file;
use super::Setup;
use halocline_algorithms::eof::{self, Anomaly, Eof, EofField, EofInput, EofOptions, EofState};
use halocline_core::blocks::Blocks;
use halocline_core::comm::{Comm, Reduce};
use halocline_core::engine::insitu::{self, decode, encode, BesideColumns, View};
use halocline_core::engine::{Engine, FieldSeries};
use halocline_core::field::{Element, Field};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Role};
use halocline_core::tiling::Tiling;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What is saved beside the steps of the batch in hand: the modes without their maps, in the first
/// column, and the maps at the cells of each.
#[derive(Debug, Serialize, Deserialize)]
struct Beside {
    head: Option<Head>,
    maps: Vec<f64>,
}

/// The modes so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Head {
    /// Steps that were merged.
    merged: usize,
    /// Of the weights.
    grid: u64,
    state: Option<EofState>,
}

/// The analysis under way.
#[derive(Debug)]
pub(super) struct Records {
    comm: Comm,
    pub(super) run: insitu::InSitu<Batch>,
    /// The same on all ranks, maps too.
    head: Box<Head>,
}

impl Records {
    pub(super) fn begin(comm: &Comm, setup: &Setup, blocks: &Blocks) -> Result<Self> {
        let make = Box::new(|_: &[f64]| Ok(Batch));
        let run = insitu::InSitu::begin(comm, (&setup.space, blocks), 1, setup.missing, make)?.unending();
        Ok(Self { comm: comm.clone(), run, head: Box::default() })
    }

    /// Takes a step; a batch that is full is merged first.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn push(
        &mut self,
        (setup, modes): (&Setup, &Modes),
        time: f64,
        fields: Result<Vec<View<'_>>>,
    ) -> Result<()> {
        if self.run.steps() == 0 {
            self.comm.agree(weights(setup, modes))?;
        }
        if self.run.steps() - self.head.merged >= modes.batch {
            // Else a step that is refused would leave no batch for the end, which is what modes come from.
            self.run.check(time, &fields)?;
            // Weights are of latitudes.
            setup.same_everywhere(&self.comm)?;
            self.merge(setup, modes)?;
        }
        self.run.push(time, fields)
    }

    /// Writes the modes of all steps.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn finish(mut self, (setup, modes): (&Setup, &Modes), path: &Path) -> Result<()> {
        if self.run.steps() == self.head.merged {
            return Err(Error::usage("no step was pushed"));
        }
        let eof = self.merge(setup, modes)?;
        let weighted = weights(setup, modes)?.is_some();
        modes_file::write(&self.comm, (setup, modes, weighted), self.run.times(), eof, path)
    }

    fn merge(&mut self, setup: &Setup, modes: &Modes) -> Result<Eof> {
        let merged = self.merged(setup, modes);
        merged.inspect_err(|e| self.run.fail(e))
    }

    fn merged(&mut self, setup: &Setup, modes: &Modes) -> Result<Eof> {
        let first = self.head.merged;
        let columns = self.run.take()?;
        let times = &self.run.times()[first..];
        let time = Dim::new("time", times.len(), Role::Time);
        let dims: Vec<Dim> = std::iter::once(time).chain(setup.space.iter().cloned()).collect();
        let weights = self.comm.agree(weights(setup, modes))?.unwrap_or_default();
        let grid = fingerprint(&weights);
        if self.head.state.is_some() && grid != self.head.grid {
            return Err(Error::data("the latitudes are not those of the saved state")
                .remedy("give the same coordinates"));
        }
        let months = if modes.climatology {
            let months = times.iter().map(|&t| Ok(setup.date(t)?.month)).collect();
            self.comm.agree(months)?
        } else {
            Vec::new()
        };
        let locate = |cell: usize, step: usize| {
            let at = IndexBox::whole(&setup.shape());
            let (mut rest, mut index) = (cell, Vec::new());
            for &n in at.shape().iter().rev() {
                index.insert(0, rest % n);
                rest /= n;
            }
            format!("at cell {index:?}, step {} (counted from 0)", first + step)
        };
        let name = &setup.fields[0].0;
        let input =
            EofInput { name, weights: &weights, months: &months, locate: &locate, ..EofInput::default() };
        let mut single = [u64::from(columns.iter().any(|(_, held)| !held.single.is_empty()))];
        self.comm.all_reduce(&mut single, Reduce::Max);
        let (eof, state) = if single[0] == 1 {
            let columns: Vec<_> = columns.into_iter().map(|(cells, held)| (cells, held.single)).collect();
            self.with(modes, &field(&self.comm, setup, dims, &columns)?, input)?
        } else {
            let columns: Vec<_> = columns.into_iter().map(|(cells, held)| (cells, held.double)).collect();
            self.with(modes, &field(&self.comm, setup, dims, &columns)?, input)?
        };
        let merged = self.run.steps();
        *self.head = Head { merged, grid, state: None };
        self.head.state = Some(self.everywhere(state)?);
        Ok(eof)
    }

    /// Merges a batch.
    fn with<T: Element>(
        &self,
        modes: &Modes,
        field: &Field<T>,
        input: EofInput<'_>,
    ) -> Result<(Eof, Option<EofState>)> {
        let tiling = Tiling::series(&field.variable().dims);
        let (source, plan) = FieldSeries::new(field, &tiling)?;
        let anomaly = if modes.climatology { Anomaly::Climatology } else { Anomaly::Mean };
        let options = EofOptions { modes: eof::Modes::UpTo(modes.modes), anomaly, ..EofOptions::default() };
        let earlier = self.head.state.as_ref();
        let records = field.variable().dims[0].len;
        let keep = modes.keep.min(earlier.map_or(0, EofState::modes) + records + 12);
        let field = EofField { source: &source, plan: &plan, input };
        eof::merge_records(&Engine::new(&self.comm), &field, earlier, &options, keep)
    }

    /// The state of the first rank on all.
    fn everywhere(&self, state: Option<EofState>) -> Result<EofState> {
        let mut maps = Vec::new();
        let small = state.map(|mut state| {
            maps = std::mem::take(&mut state.maps);
            state
        });
        let small = self.comm.broadcast_value(small, 0)?;
        self.comm.broadcast(&mut maps, 0);
        Ok(EofState { maps, ..small })
    }

    /// As [`insitu::InSitu::save`].
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn save(&mut self, setup: &Setup, path: &Path) -> Result<()> {
        let Self { run, head, .. } = self;
        run.save_with(path, setup.describe(), &beside(head, &setup.shape())).map(|_| ())
    }

    /// As [`insitu::InSitu::save_bytes`].
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn save_bytes(&mut self, setup: &Setup) -> Result<Vec<u8>> {
        let Self { run, head, .. } = self;
        run.save_bytes(setup.describe(), Some(&beside(head, &setup.shape())))
    }

    /// Takes up what was saved beside.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn take_up(&mut self, setup: &Setup, modes: &Modes, columns: BesideColumns) -> Result<()> {
        let taken = self.restore(setup, modes, columns);
        taken.inspect_err(|e| self.run.fail(e))
    }

    fn restore(&mut self, setup: &Setup, modes: &Modes, columns: BesideColumns) -> Result<()> {
        let decoded: Result<Vec<(Vec<_>, Beside)>> = columns
            .into_iter()
            .map(|(_, cells, bytes)| {
                let ranges = cells.ranges().iter().map(|r| (r.start, r.end)).collect();
                Ok((ranges, decode::<Beside>(&bytes)?))
            })
            .collect();
        let own = self.comm.agree(decoded)?;
        let all = Engine::new(&self.comm).gather(&own)?;
        let mut head = Head::default();
        let shape = setup.shape();
        let whole = IndexBox::whole(&shape);
        let damaged = || Error::data("the saved state is damaged").remedy("start the job anew without it");
        if let Some(found) = all.iter().flatten().find_map(|(_, beside)| beside.head.clone()) {
            head = found;
        }
        if head.merged > self.run.steps() {
            return Err(damaged());
        }
        let groups = if modes.climatology { 12 } else { 1 };
        if let Some(state) = &mut head.state {
            let rows = state.modes() + groups;
            if state.modes() > MOST_MODES {
                return Err(damaged());
            }
            state.maps = vec![f64::NAN; rows * whole.len()];
            for (ranges, beside) in all.iter().flatten() {
                let cells = IndexBox::new(ranges.iter().map(|&(a, b)| a..b).collect());
                if !whole.contains(&cells) || beside.maps.len() != rows * cells.len() {
                    return Err(damaged());
                }
                let maps = state.maps.chunks_mut(whole.len()).zip(beside.maps.chunks(cells.len().max(1)));
                maps.for_each(|(map, values)| whole.insert(map, &cells, values));
            }
            state.check(whole.len(), groups)?;
            if state.records() != head.merged {
                return Err(damaged());
            }
        }
        *self.head = head;
        Ok(())
    }
}

/// What is saved beside the steps of the batch.
fn beside<'a>(head: &'a Head, shape: &[usize]) -> impl Fn(usize, &IndexBox) -> Result<Vec<u8>> + 'a {
    let whole = IndexBox::whole(shape);
    move |column, cells| {
        let small = |state: &EofState| EofState { maps: Vec::new(), ..state.clone() };
        let state = head.state.as_ref().map(small);
        let first = (column == 0).then_some(Head { merged: head.merged, grid: head.grid, state });
        let mut maps = Vec::new();
        if let Some(state) = &head.state {
            state.maps.chunks(whole.len().max(1)).for_each(|map| whole.extract(map, cells, &mut maps));
        }
        encode(&Beside { head: first, maps })
    }
}

/// The weight of each cell, or none; refuses weights without latitudes.
fn weights(setup: &Setup, modes: &Modes) -> Result<Option<Vec<f64>>> {
    let latitudes =
        setup.coordinates.iter().find(|c| c.variable.attributes.text("standard_name") == Some("latitude"));
    let Some(latitudes) = latitudes.filter(|_| modes.weighted != Some(false)) else {
        return if modes.weighted == Some(true) {
            Err(Error::usage("weights=coslat needs latitudes")
                .remedy("give the coordinate of a dimension in degrees_north first, or weights=none"))
        } else {
            Ok(None)
        };
    };
    let name = &latitudes.variable.name;
    let values = latitudes.values.to_f64();
    if let Some(bad) = values.iter().find(|v| v.abs() > 90.0 + 1e-6) {
        return Err(Error::usage(format!("a latitude of {bad} degrees lies beyond the poles")));
    }
    let d = setup.space.iter().position(|dim| dim.name == *name).unwrap_or(0);
    let inner: usize = setup.space[d + 1..].iter().map(|dim| dim.len).product();
    let cells: usize = setup.shape().iter().product();
    let of = |cell: usize| values[cell / inner % values.len()].to_radians().cos().max(0.0).sqrt();
    Ok(Some((0..cells).map(of).collect()))
}

/// FNV-1a: the same on every machine.
pub(super) fn fingerprint(numbers: &[f64]) -> u64 {
    let hash = |hash: u64, v: &f64| (hash ^ v.to_bits()).wrapping_mul(0x0100_0000_01b3);
    numbers.iter().fold(0xcbf2_9ce4_8422_2325, hash)
}

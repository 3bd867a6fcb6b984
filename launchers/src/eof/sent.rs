//! What ranks send for an EOF analysis, known beforehand.

use super::fields::{dealt_bytes, map_bytes};
use super::{output, solver, EofArgs, OpenFields};
use crate::folding::FoldJob;
use crate::plan::{Ranks, Sends, Sent};
use crate::series::writing_of;
use halocline_algorithms::eof::{self, Covariance, Eof, EofMaps, Significance};
use halocline_core::comm::Formula;
use halocline_core::engine::SeriesPlan;
use halocline_core::Result;

/// `halocline eof`, opened.
pub(crate) struct Opened<'a> {
    args: &'a EofArgs,
    fields: OpenFields,
}

impl<'a> Opened<'a> {
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn new(job: &FoldJob<'_>, args: &'a EofArgs) -> Result<Self> {
        Ok(Self { args, fields: super::open(job, args)? })
    }
}

impl Sends for Opened<'_> {
    fn sent(&self, on: Ranks) -> Result<Option<Sent>> {
        if self.args.state.state.is_some() || self.args.checkpoint.is_asked() {
            return Ok(None);
        }
        let [field] = self.fields.fields.as_slice() else { return Ok(None) };
        let source = &field.source;
        let times = source.time().len();
        let options = self.args.options()?;
        let modes = self.args.modes.unwrap_or(10).min(options.most_modes(times));
        let (options, _) = solver::decided(self.args, &self.fields, options, modes);
        let (dims, grid) = (&source.variable().dims, source.grid());
        let needs = eof::needs(dims, &grid.excluded, &options, modes);
        let (states, solver) = eof::memory(dims, &grid.excluded, &options, modes);
        // As the command plans.
        let writing_bytes = writing_of(on.room);
        let (held, most) = map_bytes(needs.rows, grid.len(), (on.count, super::copies(&options)));
        let (copies, written) = (super::copies(&options), writing_bytes.min(most));
        let first = states.max(held.saturating_add(written));
        let dealt = SeriesPlan::of_needs(source, &needs, on.demand(first))?;
        let dealt = dealt_bytes(&dealt, needs.rows, copies)?.saturating_add(written);
        let beside = first.max(dealt);
        let plan = SeriesPlan::of_needs(source, &needs, on.demand(beside))?;
        let kept = plan.clone().keeping();
        let stays = kept.estimate() <= on.room.saturating_sub(solver).saturating_sub(beside);
        let plan = if stays { kept } else { plan };
        let mut passes = Formula::new(on.count);
        if !eof::foresee(source, &plan, &grid.excluded, &options, &mut passes)? {
            return Ok(None);
        }
        let writing = if options.tests.any() {
            None
        } else {
            let mut written = Formula::new(on.count);
            let parts: Vec<_> = (0..plan.batches()).map(|k| plan.parts_of(k)).collect::<Result<_>>()?;
            output::with_contents(
                self.args,
                &self.fields,
                (imagined(times, modes), None),
                |all, schema, pending| all.foresee((schema, writing_bytes), pending, &parts, &mut written),
            )?;
            Some(written)
        };
        Ok(Some(Sent { passes, writing }))
    }
}

/// A result of so many times and modes, without values.
fn imagined(times: usize, modes: usize) -> Eof {
    let zeros = vec![0.0; modes];
    let maps = || EofMaps {
        eofs: Vec::new(),
        means: Vec::new(),
        deviations: Vec::new(),
        factor: 1.0,
        cells: 0,
        constant: 0,
    };
    Eof {
        fields: vec![maps()],
        times: 0..times,
        pcs: vec![0.0; times * modes],
        pcs_imaginary: Vec::new(),
        eigenvalues: zeros.clone(),
        variance_fraction: zeros.clone(),
        north_error: zeros,
        total_variance: 0.0,
        covariance: Covariance::Temporal,
        error_bound: 0.0,
        rotation: None,
        significance: Significance::default(),
        approximation: None,
        merged: None,
        filled: None,
        paired: None,
    }
}

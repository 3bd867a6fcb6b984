//! What is done with series before their spectra are estimated, and with spectra after that: the
//! options that all kinds have, as checked values.

use crate::common::bytes_text;
use crate::folding::FoldJob;
use crate::stats::over::Reduced;
use crate::stats::weights;
use halocline_algorithms::spectra::{AnnualCycle, Detrend, GapRule, SpatialMean};
use halocline_algorithms::statistics::Weights;
use halocline_core::calendar::{Cycle, LeapDay};
use halocline_core::comm::Comm;
use halocline_core::grid::GridKind;
use halocline_core::meta::Role;
use halocline_core::{Error, ErrorKind, Result};
use halocline_io::source::Source;

/// The options of whole series.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SeriesArgs {
    /// What is taken off each series, or segment of it, first
    #[arg(long, value_enum, default_value_t = DetrendChoice::Constant, value_name = "none|constant|linear", hide_possible_values = true)]
    detrend: DetrendChoice,
    /// Take the mean annual cycle off the whole series first: the mean of each month, or of each day
    /// of the year
    #[arg(long, value_enum, value_name = "month|dayofyear", hide_possible_values = true)]
    remove_cycle: Option<CycleChoice>,
    /// Average spectra over these dimensions, weighted by area: lat,lon, or one of them
    #[arg(long, value_name = "DIM,…", value_delimiter = ',')]
    pub(super) average: Vec<String>,
    /// What becomes of series that are missing at some times: an error, or missing
    #[arg(long, value_enum, default_value_t = GapChoice::Refuse, value_name = "refuse|drop", hide_possible_values = true)]
    missing: GapChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum DetrendChoice {
    None,
    Constant,
    Linear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum CycleChoice {
    Month,
    Dayofyear,
}

impl CycleChoice {
    /// The parts of the year that steps belong to.
    pub(super) fn of(self, source: &Source) -> Result<AnnualCycle> {
        let (cycle, part, word) = match self {
            Self::Month => (Cycle::Month, "month", "month"),
            Self::Dayofyear => (Cycle::DayOfYear(LeapDay::Keep), "day of the year", "dayofyear"),
        };
        let cycle = AnnualCycle::new(source.time(), cycle);
        let steps = source.variable().dims.first().map_or(0, |d| d.len);
        let alone = cycle.alone();
        if 2 * alone < steps {
            return Ok(cycle);
        }
        Err(Error::usage(format!(
            "{alone} of {steps} times are the only ones of their {part}: less its mean, nothing is left of them"
        ))
        .remedy(format!("leave --remove-cycle {word} out, or take two years or more")))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum GapChoice {
    Refuse,
    Drop,
}

impl SeriesArgs {
    /// What can be checked before anything is opened.
    pub(super) fn check(&self) -> Result<()> {
        crate::common::check_once(&self.average)
    }
    /// Whether spectra are averaged over space.
    pub(super) fn is_averaged(&self) -> bool {
        !self.average.is_empty()
    }
    pub(super) fn gap_rule(&self) -> GapRule {
        match self.missing {
            GapChoice::Refuse => GapRule::Refuse,
            GapChoice::Drop => GapRule::Drop,
        }
    }
    pub(super) fn detrending(&self) -> Detrend {
        match self.detrend {
            DetrendChoice::None => Detrend::None,
            DetrendChoice::Constant => Detrend::Constant,
            DetrendChoice::Linear => Detrend::Linear,
        }
    }
    /// The mean annual cycle, if it is to be taken off.
    pub(super) fn cycle(&self, source: &Source) -> Result<Option<AnnualCycle>> {
        self.remove_cycle.map(|cycle| cycle.of(source)).transpose()
    }

    /// Which dimensions are averaged over; none, unless that is asked for.
    pub(super) fn reduced(&self, source: &Source) -> Result<Reduced> {
        if self.average.is_empty() {
            return Ok(Reduced { roles: Vec::new(), dims: vec![false; source.variable().dims.len()] });
        }
        let reduced = Reduced::find(&self.average, source).map_err(|e| {
            e.remedy("choose --average from the horizontal dimensions: lat,lon, or one of them")
        })?;
        if reduced.roles.iter().any(|role| !matches!(role, Role::Y | Role::X)) {
            return Err(Error::usage("spectra are averaged over horizontal dimensions only")
                .remedy("choose --average lat,lon, or one of them"));
        }
        let horizontal = source.variable().dims.iter().filter(|d| matches!(d.role, Role::Y | Role::X));
        if source.grid().kind != GridKind::Rectilinear && reduced.roles.len() < horizontal.count() {
            return Err(Error::usage(
                "the rows and columns of this grid are no circles of latitude and longitude",
            )
            .remedy("choose --average lat,lon"));
        }
        Ok(reduced)
    }

    /// As it is written into outputs, but for what becomes of gaps.
    pub(super) fn describe(&self) -> Vec<String> {
        let mut all = vec![format!("detrend={}", self.detrending().name())];
        all.extend(self.remove_cycle.map(|cycle| {
            format!("remove-cycle={}", if cycle == CycleChoice::Month { "month" } else { "dayofyear" })
        }));
        if !self.average.is_empty() {
            all.push(format!("average={}", self.average.join(",")));
        }
        all
    }

    /// What becomes of gaps, as it is written into outputs.
    pub(super) fn describe_gaps(&self) -> String {
        format!("missing={}", if self.missing == GapChoice::Drop { "drop" } else { "refuse" })
    }
}

/// The mean over these dimensions, if there are any.
///
/// # Collective
/// Every rank calls this.
pub(super) fn mean(comm: &Comm, source: &Source, reduced: &Reduced) -> Result<Option<SpatialMean>> {
    if reduced.roles.is_empty() {
        return Ok(None);
    }
    let mut all = Weights::default();
    weights::areas(comm, source, reduced, false, &mut all)
        .map_err(|e| e.remedy("leave --average out, or correct the coordinates of the grid"))?;
    Ok(Some(SpatialMean::new(&source.variable().dims, &reduced.dims, all)))
}

/// Refuses tables of so many bytes that leave no memory for anything else.
pub(super) fn fits(job: &FoldJob<'_>, what: &str, bytes: u64) -> Result<()> {
    if bytes < job.budget.bytes {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Memory,
        format!("{} of {what} do not fit into {}", bytes_text(bytes), bytes_text(job.budget.bytes)),
    )
    .remedy("give more --memory, or choose a shorter --time or --pad"))
}

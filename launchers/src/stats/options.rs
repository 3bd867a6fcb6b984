//! The options of the command as checked values.

use crate::asked::Asked;
use crate::common::check_once;
use halocline_algorithms::statistics::{Missing, Op};
use halocline_core::calendar::Period;
use halocline_core::{Error, Result};

/// Whose defaults hold where tools differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Convention {
    Halocline,
    Cdo,
    Xarray,
    Ncl,
}

impl Convention {
    /// Degrees of freedom that a variance loses.
    pub(super) const fn ddof(self) -> u8 {
        match self {
            Self::Halocline | Self::Ncl => 1,
            Self::Cdo | Self::Xarray => 0,
        }
    }
    /// Whether means over an area are weighted by area without being asked.
    pub(super) const fn weighs_areas(self) -> bool {
        matches!(self, Self::Halocline | Self::Cdo)
    }
    /// Whether the middle of its bounds says which period a time belongs to, where there are any.
    pub(super) const fn uses_bounds(self) -> bool {
        matches!(self, Self::Halocline)
    }
    /// What a trend counts in.
    pub(super) const fn per(self) -> Per {
        match self {
            Self::Halocline | Self::Xarray => Per::Unit,
            Self::Cdo | Self::Ncl => Per::Step,
        }
    }
}

/// What times are reduced together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum By {
    All,
    Year,
    Season,
    Month,
    Day,
    Hour,
}

impl By {
    pub(super) const fn period(self) -> Option<Period> {
        match self {
            Self::All => None,
            Self::Year => Some(Period::Year),
            Self::Season => Some(Period::Season),
            Self::Month => Some(Period::Month),
            Self::Day => Some(Period::Day),
            Self::Hour => Some(Period::Hour),
        }
    }
}

/// What a trend's slope is a change per.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Per {
    /// A unit of the time coordinate
    Unit,
    /// A step, whatever its length
    Step,
    Hour,
    Day,
    Year,
    Decade,
    Century,
}

/// A weight as a user names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Weight {
    Area,
    Time,
    None,
}

/// The word that the user writes for a choice.
pub(super) fn word(choice: &impl clap::ValueEnum) -> String {
    choice.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
}

pub(super) fn parse_missing(word: &str) -> std::result::Result<Missing, String> {
    match word {
        "skip" => Ok(Missing::Skip),
        "propagate" => Ok(Missing::Propagate),
        number => match number.parse() {
            Ok(n) if n > 0 => Ok(Missing::AtLeast(n)),
            _ => Err("it is skip, propagate, or how many values a result needs".to_owned()),
        },
    }
}

/// As outputs record it.
pub(super) fn missing_text(missing: Missing) -> String {
    match missing {
        Missing::Skip => "skip".to_owned(),
        Missing::Propagate => "propagate".to_owned(),
        Missing::AtLeast(n) => n.to_string(),
    }
}

impl super::StatsArgs {
    /// Degrees of freedom that a variance loses.
    pub(super) fn ddof(&self) -> u8 {
        self.ddof.unwrap_or(self.convention.ddof())
    }
    /// What a trend counts in.
    pub(super) fn per(&self) -> Per {
        self.per.unwrap_or(self.convention.per())
    }
    /// Whether time is reduced, as far as words tell.
    pub(super) fn reduces_time(&self) -> bool {
        self.over.iter().any(|w| ["time", "t"].contains(&w.to_ascii_lowercase().as_str()))
    }

    /// Refuses what makes no sense before any file is opened.
    pub(crate) fn check(&self) -> Result<()> {
        let ops: Vec<String> = self.op.iter().map(|asked| asked.name()).collect();
        let weights: Vec<String> = self.weights.iter().map(word).collect();
        for names in [&self.var, &ops, &self.over, &weights] {
            check_once(names)?;
        }
        self.check_series()?;
        self.check_weights()?;
        let trend = self.op.contains(&Asked::Op(Op::Trend));
        if self.per.is_some() && !trend {
            return Err(Error::usage("--per is for trends").remedy("leave it out, or ask for --op trend"));
        }
        let spread = self.ops().iter().any(|op| matches!(op, Op::Std | Op::Var));
        if self.ddof.is_some() && !spread {
            return Err(Error::usage("--ddof is for std and var").remedy("leave it out"));
        }
        if trend && (self.over.len() > 1 || !self.reduces_time() || self.by != By::All) {
            return Err(Error::usage("a trend is over all times, at each point").remedy(
                "use --over time without --by for it; for the trend of a mean, take the mean first",
            ));
        }
        Ok(())
    }

    fn check_weights(&self) -> Result<()> {
        if self.weights.iter().all(|w| *w == Weight::None) {
            return if self.weights.len() > 1 {
                Err(Error::usage("`none` is asked for twice"))
            } else {
                Ok(())
            };
        }
        if self.weights.contains(&Weight::None) {
            return Err(Error::usage("--weights none and others").remedy("choose either"));
        }
        for (op, why) in [
            (Op::Sum, "a weighted sum has other units: take the mean, or the plain sum with --weights none"),
            (Op::Trend, "a trend is not weighted: leave --weights out"),
        ] {
            if self.op.contains(&Asked::Op(op)) {
                return Err(Error::usage(format!("--weights with --op {}", op.name())).remedy(why));
            }
        }
        if !self.ops().iter().any(|op| op.is_weighted()) {
            return Err(
                Error::usage("weights change nothing in what is asked for").remedy("leave --weights out")
            );
        }
        if self.weights.contains(&Weight::Time) && !self.reduces_time() {
            return Err(Error::usage("--weights time is for reductions over time")
                .remedy("add time to --over, or leave the weights out"));
        }
        Ok(())
    }
}

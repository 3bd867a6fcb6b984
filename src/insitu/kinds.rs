//! The kinds of analysis and their own options.

use super::setup::{odd, Given};
use halocline_algorithms::spectra::{Detrend, GapRule, Scaling, WelchOptions, Window};
use halocline_algorithms::statistics::{Bins, Op};
use halocline_core::calendar::{Cycle, LeapDay, UnitOfTime};
use halocline_core::{Error, Result};

/// The kind of analysis.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Operations over all steps at each cell: the file that `halocline stats` writes.
    Stats(Vec<Op>),
    /// Operations over the steps of each part of a cycle: the file that `halocline climatology` writes.
    Climatology(Cycle, Vec<Op>),
    /// The covariance of two fields, an eddy flux: Σ (x − x̄)(y − ȳ) / (n − ddof).
    Covariance {
        /// Subtracted from the number of pairs.
        ddof: u8,
    },
    /// How many values fall into bins: the file that `halocline histogram` writes.
    Histogram(Counting),
    /// Power spectra of each cell: the file that `halocline spectrum power --segment` writes.
    Welch(Spectra),
    /// Empirical orthogonal functions: the file that `halocline eof --state --update` writes.
    Eof(Modes),
}

/// Options of a histogram.
#[derive(Clone, PartialEq)]
pub struct Counting {
    /// Bins of each field: of one, or of two for a joint histogram.
    pub bins: Vec<Bins>,
    /// One histogram of all cells, else one of each.
    pub over_all: bool,
    /// Whether counts are divided by their sum and the widths of bins.
    pub density: bool,
    /// Whether a value counts by the share of its cell in the area of the grid, and not as one.
    pub area: bool,
}

// Saved states are known by this text: what is not asked for is left out, as of those that were saved
// before there was such an option.
impl std::fmt::Debug for Counting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = f.debug_struct("Counting");
        text.field("bins", &self.bins).field("over_all", &self.over_all).field("density", &self.density);
        if self.area {
            text.field("area", &true);
        }
        text.finish()
    }
}

/// Options of power spectra.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectra {
    /// How they are estimated.
    pub welch: WelchOptions,
    /// What frequencies count.
    pub per: UnitOfTime,
    /// What becomes of series with gaps.
    pub gaps: GapRule,
}

/// Options of empirical orthogonal functions.
#[derive(Debug, Clone, PartialEq)]
pub struct Modes {
    /// How many are written.
    pub modes: usize,
    /// How many are kept from batch to batch.
    pub keep: usize,
    /// Steps that are merged together.
    pub batch: usize,
    /// Whether the mean of each calendar month is removed, and not that of all steps.
    pub climatology: bool,
    /// Whether cells count by the root of the cosine of their latitude; `None`: if latitudes are known.
    pub weighted: Option<bool>,
}

/// Modes that can be kept.
pub(super) const MOST_MODES: usize = 4096;

impl Kind {
    /// The options that a kind has beside those of all.
    pub(super) fn keys(kind: &str) -> Result<&'static [&'static str]> {
        Ok(match kind {
            "stats" => &["ops"],
            "climatology" => &["ops", "cycle"],
            "covariance" => &["ddof"],
            "histogram" => &["bins", "bins2", "over", "density", "weights"],
            "welch" => &["segment", "overlap", "window", "detrend", "scaling", "frequency_units", "gaps"],
            "eof" => &["modes", "state_modes", "batch", "anomaly", "weights"],
            _ => {
                return Err(odd("kind", kind, "stats, climatology, covariance, histogram, welch or eof"));
            }
        })
    }

    pub(super) fn parse(kind: &str, given: &Given<'_>) -> Result<Self> {
        let text = |key: &str, usual: &'static str| given.text(key).unwrap_or(usual).to_owned();
        Ok(match kind {
            "stats" => Self::Stats(ops(given.list("ops"))?),
            "climatology" => Self::Climatology(cycle(&text("cycle", "month"))?, ops(given.list("ops"))?),
            "histogram" => Self::Histogram(counting(given)?),
            "welch" => Self::Welch(spectra(given)?),
            "eof" => Self::Eof(modes(given)?),
            _ => match text("ddof", "1").as_str() {
                "0" => Self::Covariance { ddof: 0 },
                "1" => Self::Covariance { ddof: 1 },
                other => return Err(odd("ddof", other, "0 or 1")),
            },
        })
    }

    /// How many fields are pushed together.
    pub fn field_count(&self) -> usize {
        match self {
            Self::Covariance { .. } => 2,
            Self::Histogram(counting) => counting.bins.len(),
            _ => 1,
        }
    }

    /// What is found, for titles.
    pub(super) const fn title(&self) -> &'static str {
        match self {
            Self::Stats(_) => "Statistics",
            Self::Climatology(..) => "Climatology",
            Self::Covariance { .. } => "Covariance",
            Self::Histogram(_) => "Histogram",
            Self::Welch(_) => "Power spectra",
            Self::Eof(_) => "Empirical orthogonal functions",
        }
    }
}

/// One of some words.
fn choice<T: Copy>(given: &Given<'_>, key: &str, choices: &[(&str, T)]) -> Result<T> {
    let word = given.text(key).unwrap_or(choices[0].0);
    let all: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let found = choices.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    found.ok_or_else(|| odd(key, word, &all.join(" or ")))
}

/// A whole number.
fn count(given: &Given<'_>, key: &str, usual: usize, most: usize) -> Result<usize> {
    let Some(word) = given.text(key) else { return Ok(usual) };
    let number = word.parse().ok().filter(|n| (1..=most).contains(n));
    number.ok_or_else(|| odd(key, word, &format!("a number from 1 to {most}")))
}

fn counting(given: &Given<'_>) -> Result<Counting> {
    let Some(first) = given.text("bins") else {
        return Err(
            Error::usage("a histogram needs bins").remedy("give bins=A:B:N, or edges, as in bins=0,1,10")
        );
    };
    let mut bins = vec![first.parse::<Bins>()?];
    bins.extend(given.text("bins2").map(str::parse::<Bins>).transpose()?);
    Ok(Counting {
        bins,
        over_all: choice(given, "over", &[("all", true), ("time", false)])?,
        density: choice(given, "density", &[("no", false), ("yes", true)])?,
        area: choice(given, "weights", &[("none", false), ("area", true)])?,
    })
}

fn spectra(given: &Given<'_>) -> Result<Spectra> {
    if given.text("segment").is_none() {
        return Err(Error::usage("a running spectrum needs segments").remedy("give segment=N, in steps"));
    }
    let share = given.text("overlap").unwrap_or("0.5");
    let overlap = share.parse().ok().filter(|o| (0.0..1.0).contains(o));
    let welch = WelchOptions {
        segments: Some((
            count(given, "segment", 1, 1 << 24)?,
            overlap.ok_or_else(|| odd("overlap", share, "a share of a segment, from 0 up to, but not, 1"))?,
        )),
        window: given.text("window").unwrap_or("hann").parse::<Window>()?,
        detrend: choice(
            given,
            "detrend",
            &[("constant", Detrend::Constant), ("none", Detrend::None), ("linear", Detrend::Linear)],
        )?,
        cycle: None,
        scaling: choice(given, "scaling", &[("density", Scaling::Density), ("spectrum", Scaling::Spectrum)])?,
    };
    let per = choice(
        given,
        "frequency_units",
        &[
            ("cycles/day", UnitOfTime::Day),
            ("cycles/hour", UnitOfTime::Hour),
            ("cycles/month", UnitOfTime::Month),
            ("cycles/year", UnitOfTime::Year),
        ],
    )?;
    let gaps = choice(given, "gaps", &[("drop", GapRule::Drop), ("refuse", GapRule::Refuse)])?;
    Ok(Spectra { welch, per, gaps })
}

fn modes(given: &Given<'_>) -> Result<Modes> {
    let modes = count(given, "modes", 10, MOST_MODES)?;
    let keep = count(given, "state_modes", modes.max(100), MOST_MODES)?;
    if keep < modes {
        return Err(odd("state_modes", &keep.to_string(), &format!("{modes}, the modes, or more")));
    }
    let batch = count(given, "batch", 64, 1 << 16)?;
    if batch < 2 {
        return Err(odd("batch", "1", "2 steps or more"));
    }
    Ok(Modes {
        modes,
        keep,
        batch,
        climatology: choice(given, "anomaly", &[("mean", false), ("climatology", true)])?,
        weighted: match given.text("weights") {
            None => None,
            Some(_) => Some(choice(given, "weights", &[("coslat", true), ("none", false)])?),
        },
    })
}

fn ops(words: Option<Vec<&str>>) -> Result<Vec<Op>> {
    let words = words.unwrap_or_else(|| vec!["mean"]);
    let mut all = Vec::new();
    for word in words {
        // A trend is a fit over a finished axis.
        let op = Op::ALL.into_iter().find(|op| op.name() == word && *op != Op::Trend);
        let op = op.ok_or_else(|| odd("ops", word, "mean, sum, min, max, std, var, count, range or rms"))?;
        if all.contains(&op) {
            return Err(Error::usage(format!("the operation {word} is named twice")));
        }
        all.push(op);
    }
    Ok(all)
}

fn cycle(word: &str) -> Result<Cycle> {
    Ok(match word {
        "month" => Cycle::Month,
        "season" => Cycle::Season,
        "day" => Cycle::DayOfYear(LeapDay::Keep),
        "hour" => Cycle::Hour,
        _ => return Err(odd("cycle", word, "month, season, day or hour")),
    })
}

//! The options of `halocline regrid`.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use crate::common::{check_once, described, is_same_place, InputArgs, MemoryArgs, SelectionArgs};
use halocline_algorithms::regrid::{self, Missing, Plane, Sides};
use halocline_core::{Error, Result};
use halocline_io::output::Compression;
use std::path::PathBuf;

/// To another grid: conservative, bilinear, nearest neighbour or distance-weighted, by weights
/// that are made here or come from a file.
#[derive(Debug, clap::Args)]
pub(crate) struct RegridArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The variables
    #[arg(long, value_name = "NAME,…", required = true, value_delimiter = ',')]
    pub(super) var: Vec<String>,
    /// The grid to go to: that of a file (of its first variable on a grid, unless one is named),
    /// a regular one such as r360x180, or a Gaussian one such as n80, 80 latitudes between pole
    /// and equator. May be left out if a file of weights tells it
    #[arg(long, value_name = "FILE[:VAR]|r360x180|n80", required_unless_present = "weights")]
    pub(super) to: Option<String>,
    /// How weights are made: conservative (first order: each source cell counts the area that it
    /// shares with the target cell), bilinear, nearest, or distance, the mean of the 4 nearest
    /// cells (distance:N: N), each counting the reciprocal of its distance [default: conservative]
    #[arg(long, value_name = "conservative|bilinear|nearest|distance[:N]", value_parser = parse_method, conflicts_with = "weights")]
    method: Option<regrid::Method>,
    /// Where definitions differ, that of ESMF (in space: all sides of cells are great circles, bilinear
    /// between places on the sphere) or of CDO (in latitude and longitude: parallels, bilinear in
    /// degrees) [default: parallels; bilinear in degrees on rectilinear grids, else on the sphere]
    #[arg(
        long,
        value_enum,
        value_name = "esmf|cdo",
        hide_possible_values = true,
        conflicts_with = "weights"
    )]
    convention: Option<Convention>,
    /// Take the weights of this file, as ESMF or SCRIP (CDO) write them
    #[arg(long, value_name = "FILE")]
    pub(super) weights: Option<PathBuf>,
    /// Write the weights to this file, too, as ESMF does
    #[arg(long, value_name = "FILE.nc")]
    pub(super) save_weights: Option<PathBuf>,
    /// Whose names the file of --save-weights has: those of ESMF, or those of SCRIP, which CDO reads
    #[arg(
        long,
        value_enum,
        value_name = "esmf|scrip",
        default_value = "esmf",
        hide_possible_values = true,
        requires = "save_weights"
    )]
    pub(super) weights_format: Format,
    /// conservative: what a cell at the rim of the source grid counts as: the mean over the part that
    /// is covered (fracarea), or the integral over the area of the whole cell (destarea), which
    /// conserves the sum over area times value [default: fracarea]
    #[arg(
        long,
        value_enum,
        value_name = "fracarea|destarea",
        hide_possible_values = true,
        conflicts_with = "weights"
    )]
    pub(super) normalisation: Option<Normalisation>,
    /// What missing source values do: leave-out, the rest counts as the whole, leave-out:F, if
    /// it is at least the share F (0 to 1) of the weights; spread, one makes the target value
    /// missing; or zero, they count as 0 [default: leave-out, for bilinear spread, with
    /// destarea zero]
    #[arg(long, value_name = "leave-out[:F]|spread|zero", value_parser = parse_missing)]
    pub(super) missing: Option<MissingArg>,
    /// Compression: none, deflate:N with N from 1 (fast) to 9, or zstd:N with N from -7 to 22, which
    /// not every reader has the plugin for [default: none if the input has none, else deflate:1]
    #[arg(long, value_name = "none|deflate:N|zstd:N")]
    compress: Option<String>,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    pub(super) output: PathBuf,
}

/// What kind of weights they are, whoever made them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Nature {
    pub(super) is_conservative: bool,
    pub(super) is_bilinear: bool,
    /// Rows add up to the covered share of cells (destarea).
    pub(super) of_whole_cells: bool,
}

impl Nature {
    /// What missing values do unless it is said.
    pub(super) fn missing(self) -> Missing {
        match self {
            Self { of_whole_cells: true, .. } => Missing::Zero,
            Self { is_bilinear: true, .. } => Missing::Spreads,
            _ => Missing::LeftOut(0.0),
        }
    }
}

/// Whose names a file of weights has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    Esmf,
    Scrip,
}

/// Whose definitions are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Convention {
    Esmf,
    Cdo,
}

/// What a partly covered cell counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Normalisation {
    Fracarea,
    Destarea,
}

/// [`Missing`], as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MissingArg(Missing);

fn parse_method(word: &str) -> std::result::Result<regrid::Method, String> {
    Ok(match word.split_once(':') {
        None if word == "conservative" => regrid::Method::Conservative(Sides::default()),
        None if word == "bilinear" => regrid::Method::Bilinear(Plane::default()),
        None if word == "nearest" => regrid::Method::Nearest,
        None if word == "distance" => regrid::Method::Distance(4),
        Some(("distance", n)) => match n.parse() {
            Ok(n @ 1..=1000) => regrid::Method::Distance(n),
            _ => return Err(format!("`{n}` is no number of neighbours from 1 to 1000")),
        },
        _ => return Err("it is none of conservative, bilinear, nearest, distance, distance:N".to_owned()),
    })
}

fn parse_missing(word: &str) -> std::result::Result<MissingArg, String> {
    let missing = match word.split_once(':') {
        None if word == "leave-out" => Missing::LeftOut(0.0),
        None if word == "spread" => Missing::Spreads,
        None if word == "zero" => Missing::Zero,
        Some(("leave-out", share)) => match share.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Missing::LeftOut(share),
            _ => return Err(format!("`{share}` is no share from 0 to 1")),
        },
        _ => return Err("it is none of leave-out, leave-out:F, spread, zero".to_owned()),
    };
    Ok(MissingArg(missing))
}

impl RegridArgs {
    pub(super) fn memory(&self) -> &MemoryArgs {
        &self.memory
    }

    /// Refuses what makes no sense before any file is opened.
    pub(crate) fn check(&self) -> Result<()> {
        check_once(&self.var)?;
        if self.normalisation.is_some() && !self.is_conservative() {
            return Err(Error::usage("--normalisation is for --method conservative").remedy("leave it out"));
        }
        self.compression()?;
        if self.save_weights.as_ref().is_some_and(|w| *w == self.output || is_same_place(w, &self.output)) {
            return Err(Error::usage("--save-weights names the output").remedy("name another file"));
        }
        Ok(())
    }

    /// How values are compressed, if that was said.
    pub(super) fn compression(&self) -> Result<Option<Compression>> {
        let of_option = |e: Error| Error { message: format!("--compress: {}", e.message), ..e };
        self.compress.as_ref().map(|word| word.parse().map_err(of_option)).transpose()
    }

    pub(super) fn method(&self) -> regrid::Method {
        match (self.method.unwrap_or(regrid::Method::Conservative(Sides::default())), self.convention) {
            (regrid::Method::Conservative(_), Some(Convention::Esmf)) => {
                regrid::Method::Conservative(Sides::GreatCircles)
            }
            (regrid::Method::Bilinear(_), Some(Convention::Esmf)) => regrid::Method::Bilinear(Plane::Sphere),
            (regrid::Method::Bilinear(_), Some(Convention::Cdo)) => regrid::Method::Bilinear(Plane::LatLon),
            (method, _) => method,
        }
    }

    /// Whether weights are made by areas.
    pub(super) fn is_conservative(&self) -> bool {
        self.weights.is_none() && matches!(self.method(), regrid::Method::Conservative(_))
    }

    /// Whether weights are of whole cells, as by destarea.
    pub(super) fn of_whole_cells(&self) -> bool {
        self.normalisation == Some(Normalisation::Destarea)
    }

    /// What missing values do, if it was said.
    pub(super) fn missing(&self) -> Option<Missing> {
        self.missing.map(|m| m.0)
    }

    /// What weights that are made here are.
    pub(super) fn nature(&self) -> Nature {
        Nature {
            is_conservative: self.is_conservative(),
            is_bilinear: matches!(self.method(), regrid::Method::Bilinear(_)),
            of_whole_cells: self.of_whole_cells(),
        }
    }

    /// The method in the words of the option.
    pub(super) fn method_name(&self) -> String {
        match (&self.weights, self.method()) {
            (Some(file), _) => format!("weights of {}", file.display()),
            (None, regrid::Method::Conservative(_)) => "conservative".to_owned(),
            (None, regrid::Method::Bilinear(_)) => "bilinear".to_owned(),
            (None, regrid::Method::Nearest) => "nearest".to_owned(),
            (None, regrid::Method::Distance(n)) => format!("distance:{n}"),
        }
    }

    /// As outputs record them.
    pub(super) fn describe(&self, missing: Missing) -> String {
        let mut options = vec![format!("method={}", self.method_name())];
        options.extend(self.to.iter().map(|to| format!("to={to}")));
        options.extend(self.convention.map(|c| match c {
            Convention::Esmf => "convention=esmf".to_owned(),
            Convention::Cdo => "convention=cdo".to_owned(),
        }));
        if self.is_conservative() {
            let word = if self.of_whole_cells() { "destarea" } else { "fracarea" };
            options.push(format!("normalisation={word}"));
        }
        options.push(match missing {
            Missing::LeftOut(share) => format!("missing=leave-out:{share}"),
            Missing::Spreads => "missing=spread".to_owned(),
            Missing::Zero => "missing=zero".to_owned(),
        });
        options.extend(described(&self.input, &self.selection));
        options.join("; ")
    }
}

//! The options of `halocline filter space`.

use crate::calc::Precision;
use crate::common::{check_once, described, CompressArgs, InputArgs, MemoryArgs, SelectionArgs};
use crate::mesh::GridArgs;
use halocline_algorithms::filter::space::Shape;
use halocline_core::{Error, Result};
use std::path::PathBuf;

/// Smooths maps: leaves what is larger than a scale, or what is smaller.
///
/// By diffusion, as gcm-filters does: a polynomial of the Laplacian that follows a Gaussian, a sharp
/// cut-off or a running mean. Missing cells are land, map by map: nothing is taken from them and
/// nothing flows into them, so that the integral over the area stays.
#[derive(Debug, clap::Args)]
pub(crate) struct SpaceArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The variables
    #[arg(long, value_name = "NAME,…", required_unless_present = "u", conflicts_with_all = ["u", "v"], value_delimiter = ',')]
    pub(super) var: Vec<String>,
    /// Instead of variables the components of a vector on a C grid, filtered together: along x
    #[arg(long, value_name = "NAME", requires = "v")]
    pub(super) u: Option<String>,
    /// and along y
    #[arg(long, value_name = "NAME", requires = "u")]
    pub(super) v: Option<String>,
    /// Vectors: the factor of the isotropic viscosity [default: 1]
    #[arg(long, value_name = "0…1", requires = "u")]
    kappa_iso: Option<f64>,
    /// Vectors: the viscosity that is added along x, as a factor [default: 0]
    #[arg(long, value_name = "0…1", requires = "u")]
    kappa_aniso: Option<f64>,
    /// The filter: gaussian, exp(-(kL)²/24), as wide as a running mean over the scale L; taper,
    /// nothing below the scale, all of what is larger than the transition width times it; boxcar, the
    /// mean over a disc as wide as the scale
    #[arg(long, value_enum, default_value_t = Kind::Gaussian, value_name = "gaussian|taper|boxcar", hide_possible_values = true)]
    kind: Kind,
    /// The scale L, with km or m; in cells, without a unit, with the regular grid types
    #[arg(long, value_name = "100km|4", value_parser = parse_scale, allow_hyphen_values = true)]
    pub(super) scale: Scale,
    /// taper: how many times the scale all of a wave is left at, more than 1 [default: pi]
    #[arg(long, value_name = "W")]
    transition_width: Option<f64>,
    /// What the Laplacian is of: irregular, the true lengths and areas of cells; regular, cells that
    /// are all the same; regular-area, the same of the field times the area, which conserves the
    /// integral
    #[arg(long, value_enum, default_value_t = GridType::Irregular, value_name = "irregular|regular|regular-area", hide_possible_values = true)]
    pub(super) grid_type: GridType,
    /// Steps, each a Laplacian, 3 or more [default: as many as the kind needs for the scale and the
    /// smallest cells]
    #[arg(long, value_name = "auto|N", default_value = "auto", value_parser = parse_steps, hide_default_value = true)]
    pub(super) n_steps: Steps,
    /// irregular: the least spacing of cells, in the units of the scale [default: from the largest
    /// eigenvalue that the Laplacian can have]
    #[arg(long, value_name = "auto|25km", default_value = "auto", value_parser = parse_spacing, hide_default_value = true)]
    pub(super) dx_min: Spacing,
    /// What the filter takes away, instead of what it leaves
    #[arg(long)]
    pub(super) high_pass: bool,
    #[command(flatten)]
    pub(super) grid: GridArgs,
    /// How values are written [default: as those of the input]
    #[arg(long, value_enum, value_name = "single|double", hide_possible_values = true)]
    pub(super) precision: Option<Precision>,
    #[command(flatten)]
    pub(super) compress: CompressArgs,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    /// The file to write
    #[arg(long, short, value_name = "OUT.nc")]
    pub(super) output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Gaussian,
    Taper,
    Boxcar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "kebab-case")]
pub(super) enum GridType {
    Irregular,
    Regular,
    RegularArea,
}

/// A length in metres, or in cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    Metres(f64),
    Cells(f64),
}

/// How many steps; `None`: as many as needed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Steps(pub(super) Option<usize>);

/// The least spacing; `None`: from the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spacing(pub(super) Option<Scale>);

fn parse_scale(text: &str) -> std::result::Result<Scale, String> {
    let text = text.trim();
    let (number, factor) = match (text.strip_suffix("km"), text.strip_suffix('m')) {
        (Some(number), _) => (number, Some(1000.0)),
        (None, Some(number)) => (number, Some(1.0)),
        _ => (text, None),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong(text))?;
    match factor {
        _ if !(number.is_finite() && number > 0.0) => Err(wrong(text)),
        Some(factor) => Ok(Scale::Metres(number * factor)),
        None => Ok(Scale::Cells(number)),
    }
}

fn wrong(text: &str) -> String {
    format!("`{text}` is no length; write 100km, 25000m, or a number of cells")
}

fn parse_steps(text: &str) -> std::result::Result<Steps, String> {
    match text.trim().parse() {
        _ if text.trim() == "auto" => Ok(Steps(None)),
        Ok(n) if n >= 3 => Ok(Steps(Some(n))),
        _ => Err(format!("`{text}` is no number of steps; write auto, or 3 or more")),
    }
}

fn parse_spacing(text: &str) -> std::result::Result<Spacing, String> {
    if text.trim() == "auto" {
        return Ok(Spacing(None));
    }
    parse_scale(text).map(|scale| Spacing(Some(scale)))
}

impl Scale {
    fn text(self) -> String {
        match self {
            Self::Metres(m) if m >= 1000.0 => format!("{}km", m / 1000.0),
            Self::Metres(m) => format!("{m}m"),
            Self::Cells(n) => format!("{n} cells"),
        }
    }
}

impl SpaceArgs {
    pub(in crate::filter) fn memory(&self) -> &MemoryArgs {
        &self.memory
    }

    /// Refuses what makes no sense before any file is opened.
    pub(crate) fn check(&self) -> Result<()> {
        check_once(&self.var)?;
        self.grid.check()?;
        if self.u.is_some() && self.u == self.v {
            return Err(Error::usage("--u and --v name the same variable").remedy("name both components"));
        }
        if self.u.is_some() && self.grid_type != GridType::Irregular {
            return Err(Error::usage("vectors are filtered with the true lengths of cells")
                .remedy("leave out --grid-type"));
        }
        if self.transition_width.is_some() && self.kind != Kind::Taper {
            return Err(Error::usage("--transition-width is for --kind taper")
                .remedy("leave it out, or choose that kind"));
        }
        let irregular = self.grid_type == GridType::Irregular;
        match self.scale {
            Scale::Cells(_) if irregular => {
                return Err(Error::usage("--scale without a unit counts cells, which differ in size")
                    .remedy("write km or m, or use --grid-type regular"))
            }
            Scale::Metres(_) if !irregular => {
                return Err(Error::usage("--scale of a regular grid type counts cells")
                    .remedy("write a number without a unit, or use --grid-type irregular"))
            }
            _ => {}
        }
        match self.dx_min.0 {
            Some(_) if !irregular => {
                Err(Error::usage("--dx-min is for --grid-type irregular: regular cells have size 1")
                    .remedy("leave it out"))
            }
            Some(Scale::Cells(_)) => {
                Err(Error::usage("--dx-min needs a unit").remedy("write km or m, as in 25km"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn shape(&self) -> Shape {
        match self.kind {
            Kind::Gaussian => Shape::Gaussian,
            Kind::Taper => Shape::Taper { width: self.transition_width.unwrap_or(std::f64::consts::PI) },
            Kind::Boxcar => Shape::Boxcar,
        }
    }
    /// The scale in the units of the metrics.
    pub(super) fn length(&self) -> f64 {
        let (Scale::Metres(length) | Scale::Cells(length)) = self.scale;
        length
    }

    /// The factors of the viscosity of vectors.
    pub(super) fn kappas(&self) -> [f64; 2] {
        [self.kappa_iso.unwrap_or(1.0), self.kappa_aniso.unwrap_or(0.0)]
    }
    /// The least spacing: what is asked for, if the filter is stable with it, else what cells allow.
    pub(super) fn spacing(&self, least: f64) -> Result<f64> {
        if !(least.is_finite() && least > 0.0) {
            return Err(Error::data("the grid tells no distances between its cells")
                .remedy("use --grid-type regular with a --scale in cells"));
        }
        let spacing = match self.dx_min.0 {
            Some(Scale::Metres(spacing) | Scale::Cells(spacing)) => spacing,
            None => least,
        };
        // A little more is harmless, much more makes the filter grow without bounds.
        if spacing > 1.01 * least {
            return Err(Error::usage(format!(
                "--dx-min {spacing} m is more than the {least:.0} m that the smallest cells allow: the filter would be unstable"
            ))
            .remedy("choose less, or leave it out"));
        }
        Ok(spacing)
    }

    /// The filter in words.
    pub(super) fn describe_filter(&self, steps: usize) -> String {
        let kind = match self.shape() {
            Shape::Gaussian => "Gaussian".to_owned(),
            Shape::Taper { width } => format!("taper with a transition {width} times as wide"),
            Shape::Boxcar => "mean over a disc".to_owned(),
        };
        let part = if self.high_pass { "departures from the " } else { "" };
        format!("{part}{kind} of scale {}, {steps} Laplacian steps", self.scale.text())
    }
    /// What is left, in a word.
    pub(super) fn passes(&self) -> &'static str {
        if self.high_pass {
            "high-pass"
        } else {
            "low-pass"
        }
    }

    /// As outputs record them.
    pub(super) fn describe(&self) -> String {
        let kind = match self.kind {
            Kind::Gaussian => "gaussian",
            Kind::Taper => "taper",
            Kind::Boxcar => "boxcar",
        };
        let grid_type = match self.grid_type {
            GridType::Irregular => "irregular",
            GridType::Regular => "regular",
            GridType::RegularArea => "regular-area",
        };
        let mut options = vec![format!("kind={kind}"), format!("scale={}", self.scale.text())];
        if let Shape::Taper { width } = self.shape() {
            options.push(format!("transition_width={width}"));
        }
        options.push(format!("grid_type={grid_type}"));
        options.push(format!("high_pass={}", if self.high_pass { "yes" } else { "no" }));
        options.extend(self.grid.describe());
        options.extend(described(&self.input, &self.selection));
        options.join("; ")
    }
}

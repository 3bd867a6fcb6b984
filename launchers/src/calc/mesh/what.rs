//! What is computed, and what the results are called.

use super::super::fields::Field;
use crate::cf::difference;
use halocline_algorithms::calculus::Operator;
use halocline_core::grid::mesh::Point;
use halocline_core::meta::{Attributes, Role};
use halocline_io::source::Source;

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    X,
    Y,
    Level,
    Time,
}

impl Axis {
    pub(super) fn of(text: &str) -> Option<Self> {
        Some(match Role::from_user(text)? {
            Role::X => Self::X,
            Role::Y => Self::Y,
            Role::Level => Self::Level,
            Role::Time => Self::Time,
            _ => return None,
        })
    }
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::X => "x",
            Self::Y => "y",
            Self::Level => "lev",
            Self::Time => "time",
        }
    }
}

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Gradient,
    Rotated,
    Divergence,
    Curl,
    Laplacian,
    Derivative(Axis),
    Diff(Axis),
    Interp(Axis),
    /// ∬ f dA.
    Area,
    Integral(Axis),
    /// From the last value on, if so.
    Cumulative(Axis, bool),
}

/// A variable of the result.
pub(super) struct Result1 {
    pub(super) name: String,
    pub(super) attributes: Attributes,
}

impl What {
    /// As the command is called.
    pub(super) fn command(self) -> &'static str {
        match self {
            Self::Gradient | Self::Rotated => "gradient",
            Self::Divergence => "divergence",
            Self::Curl => "curl",
            Self::Laplacian => "laplacian",
            Self::Derivative(_) => "derivative",
            Self::Diff(_) => "diff",
            Self::Interp(_) => "interp",
            Self::Area | Self::Integral(_) => "integral",
            Self::Cumulative(..) => "cumulative-integral",
        }
    }
    /// Whether it takes the two components of a vector.
    pub(super) fn is_of_vector(self) -> bool {
        matches!(self, Self::Divergence | Self::Curl)
    }
    /// Whether it divides sums around cells by their areas, on a C grid.
    pub(super) fn divides_by_areas(self) -> bool {
        matches!(self, Self::Divergence | Self::Curl | Self::Laplacian)
    }
    /// Whether it works along depth or time, not on maps.
    pub(super) fn line(self) -> Option<Axis> {
        match self {
            Self::Derivative(axis @ (Axis::Level | Axis::Time))
            | Self::Integral(axis)
            | Self::Cumulative(axis, _) => Some(axis),
            _ => None,
        }
    }
    /// The operators on a C grid, one for each result, of a variable at a point.
    pub(super) fn operators(self, at: Point) -> Vec<Operator> {
        match self {
            Self::Gradient => vec![Operator::DerivativeX(at), Operator::DerivativeY(at)],
            Self::Rotated => vec![Operator::RotatedX(at), Operator::RotatedY(at)],
            Self::Divergence => vec![Operator::Divergence],
            Self::Curl => vec![Operator::Curl],
            Self::Laplacian => vec![Operator::Laplacian],
            Self::Derivative(Axis::X) => vec![Operator::DerivativeX(at)],
            Self::Derivative(_) => vec![Operator::DerivativeY(at)],
            Self::Diff(Axis::X) => vec![Operator::DiffX(at)],
            Self::Diff(_) => vec![Operator::DiffY(at)],
            Self::Interp(Axis::X) => vec![Operator::InterpX(at)],
            Self::Interp(_) => vec![Operator::InterpY(at)],
            Self::Area | Self::Integral(_) | Self::Cumulative(..) => Vec::new(),
        }
    }

    /// The variables of the result, of `source` (the first component).
    pub(super) fn results(self, source: &Source) -> Vec<Result1> {
        let name = &source.variable().name;
        let made = |field: Field| {
            let made = field.made().next();
            made.map(|made| Result1 { name: made.name.to_owned(), attributes: made.attributes(source) })
        };
        let one = |suffix: &str, words: &str, factor: &str| {
            let long = source.variable().attributes.text("long_name").unwrap_or(name);
            let mut attributes = Attributes::new().with("long_name", words.replace("{}", long));
            if let Some(units) = source.variable().units() {
                attributes.set("units", times(units, factor));
            }
            if let Some(methods) = source.variable().attributes.text("cell_methods") {
                attributes.set("cell_methods", methods);
            }
            Result1 { name: format!("{name}{suffix}"), attributes }
        };
        match self {
            Self::Gradient => {
                vec![
                    one("_dx", "derivative of {} along x", "m-1"),
                    one("_dy", "derivative of {} along y", "m-1"),
                ]
            }
            Self::Rotated => vec![
                one("_rotated_x", "gradient of {}, turned to the left, along x", "m-1"),
                one("_rotated_y", "gradient of {}, turned to the left, along y", "m-1"),
            ],
            Self::Divergence => made(Field::Divergence).into_iter().collect(),
            Self::Curl => made(Field::Vorticity).into_iter().collect(),
            Self::Laplacian => vec![one("_laplacian", "horizontal Laplacian of {}", "m-2")],
            Self::Derivative(axis) => {
                let (suffix, per) = match axis {
                    Axis::X => ("_dx", "m-1".to_owned()),
                    Axis::Y => ("_dy", "m-1".to_owned()),
                    Axis::Level => ("_dlev", inverse(&level_units(source))),
                    Axis::Time => ("_dt", "s-1".to_owned()),
                };
                vec![one(suffix, &format!("derivative of {{}} along {}", axis.name()), &per)]
            }
            Self::Diff(axis) => {
                let suffix = if axis == Axis::X { "_diff_x" } else { "_diff_y" };
                vec![one(suffix, &format!("difference of {{}} along {}", axis.name()), "1")]
            }
            Self::Interp(_) => {
                let mut own = one("", "{}, between its points", "1");
                if let Some(units) = source.variable().units() {
                    own.attributes.set("units", units);
                }
                if let Some(standard) = source.variable().attributes.text("standard_name") {
                    own.attributes.set("standard_name", standard);
                }
                vec![own]
            }
            Self::Area => vec![one("_integral", "integral of {} over the area", "m2")],
            Self::Integral(axis) | Self::Cumulative(axis, _) => {
                let (words, suffix) = match self {
                    Self::Integral(_) => ("integral of {} over", "_integral"),
                    _ => ("integral of {} up to each cell over", "_cumulative"),
                };
                let unit = if axis == Axis::Time { "s".to_owned() } else { level_units(source) };
                vec![one(suffix, &format!("{words} {}", axis.name()), &unit)]
            }
        }
    }
}

/// Units of the levels of a source.
fn level_units(source: &Source) -> String {
    let levels = source.levels().iter().find(|c| c.variable.dims.iter().any(|d| d.role == Role::Level));
    match levels.and_then(|c| c.variable.units()).unwrap_or("1") {
        "meters" | "metres" | "meter" | "metre" => "m".to_owned(),
        units => units.to_owned(),
    }
}

/// One over units.
fn inverse(units: &str) -> String {
    match units {
        "1" => "1".to_owned(),
        u if u.chars().all(|c| c.is_ascii_alphabetic()) => format!("{u}-1"),
        u => format!("({u})-1"),
    }
}

/// Units of a difference times others.
fn times(units: &str, factor: &str) -> String {
    let units = difference(units.trim());
    match (units.as_str(), factor) {
        (_, "1") => units,
        ("" | "1", _) => factor.to_owned(),
        ("m", "m-1") => "1".to_owned(),
        ("m", "m-2") => "m-1".to_owned(),
        ("m", "m2") => "m3".to_owned(),
        ("m s-1" | "m/s" | "m.s-1", "m-1") => "s-1".to_owned(),
        ("m s-1" | "m/s" | "m.s-1", "m") => "m2 s-1".to_owned(),
        _ if units.contains('/') => format!("({units}) {factor}"),
        _ => format!("{units} {factor}"),
    }
}

//! Hybrid sigma-pressure levels: where their coefficients and the surface pressure are.

use super::coefficients::Looking;
use super::options::VerticalArgs;
use crate::pressure::to_pascal;
use halocline_core::comm::Comm;
use halocline_core::meta::{Coordinate, Role};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::Selection;

/// What the user tells of hybrid levels.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Given<'a> {
    pub(crate) a: Option<&'a String>,
    pub(crate) b: Option<&'a String>,
    pub(crate) ps: Option<&'a String>,
    pub(crate) p0: Option<f64>,
    /// Half levels are looked for too.
    pub(crate) wants_edges: bool,
    /// Only some of the levels are read.
    pub(crate) is_cut: bool,
}

impl<'a> Given<'a> {
    pub(super) fn of(args: &'a VerticalArgs, selection: &Selection) -> Self {
        Self {
            a: args.a.as_ref(),
            b: args.b.as_ref(),
            ps: args.ps.as_ref(),
            p0: args.p0,
            wants_edges: args.is_conservative(),
            is_cut: selection.levels.is_some(),
        }
    }
}

/// Coefficients of levels and half levels: p = a + b pₛ, a in Pa.
#[derive(Debug, Clone)]
pub(crate) struct Hybrid {
    pub(crate) levels: Vec<[f64; 2]>,
    pub(crate) edges: Vec<[f64; 2]>,
    /// The name of the surface pressure.
    pub(crate) surface: String,
}

/// What a text of `formula_terms` says of each term.
pub(super) fn term(formula: &str, wanted: &str) -> Option<String> {
    let words: Vec<&str> = formula.split_whitespace().collect();
    let at = words.iter().position(|w| w.trim_end_matches(':') == wanted && w.ends_with(':'))?;
    words.get(at + 1).map(|w| (*w).to_owned())
}

/// The names that a level coordinate gives to a term, by CF or by NCL's attributes.
pub(super) fn named(level: Option<&Coordinate>, term_name: &str, attribute: &str) -> Option<String> {
    let attributes = &level?.variable.attributes;
    attributes
        .text("formula_terms")
        .and_then(|f| term(f, term_name))
        .or_else(|| attributes.text(attribute).map(str::to_owned))
}

/// The hybrid levels of a variable of so many levels; `None` if its levels are none.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn find(
    comm: &Comm,
    args: Given<'_>,
    dataset: &Dataset,
    (level, count): (Option<&Coordinate>, usize),
) -> Result<Option<Hybrid>> {
    let look = Looking { args, dataset, level, count };
    if args.a.is_none() && args.b.is_none() && level.is_some_and(|level| is_pressure(level, dataset)) {
        return Ok(None);
    }
    let attributes = level.map(|c| &c.variable.attributes);
    let standard = attributes.and_then(|a| a.text("standard_name")).unwrap_or_default();
    let is_told = args.a.is_some()
        || args.b.is_some()
        || standard.contains("hybrid_sigma_pressure")
        || standard == SIGMA
        || attributes.is_some_and(|a| a.text("A_var").is_some() || a.text("formula_terms").is_some())
        || look.has("hyam") && look.has("hybm");
    if !is_told {
        return Ok(None);
    }
    let surface = look
        .name(args.ps, &["ps"], "PS_var", &["ps", "PS", "aps", "sp"])
        .or_else(|| named(level, "ps", "PS_var"))
        .ok_or_else(|| {
            Error::data("has hybrid levels, but no surface pressure is told of").remedy("name it with --ps")
        })?;
    let found = comm.on_root(|| if standard == SIGMA { look.sigma() } else { look.hybrid() })?;
    let (levels, edges) = found;
    Ok(Some(Hybrid { levels, edges, surface }))
}

/// Whether levels are pressures: a file on pressure levels may still hold the coefficients of the
/// model's own, but not along the same dimension.
fn is_pressure(level: &Coordinate, dataset: &Dataset) -> bool {
    let attributes = &level.variable.attributes;
    let standard = attributes.text("standard_name").unwrap_or_default();
    let has_coefficients = || {
        dataset.variable("hyam").is_ok_and(|hyam| match &hyam.variable.dims[..] {
            [dim] => dim.name == level.variable.dims[0].name,
            _ => false,
        })
    };
    let is_other = ["hybrid", "sigma"].iter().any(|word| standard.contains(word))
        || ["formula_terms", "A_var"].iter().any(|name| attributes.text(name).is_some())
        || standard != "air_pressure" && has_coefficients();
    !is_other && level.variable.units().and_then(to_pascal).is_some()
}

pub(super) const SIGMA: &str = "atmosphere_sigma_coordinate";

/// Edges in the middle between levels, the outer ones as far beyond as the next is within.
pub(super) fn middles(levels: &[f64]) -> Vec<f64> {
    let n = levels.len();
    if n < 2 {
        return levels.iter().flat_map(|v| [*v, *v]).collect();
    }
    let mut edges: Vec<f64> = levels.windows(2).map(|p| 0.5 * (p[0] + p[1])).collect();
    edges.insert(0, 2.0 * levels[0] - edges[0]);
    edges.push(2.0 * levels[n - 1] - edges[n - 2 + 1]);
    edges
}

/// Edges of layers from the two of each, `place` telling where one lies: each pair in the order of
/// levels, whichever way round it is stored.
///
/// # Errors
/// Data, if the layers do not touch.
pub(super) fn joined<T: Copy>(
    mut layers: Vec<[T; 2]>,
    is_rising: bool,
    place: impl Fn(T) -> f64,
) -> Result<Vec<T>> {
    let differ = || {
        Err(Error::data(
            "has levels whose bounds do not join: a layer does not start where the last one ends",
        )
        .remedy("correct the bounds, or use --method linear, which needs none"))
    };
    for layer in &mut layers {
        if (place(layer[0]) > place(layer[1])) == is_rising {
            layer.swap(0, 1);
        }
        if !(place(layer[0]).is_finite() && place(layer[1]).is_finite()) {
            return differ();
        }
    }
    let thickness = |layer: &[T; 2]| (place(layer[1]) - place(layer[0])).abs();
    // As much as single precision makes of it.
    let apart = |p: &[[T; 2]]| {
        (place(p[0][1]) - place(p[1][0])).abs() > 1e-3 * thickness(&p[0]).max(thickness(&p[1]))
    };
    if layers.windows(2).any(apart) {
        return differ();
    }
    Ok(layers.iter().map(|l| l[0]).chain(layers.last().map(|l| l[1])).collect())
}

/// The coordinate of the levels of a variable: that of its dimension.
pub(crate) fn coordinate<'a>(
    variable: &halocline_core::meta::Variable,
    levels: &'a [Coordinate],
) -> Option<&'a Coordinate> {
    let dim = variable.dims.iter().find(|d| d.role == Role::Level)?;
    levels.iter().find(|c| c.variable.dims.len() == 1 && c.variable.dims[0].name == dim.name)
}

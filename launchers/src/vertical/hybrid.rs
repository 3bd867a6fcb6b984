//! Hybrid sigma-pressure levels: where their coefficients and the surface pressure are.

use super::options::VerticalArgs;
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Coordinate, Role};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;

/// Coefficients of levels and half levels: p = a + b pₛ, a in Pa.
#[derive(Debug, Clone)]
pub(super) struct Hybrid {
    pub(super) levels: Vec<[f64; 2]>,
    pub(super) edges: Vec<[f64; 2]>,
    /// The name of the surface pressure.
    pub(super) surface: String,
}

/// What a text of `formula_terms` says of each term.
fn term(formula: &str, wanted: &str) -> Option<String> {
    let words: Vec<&str> = formula.split_whitespace().collect();
    let at = words.iter().position(|w| w.trim_end_matches(':') == wanted && w.ends_with(':'))?;
    words.get(at + 1).map(|w| (*w).to_owned())
}

/// The names that a level coordinate gives to a term, by CF or by NCL's attributes.
fn named(level: Option<&Coordinate>, term_name: &str, attribute: &str) -> Option<String> {
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
pub(super) fn find(
    comm: &Comm,
    args: &VerticalArgs,
    dataset: &Dataset,
    (level, count): (Option<&Coordinate>, usize),
) -> Result<Option<Hybrid>> {
    let attributes = level.map(|c| &c.variable.attributes);
    let standard = attributes.and_then(|a| a.text("standard_name")).unwrap_or_default();
    let has = |name: &str| dataset.variable(name).is_ok();
    let known = |given: &Option<String>, terms: &[&str], attribute: &str, usual: &[&str]| {
        given
            .clone()
            .or_else(|| terms.iter().find_map(|t| named(level, t, attribute)))
            .filter(|name| has(name) || given.is_some())
            .or_else(|| usual.iter().find(|n| has(n)).map(|n| (*n).to_owned()))
    };
    let is_told = args.a.is_some()
        || args.b.is_some()
        || standard.contains("hybrid_sigma_pressure")
        || standard == "atmosphere_sigma_coordinate"
        || attributes.is_some_and(|a| a.text("A_var").is_some() || a.text("formula_terms").is_some())
        || has("hyam") && has("hybm");
    if !is_told {
        return Ok(None);
    }
    let surface = known(&args.ps, &["ps"], "PS_var", &["ps", "PS", "aps", "sp"])
        .or_else(|| named(level, "ps", "PS_var"));
    let surface = surface.ok_or_else(|| {
        Error::data("has hybrid levels, but no surface pressure is told of").remedy("name it with --ps")
    })?;
    let read = |name: &str| -> Result<Vec<f64>> {
        let shape = dataset.variable(name)?.variable.shape();
        if shape.iter().product::<usize>() > 100_000 {
            return Err(Error::data("is no list of coefficients").in_variable(name));
        }
        Ok(dataset.read(name, &IndexBox::whole(&shape))?.to_f64())
    };
    let own_values = level.map(|c| c.values.to_f64());
    comm.on_root(|| {
        if standard == "atmosphere_sigma_coordinate" {
            let top = match named(level, "ptop", "") {
                Some(name) if has(&name) => read(&name)?.first().copied().unwrap_or(0.0),
                _ => 0.0,
            };
            let sigma = own_values.clone().unwrap_or_default();
            let bounds = level.and_then(|c| c.bounds.as_ref()).map(|b| b.values.to_f64());
            let edges = match bounds.filter(|b| b.len() == 2 * count) {
                Some(b) => b.chunks(2).map(|p| p[0]).chain(b.last().copied()).collect(),
                None => middles(&sigma),
            };
            let pair = |s: &f64| [top * (1.0 - s), *s];
            return Ok((sigma.iter().map(pair).collect(), edges.iter().map(pair).collect()));
        }
        let a_name = known(&args.a, &["ap", "a"], "A_var", &["hyam", "ap", "a"]);
        let b_name = known(&args.b, &["b"], "B_var", &["hybm", "b"]);
        let (Some(a_name), Some(b_name)) = (a_name, b_name) else {
            return Err(Error::data("has hybrid levels whose coefficients are not there")
                .remedy("name them with --a and --b"));
        };
        let (mut a, b) = (read(&a_name)?, read(&b_name)?);
        if a.len() != count || b.len() != count {
            return Err(Error::data(format!(
                "{a_name} and {b_name} have {} and {} values, the variable has {count} levels",
                a.len(),
                b.len()
            ))
            .remedy("name others with --a and --b, and keep all levels"));
        }
        let stated = named(level, "p0", "P0_var")
            .filter(|n| has(n))
            .or_else(|| ["P0", "p0"].into_iter().find(|n| has(n)).map(str::to_owned));
        let is_share = a.iter().all(|v| *v <= 1.0);
        let p0 = match (args.p0, stated) {
            (Some(p0), _) => p0,
            (None, Some(name)) if is_share => read(&name)?.first().copied().unwrap_or(1e5),
            _ => {
                if is_share {
                    1e5
                } else {
                    1.0
                }
            }
        };
        a.iter_mut().for_each(|v| *v *= p0);
        // Half levels: by their usual names, or from bounds; else in the middle.
        let half = |name: &str, of: &[f64], scale: f64| -> Result<Vec<f64>> {
            let interface = name.replace("hyam", "hyai").replace("hybm", "hybi");
            if interface != name && has(&interface) {
                let values = read(&interface)?;
                if values.len() == count + 1 {
                    return Ok(values.iter().map(|v| v * scale).collect());
                }
            }
            let bounds = format!("{name}_bnds");
            if has(&bounds) {
                let values = read(&bounds)?;
                if values.len() == 2 * count {
                    return Ok(values
                        .chunks(2)
                        .map(|p| p[0])
                        .chain(values.last().copied())
                        .map(|v| v * scale)
                        .collect());
                }
            }
            Ok(middles(of))
        };
        let (ea, mut eb) = (half(&a_name, &a, p0)?, half(&b_name, &b, 1.0)?);
        let mut ea = ea;
        if !has(&a_name.replace("hyam", "hyai")) && !has(&format!("{a_name}_bnds")) {
            // Known of the ends: nothing above, the ground below.
            let down = a
                .first()
                .zip(b.first())
                .zip(a.last().zip(b.last()))
                .is_some_and(|((a0, b0), (a1, b1))| a0 + b0 * 1e5 < a1 + b1 * 1e5);
            let (top, ground) = if down { (0, count) } else { (count, 0) };
            (ea[top], eb[top], ea[ground], eb[ground]) = (0.0, 0.0, 0.0, 1.0);
        }
        let pairs = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| [*a, *b]).collect::<Vec<[f64; 2]>>();
        Ok((pairs(&a, &b), pairs(&ea, &eb)))
    })
    .map(|(levels, edges): (Vec<[f64; 2]>, Vec<[f64; 2]>)| Some(Hybrid { levels, edges, surface }))
}

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

/// The coordinate of the levels of a variable: that of its dimension.
pub(super) fn coordinate<'a>(
    variable: &halocline_core::meta::Variable,
    levels: &'a [Coordinate],
) -> Option<&'a Coordinate> {
    let dim = variable.dims.iter().find(|d| d.role == Role::Level)?;
    levels.iter().find(|c| c.variable.dims.len() == 1 && c.variable.dims[0].name == dim.name)
}

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
    let look = Looking { args, dataset, level, count };
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
        .name(args.ps.as_ref(), &["ps"], "PS_var", &["ps", "PS", "aps", "sp"])
        .or_else(|| named(level, "ps", "PS_var"))
        .ok_or_else(|| {
            Error::data("has hybrid levels, but no surface pressure is told of").remedy("name it with --ps")
        })?;
    let found = comm.on_root(|| if standard == SIGMA { look.sigma() } else { look.hybrid() })?;
    let (levels, edges) = found;
    Ok(Some(Hybrid { levels, edges, surface }))
}

const SIGMA: &str = "atmosphere_sigma_coordinate";

/// a and b, of levels and of half levels.
type Pairs = (Vec<[f64; 2]>, Vec<[f64; 2]>);

/// Where coefficients are looked for.
struct Looking<'a> {
    args: &'a VerticalArgs,
    dataset: &'a Dataset,
    level: Option<&'a Coordinate>,
    count: usize,
}

impl Looking<'_> {
    fn has(&self, name: &str) -> bool {
        self.dataset.variable(name).is_ok()
    }

    /// A name that is given, that the coordinate tells, or a usual one that is there.
    fn name(
        &self,
        given: Option<&String>,
        terms: &[&str],
        attribute: &str,
        usual: &[&str],
    ) -> Option<String> {
        let told = || terms.iter().find_map(|t| named(self.level, t, attribute)).filter(|n| self.has(n));
        let there = || usual.iter().find(|n| self.has(n)).map(|n| (*n).to_owned());
        given.cloned().or_else(told).or_else(there)
    }

    fn read(&self, name: &str) -> Result<Vec<f64>> {
        let shape = self.dataset.variable(name)?.variable.shape();
        if shape.iter().fold(1usize, |n, len| n.saturating_mul(*len)) > 100_000 {
            return Err(Error::data("is no list of coefficients").in_variable(name));
        }
        Ok(self.dataset.read(name, &IndexBox::whole(&shape))?.to_f64())
    }

    /// p = pₜ + σ (pₛ − pₜ).
    fn sigma(&self) -> Result<Pairs> {
        let top = match named(self.level, "ptop", "") {
            Some(name) if self.has(&name) => self.read(&name)?.first().copied().unwrap_or(0.0),
            _ => 0.0,
        };
        let sigma = self.level.map_or_else(Vec::new, |c| c.values.to_f64());
        let bounds = self.level.and_then(|c| c.bounds.as_ref()).map(|b| b.values.to_f64());
        let edges: Vec<f64> = match bounds.filter(|b| b.len() == 2 * self.count) {
            Some(b) => b.chunks(2).map(|p| p[0]).chain(b.last().copied()).collect(),
            None => middles(&sigma),
        };
        let pair = |s: &f64| [top * (1.0 - s), *s];
        Ok((sigma.iter().map(pair).collect(), edges.iter().map(pair).collect()))
    }

    /// p = a + b pₛ, or a p₀ + b pₛ.
    fn hybrid(&self) -> Result<Pairs> {
        let a_name = self.name(self.args.a.as_ref(), &["ap", "a"], "A_var", &["hyam", "ap", "a"]);
        let b_name = self.name(self.args.b.as_ref(), &["b"], "B_var", &["hybm", "b"]);
        let (Some(a_name), Some(b_name)) = (a_name, b_name) else {
            return Err(Error::data("has hybrid levels whose coefficients are not there")
                .remedy("name them with --a and --b"));
        };
        let (mut a, b) = (self.read(&a_name)?, self.read(&b_name)?);
        if a.len() != self.count || b.len() != self.count {
            return Err(Error::data(format!(
                "{a_name} and {b_name} have {} and {} values, the variable has {} levels",
                a.len(),
                b.len(),
                self.count
            ))
            .remedy("name others with --a and --b, and keep all levels"));
        }
        let p0 = self.reference(&a)?;
        a.iter_mut().for_each(|v| *v *= p0);
        let (half_a, half_b) = (self.half(&a_name, p0)?, self.half(&b_name, 1.0)?);
        let is_known = half_a.is_some() && half_b.is_some();
        let mut ea = half_a.unwrap_or_else(|| middles(&a));
        let mut eb = half_b.unwrap_or_else(|| middles(&b));
        if !is_known && self.count > 0 {
            // Known of the ends: nothing above, the ground below.
            let standard = |k: usize| a[k] + b[k] * 1e5;
            let is_down = standard(0) < standard(self.count - 1);
            let (top, ground) = if is_down { (0, self.count) } else { (self.count, 0) };
            (ea[top], eb[top], ea[ground], eb[ground]) = (0.0, 0.0, 0.0, 1.0);
        }
        let pairs = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| [*a, *b]).collect();
        Ok((pairs(&a, &b), pairs(&ea, &eb)))
    }

    /// The pressure that a is a share of; 1 where it is a pressure.
    fn reference(&self, a: &[f64]) -> Result<f64> {
        let is_share = a.iter().all(|v| *v <= 1.0);
        let usual = || ["P0", "p0"].into_iter().find(|n| self.has(n)).map(str::to_owned);
        let told = named(self.level, "p0", "P0_var").filter(|n| self.has(n)).or_else(usual);
        match (self.args.p0, told) {
            (Some(p0), _) => Ok(p0),
            (None, Some(name)) if is_share => Ok(self.read(&name)?.first().copied().unwrap_or(1e5)),
            _ => Ok(if is_share { 1e5 } else { 1.0 }),
        }
    }

    /// Half levels, by their usual names, or from bounds.
    fn half(&self, name: &str, scale: f64) -> Result<Option<Vec<f64>>> {
        let interface = name.replace("hyam", "hyai").replace("hybm", "hybi");
        if interface != name && self.has(&interface) {
            let values = self.read(&interface)?;
            if values.len() == self.count + 1 {
                return Ok(Some(values.iter().map(|v| v * scale).collect()));
            }
        }
        let bounds = format!("{name}_bnds");
        if self.has(&bounds) {
            let values = self.read(&bounds)?;
            if values.len() == 2 * self.count {
                let edges = values.chunks(2).map(|p| p[0]).chain(values.last().copied());
                return Ok(Some(edges.map(|v| v * scale).collect()));
            }
        }
        Ok(None)
    }
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

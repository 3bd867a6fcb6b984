//! Coefficients of hybrid and sigma levels as files hold them, in Pa.

use super::hybrid::{joined, middles, named, term, Given};
use crate::pressure::to_pascal;
use halocline_core::index::IndexBox;
use halocline_core::meta::Coordinate;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;

/// a and b, of levels and of half levels.
pub(super) type Pairs = (Vec<[f64; 2]>, Vec<[f64; 2]>);

/// Where coefficients are looked for.
pub(super) struct Looking<'a> {
    pub(super) args: Given<'a>,
    pub(super) dataset: &'a Dataset,
    pub(super) level: Option<&'a Coordinate>,
    pub(super) count: usize,
}

/// The pressure of a pair over a surface of 10⁵ Pa, by which half levels are put in order.
fn standard([a, b]: [f64; 2]) -> f64 {
    a + b * 1e5
}

/// What says that a number has no units; levels of models are called many names.
const NO_UNITS: [&str; 11] = [
    "",
    "1",
    "-",
    "none",
    "dimensionless",
    "unitless",
    "nondimensional",
    "level",
    "sigma_level",
    "hybrid_sigma_pressure",
    "fraction",
];

impl Looking<'_> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.dataset.variable(name).is_ok()
    }

    /// A name that is given, that the coordinate tells, or a usual one that is there.
    pub(super) fn name(
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
        let values = self.dataset.read(name, &IndexBox::whole(&shape))?.to_f64();
        if values.iter().any(|v| !v.is_finite()) {
            return Err(Error::data("has missing values, which coefficients of levels can not have")
                .in_variable(name));
        }
        Ok(values)
    }

    /// What its units are in Pa; `None` if it has none.
    fn pascals(&self, name: &str) -> Result<Option<f64>> {
        let units = self.dataset.variable(name)?.variable.units().unwrap_or_default();
        match to_pascal(units) {
            None if NO_UNITS.contains(&units.trim().to_ascii_lowercase().as_str()) => Ok(None),
            None => Err(Error::data(format!("is in `{units}`, neither a pressure nor without units"))
                .in_variable(name)
                .remedy("correct its units, or leave them out")),
            scale => Ok(scale),
        }
    }

    /// A single pressure, in Pa.
    fn pressure(&self, name: &str) -> Result<f64> {
        let value = self.read(name)?.first().copied().unwrap_or(f64::NAN);
        let value = value * self.pascals(name)?.unwrap_or(1.0);
        if value >= 0.0 {
            Ok(value)
        } else {
            Err(Error::data("is no pressure").in_variable(name))
        }
    }

    /// p = pₜ + σ (pₛ − pₜ).
    pub(super) fn sigma(&self) -> Result<Pairs> {
        let top = match named(self.level, "ptop", "") {
            Some(name) if self.has(&name) => self.pressure(&name)?,
            _ => 0.0,
        };
        let sigma = self.level.map_or_else(Vec::new, |c| c.values.to_f64());
        if sigma.len() != self.count || !sigma.iter().all(|s| (0.0..=1.01).contains(s)) {
            return Err(Error::data("has sigma levels that are not between 0 and 1"));
        }
        let bounds = self.level.and_then(|c| c.bounds.as_ref()).map(|b| b.values.to_f64());
        let bounds = bounds.filter(|b| b.len() == 2 * self.count && self.args.wants_edges);
        let is_down = self.count < 2 || sigma[0] < sigma[self.count - 1];
        let edges = if let Some(b) = bounds {
            joined(b.chunks(2).map(|p| [p[0], p[1]]).collect(), is_down, |s| s)?
        } else if self.args.is_cut && self.args.wants_edges {
            // The first and the last are not the top and the ground.
            return Err(Error::data(
                "has sigma levels without bounds, and layers of some of them have no ends",
            )
            .remedy("leave --level out"));
        } else {
            let mut edges = middles(&sigma);
            let n = edges.len();
            if n > 0 {
                let (top, ground) = if is_down { (0, n - 1) } else { (n - 1, 0) };
                (edges[top], edges[ground]) = (0.0, 1.0);
            }
            edges
        };
        let pair = |s: &f64| [top * (1.0 - s), *s];
        Ok((sigma.iter().map(pair).collect(), edges.iter().map(pair).collect()))
    }

    /// p = a + b pₛ, or a p₀ + b pₛ.
    pub(super) fn hybrid(&self) -> Result<Pairs> {
        let a_name = self.name(self.args.a, &["ap", "a"], "A_var", &["hyam", "ap", "a"]);
        let b_name = self.name(self.args.b, &["b"], "B_var", &["hybm", "b"]);
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
        if self.pascals(&b_name)?.is_some() {
            return Err(Error::data("is a pressure, not a share of the surface pressure")
                .in_variable(&b_name)
                .remedy("name another with --b, or correct its units"));
        }
        let scale = self.scale(&a_name, &a)?;
        a.iter_mut().for_each(|v| *v *= scale);
        let levels: Vec<[f64; 2]> = a.iter().zip(&b).map(|(a, b)| [*a, *b]).collect();
        let is_down = self.count < 2 || standard(levels[0]) < standard(levels[self.count - 1]);
        if let Some(edges) = self.half([&a_name, &b_name], scale, is_down)? {
            return Ok((levels, edges));
        }
        let mut edges: Vec<[f64; 2]> =
            middles(&a).into_iter().zip(middles(&b)).map(|(a, b)| [a, b]).collect();
        if self.count > 0 {
            // Known of the ends: nothing above, the ground below.
            let (top, ground) = if is_down { (0, self.count) } else { (self.count, 0) };
            (edges[top], edges[ground]) = ([0.0, 0.0], [0.0, 1.0]);
        }
        Ok((levels, edges))
    }

    /// What a is multiplied by to be in Pa: p₀ where it is a share, else its units.
    fn scale(&self, name: &str, a: &[f64]) -> Result<f64> {
        let is_share = a.iter().all(|v| *v <= 1.0);
        let units = self.pascals(name)?;
        match (self.args.p0, units) {
            (Some(p0), Some(scale)) if p0.to_bits() == 1f64.to_bits() => return Ok(scale),
            (Some(_), Some(_)) if !is_share => {
                return Err(Error::data("is a pressure by its units, no share of --p0")
                    .in_variable(name)
                    .remedy("leave --p0 out"))
            }
            (Some(p0), _) => return Ok(p0),
            _ => {}
        }
        let usual = || ["P0", "p0"].into_iter().find(|n| self.has(n)).map(str::to_owned);
        let told = named(self.level, "p0", "P0_var").filter(|n| self.has(n)).or_else(usual);
        let is_called_pressure = named(self.level, "ap", "").is_some_and(|n| n == name);
        match (units, told) {
            // The same number may be meant both ways.
            (Some(_), Some(p0)) if is_share && a.iter().any(|v| *v != 0.0) => {
                Err(Error::data(format!("is a pressure by its units, but a share of `{p0}` by its values"))
                    .in_variable(name)
                    .remedy("give --p0, in Pa, or --p0 1 if it is a pressure"))
            }
            (Some(scale), _) => Ok(scale),
            (None, _) if is_called_pressure || !is_share => Ok(1.0),
            (None, Some(p0)) => self.reference(&p0),
            (None, None) => Ok(1e5),
        }
    }

    /// p₀: in Pa, or in hPa where it has such units; it has to tell which, or be near 10⁵.
    fn reference(&self, name: &str) -> Result<f64> {
        let p0 = self.pressure(name)?;
        if self.pascals(name)?.is_some() && p0 > 0.0 || (3e4..3e5).contains(&p0) {
            Ok(p0)
        } else {
            Err(Error::data(format!("is {p0} without units of pressure"))
                .in_variable(name)
                .remedy("give it in Pa, with --p0"))
        }
    }

    /// Half levels where a conservative remapping needs them: by their usual names, or from bounds.
    fn half(&self, names: [&str; 2], scale: f64, is_down: bool) -> Result<Option<Vec<[f64; 2]>>> {
        if !self.args.wants_edges {
            return Ok(None);
        }
        let interfaces = names.map(|n| n.replace("hyam", "hyai").replace("hybm", "hybi"));
        let are_others = interfaces.iter().zip(names).all(|(i, name)| i != name && self.has(i));
        if are_others {
            let [a, b] = [self.edges(&interfaces[0], scale)?, self.edges(&interfaces[1], 1.0)?];
            if a.len() == self.count + 1 && b.len() == a.len() {
                let mut edges: Vec<[f64; 2]> = a.into_iter().zip(b).map(|(a, b)| [a, b]).collect();
                if (standard(edges[0]) < standard(edges[self.count])) != is_down {
                    edges.reverse();
                }
                return Ok(Some(edges));
            }
        }
        let formula = self.level.and_then(|l| l.bounds.as_ref()?.variable.attributes.text("formula_terms"));
        let told = |terms: &[&str]| terms.iter().find_map(|t| term(formula?, t)).filter(|n| self.has(n));
        let usual = |name: &str| Some(format!("{name}_bnds")).filter(|n| self.has(n));
        // Terms of bounds are those of the coefficients, unless others are named.
        let a = told(&["ap", "a"]).filter(|_| self.args.a.is_none()).or_else(|| usual(names[0]));
        let b = told(&["b"]).filter(|_| self.args.b.is_none()).or_else(|| usual(names[1]));
        let (Some(a), Some(b)) = (a, b) else { return Ok(None) };
        let [a, b] = [self.edges(&a, scale)?, self.edges(&b, 1.0)?];
        if a.len() != 2 * self.count || b.len() != a.len() {
            return Ok(None);
        }
        let layers = a.chunks(2).zip(b.chunks(2)).map(|(a, b)| [[a[0], b[0]], [a[1], b[1]]]);
        joined(layers.collect(), is_down, standard).map(Some)
    }

    /// Coefficients of half levels, which have the units of levels unless they tell others.
    fn edges(&self, name: &str, scale: f64) -> Result<Vec<f64>> {
        let own = self.pascals(name)?.filter(|_| self.args.p0.is_none()).unwrap_or(scale);
        Ok(self.read(name)?.iter().map(|v| v * own).collect())
    }
}

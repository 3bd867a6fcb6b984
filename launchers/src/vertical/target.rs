//! The levels to go to, and what they are called.

use super::options::VerticalArgs;
use crate::pressure::to_pascal;
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::{Error, Result};
use halocline_io::dataset::{open_with, Dataset};
use halocline_io::{Io, OpenOptions};

/// What targets are measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Along {
    /// The coordinate of the source's levels: pressure, depth, height.
    Levels,
    /// Potential temperature, K.
    Theta,
    /// Potential density less 1000 kg m⁻³ of sea water, referred to so many thousand dbar.
    Sigma(u8),
    /// The variable that `--coordinate-var` names.
    Field,
}

/// Levels or edges to go to.
pub(super) struct Target {
    pub(super) along: Along,
    pub(super) values: Vec<f64>,
    /// Of the file that they are from.
    units: Option<String>,
}

impl Target {
    /// # Collective
    /// Every rank calls this.
    pub(super) fn of(comm: &Comm, args: &VerticalArgs) -> Result<Self> {
        let text = args.to.as_str();
        let (along, list) = match text.split_once(':') {
            Some(("theta", list)) => (Along::Theta, Some(list)),
            Some(("field", list)) => (Along::Field, Some(list)),
            Some((word, list)) if sigma(word).is_some() => {
                (Along::Sigma(sigma(word).unwrap_or_default()), Some(list))
            }
            Some(("levels", list)) => (Along::Levels, Some(list)),
            _ => (Along::Levels, None),
        };
        let (values, units) = match (numbers(list.unwrap_or(text)), list) {
            (Some(values), _) => (values, None),
            (None, Some(list)) => {
                return Err(Error::usage(format!("--to `{list}` is no list of numbers"))
                    .remedy("separate levels by commas"))
            }
            (None, None) => of_file(comm, args.input.io, text)?,
        };
        let least = 1 + usize::from(args.is_conservative());
        if values.len() < least || !in_order(&values) {
            return Err(Error::usage(format!(
                "--to has {} levels, which have to be {least} or more, rising or falling",
                values.len()
            )));
        }
        Ok(Self { along, values, units })
    }

    /// The targets in the units of the source's levels: Pa where these are pressures.
    pub(super) fn in_units(&mut self, is_pressure: bool) -> Result<()> {
        let Some(units) = self.units.take().filter(|_| self.along == Along::Levels) else { return Ok(()) };
        match (to_pascal(&units), is_pressure) {
            (Some(scale), true) => self.values.iter_mut().for_each(|v| *v *= scale),
            (None, false) => {}
            _ => {
                return Err(Error::usage(format!("--to has levels in `{units}`, the variable has others"))
                    .remedy("pressures go to pressures, depths to depths"))
            }
        }
        Ok(())
    }

    /// The coordinate of the result: of layers, their middles and edges.
    pub(super) fn coordinate(
        &self,
        dim: &str,
        own: Option<&Coordinate>,
        is_conservative: bool,
    ) -> Coordinate {
        let attributes = match (self.along, own) {
            (Along::Theta, _) => Attributes::new()
                .with("standard_name", "air_potential_temperature")
                .with("long_name", "potential temperature")
                .with("units", "K")
                .with("positive", "up"),
            (Along::Sigma(k), _) => super::density::attributes(f64::from(k) * 1000.0),
            (Along::Field, Some(own)) => {
                let mut all = Attributes::new();
                for name in ["standard_name", "long_name", "units"] {
                    if let Some(value) = own.variable.attributes.get(name) {
                        all.set(name, value.clone());
                    }
                }
                all
            }
            (Along::Levels, Some(own)) => {
                let mut all = own.variable.attributes.clone();
                for gone in [
                    "bounds",
                    "formula_terms",
                    "formula",
                    "A_var",
                    "B_var",
                    "P0_var",
                    "PS_var",
                    "actual_range",
                    "valid_min",
                    "valid_max",
                ] {
                    all.remove(gone);
                }
                all
            }
            _ => Attributes::new()
                .with("standard_name", "air_pressure")
                .with("long_name", "pressure")
                .with("units", "Pa")
                .with("positive", "down"),
        };
        let attributes = attributes.with("axis", "Z");
        let of_sigma;
        let name = match self.along {
            Along::Theta => "theta",
            Along::Sigma(k) => {
                of_sigma = format!("sigma{k}");
                &of_sigma
            }
            _ => dim,
        };
        let n = self.values.len() - usize::from(is_conservative);
        let one = |name: &str, dims: Vec<Dim>, attributes: Attributes, values: Vec<f64>| Coordinate {
            variable: Variable { name: name.to_owned(), dims, dtype: DType::F64, attributes },
            values: Values::F64(values),
            bounds: None,
        };
        let level = Dim::new(name, n, Role::Level);
        if !is_conservative {
            return one(name, vec![level], attributes, self.values.clone());
        }
        let middles = self.values.windows(2).map(|p| 0.5 * (p[0] + p[1])).collect();
        let edges = self.values.windows(2).flat_map(|p| [p[0], p[1]]).collect();
        let both = vec![level.clone(), Dim::new("bnds", 2, Role::Other)];
        let bounds = one(&format!("{name}_bnds"), both, Attributes::new(), edges);
        Coordinate { bounds: Some(Box::new(bounds)), ..one(name, vec![level], attributes, middles) }
    }
}

/// The thousands of dbar in `sigma0` to `sigma4`.
fn sigma(word: &str) -> Option<u8> {
    word.strip_prefix("sigma").filter(|n| n.len() == 1)?.parse().ok().filter(|n| *n <= 4)
}

fn numbers(list: &str) -> Option<Vec<f64>> {
    list.split(',').map(|n| n.trim().parse::<f64>().ok().filter(|v| v.is_finite())).collect()
}

fn in_order(v: &[f64]) -> bool {
    v.windows(2).all(|p| p[0] < p[1]) || v.windows(2).all(|p| p[0] > p[1])
}

/// Pressures in Pa that are written as numbers, or are the levels of a file.
///
/// # Errors
/// Usage, and data of a file, if these are no pressures, rising or falling.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn pressures(comm: &Comm, io: Io, text: &str) -> Result<Vec<f64>> {
    let Some(values) = numbers(text) else {
        let (values, units) = of_file(comm, io, text)?;
        let (file, _) = file_of(text);
        let scale = units.as_deref().and_then(to_pascal).ok_or_else(|| {
            let said = units.as_ref().map_or("without units".to_owned(), |units| format!("in `{units}`"));
            Error::data(format!("--to has levels {said}, which are no pressures"))
                .in_file(file)
                .remedy("name a file with levels in Pa or hPa, or give the pressures in Pa")
        })?;
        let values: Vec<f64> = values.iter().map(|v| v * scale).collect();
        return if are_pressures(&values) {
            Ok(values)
        } else {
            Err(Error::data("--to has levels that are no pressures, rising or falling").in_file(file))
        };
    };
    if !are_pressures(&values) {
        return Err(Error::usage("--to is no list of pressures, rising or falling").remedy("give Pa"));
    }
    Ok(values)
}

fn are_pressures(values: &[f64]) -> bool {
    !values.is_empty() && values.iter().all(|p| *p > 0.0) && in_order(values)
}

/// The file, and the variable that is named behind it.
fn file_of(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((path, name)) if !std::path::Path::new(text).exists() => (path, Some(name)),
        _ => (text, None),
    }
}

/// The levels of a file: of a variable, or of the only dimension of levels that it has.
fn of_file(comm: &Comm, io: Io, text: &str) -> Result<(Vec<f64>, Option<String>)> {
    let (path, name) = file_of(text);
    let options = OpenOptions { io, ..OpenOptions::default() };
    let dataset = open_with(comm, &[path.to_owned()], options)
        .map_err(|e| Error { message: format!("--to {text}: {}", e.message), ..e })?;
    let levels = match name {
        Some(name) => name.to_owned(),
        None => level_of(&dataset).ok_or_else(|| {
            Error::data("has no coordinate of levels").in_file(path).remedy("name one, as in FILE:plev")
        })?,
    };
    comm.on_root(|| {
        let shape = dataset.variable(&levels)?.variable.shape();
        if shape.len() != 1 || shape[0] > 100_000 {
            return Err(Error::data("is no list of levels").in_file(path).in_variable(&levels));
        }
        let values = dataset.read(&levels, &IndexBox::whole(&shape))?.to_f64();
        let units = dataset.variable(&levels)?.variable.units().map(str::to_owned);
        Ok((values, units))
    })
}

fn level_of(dataset: &Dataset) -> Option<String> {
    let mut own = dataset
        .variables()
        .iter()
        .map(|v| &v.variable)
        .filter(|v| v.dims.len() == 1 && v.dims[0].role == Role::Level && v.dims[0].name == v.name);
    own.next().map(|v| v.name.clone())
}

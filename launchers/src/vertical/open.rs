//! The command, opened: where levels lie, and where they go.

use super::density::{self, Density};
use super::hybrid::{self, Given, Hybrid};
use super::options::{How, VerticalArgs};
use super::target::{Along, Target};
use crate::common::{check_output, paths};
use crate::folding::{self, FoldJob};
use crate::pairs::{check_surface, check_together};
use crate::pressure::to_pascal;
use crate::quantities::Quantity;
use crate::transport::density::EosChoice;
use halocline_core::meta::{Coordinate, Role, Values, Variable};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::{Selection, Source};
use std::path::PathBuf;

/// Where the levels of the input lie.
pub(super) enum From {
    Fixed { levels: Vec<f64>, edges: Vec<f64>, is_pressure: bool },
    Hybrid { levels: Hybrid, surface: Box<Source> },
}

/// `halocline vertical`, opened.
pub(crate) struct Vertical<'a> {
    pub(super) args: &'a VerticalArgs,
    pub(super) datasets: Vec<Dataset>,
    pub(super) variables: Vec<Source>,
    pub(super) from: From,
    /// The temperature, or the variable of `--coordinate-var`.
    pub(super) field: Option<Box<Source>>,
    /// For isopycnals, the salinity and how density is found.
    pub(super) water: Option<(Box<Source>, Density)>,
    pub(super) target: Target,
    pub(super) coordinate: Coordinate,
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a VerticalArgs) -> Result<Vertical<'a>> {
    args.check()?;
    let mut target = Target::of(job.comm, args)?;
    let datasets = args.input.open_groups(job.comm, job.verbosity)?;
    let files: Vec<PathBuf> = datasets.iter().flat_map(paths).collect();
    check_output(job.comm, &args.output, &files)?;
    let selection = args.selection.of_all_levels(args.input.io)?;
    let find = |name: &str, selection: &Selection| -> Result<(usize, Source)> {
        let there = datasets.iter().position(|d| d.variable(name).is_ok()).unwrap_or(0);
        let source = datasets[there].source(job.comm, name, selection)?;
        let blame = |e| folding::blame(e, paths(&datasets[there]).first(), name);
        folding::check_is_data(name, &source).map_err(blame)?;
        Ok((there, source))
    };
    let mut variables: Vec<Source> = Vec::new();
    let mut home = 0;
    for name in &args.var {
        let (k, source) = find(name, &selection)?;
        let blame = |e| folding::blame(e, paths(&datasets[k]).first(), name);
        if source.variable().position(Role::Level).is_none() {
            return Err(blame(Error::data("has no levels").remedy("name a variable that has several")));
        }
        match variables.first() {
            None => home = k,
            Some(first) => check_together(first, &source).map_err(blame)?,
        }
        variables.push(source);
    }
    let first = variables.first().ok_or_else(|| Error::usage("no variable is named"))?;
    let blame = |e| folding::blame(e, paths(&datasets[home]).first(), &first.variable().name);
    let own = hybrid::coordinate(first.variable(), first.levels());
    let count = first.variable().dims.iter().find(|d| d.role == Role::Level).map_or(0, |d| d.len);
    let from = match hybrid::find(job.comm, Given::of(args, &selection), &datasets[home], (own, count))
        .map_err(blame)?
    {
        Some(levels) => {
            let flat = Selection { level: None, levels: None, ..selection.clone() };
            let (k, surface) = find(&levels.surface, &flat)?;
            let blame = |e| folding::blame(e, paths(&datasets[k]).first(), &levels.surface);
            check_surface(first, &surface, "").map_err(blame)?;
            From::Hybrid { levels, surface: Box::new(surface) }
        }
        None => fixed(own, args.is_conservative(), selection.levels.is_some()).map_err(blame)?,
    };
    let is_pressure = !matches!(from, From::Fixed { is_pressure: false, .. });
    target.in_units(is_pressure)?;
    let has_moving_layers = matches!(from, From::Hybrid { .. });
    if has_moving_layers && args.is_conservative() && target.along != Along::Levels {
        return Err(blame(
            Error::data("has hybrid levels, whose layers have another thickness in each column, so that no integral in classes is kept")
                .remedy("bring it to pressure levels first, with `halocline vertical --method conservative`"),
        ));
    }
    if args.method == How::Log && target.along == Along::Levels && target.values.iter().any(|v| *v <= 0.0) {
        return Err(Error::usage("--method log has no place for levels that are not positive"));
    }
    let mut water = None;
    let field = match target.along {
        Along::Levels => None,
        Along::Sigma(k) => {
            let [temperature, salinity] = density::names(args, &datasets)?;
            let temperature = Box::new(find(&temperature, &selection)?.1);
            let salinity = Box::new(find(&salinity, &selection)?.1);
            let eos = args.eos.unwrap_or(EosChoice::Teos10);
            let of = [temperature.variable(), salinity.variable()];
            let density = Density::new(eos, f64::from(k) * 1000.0, of)
                .map_err(|e| e.in_file(files.first().cloned().unwrap_or_default()))?;
            water = Some((salinity, density));
            Some(temperature)
        }
        Along::Theta if !is_pressure => {
            return Err(blame(
                Error::data("its levels are not pressures")
                    .remedy("theta is known on pressure and hybrid levels"),
            ))
        }
        Along::Theta => {
            let usual = ["ta", "T", "t"].into_iter().find(|n| datasets.iter().any(|d| d.variable(n).is_ok()));
            let name =
                args.t.as_deref().or(usual).ok_or_else(|| {
                    Error::data("no temperature is there for theta").remedy("name it with --t")
                })?;
            let source = find(name, &selection)?.1;
            Quantity::Kelvin.check(source.variable()).map_err(|e| folding::blame(e, files.first(), name))?;
            Some(Box::new(source))
        }
        Along::Field => {
            let name = args.coordinate_var.as_deref().unwrap_or_default();
            Some(Box::new(find(name, &selection)?.1))
        }
    };
    for field in field.iter().chain(water.as_ref().map(|(salinity, _)| salinity)) {
        let name = field.variable().name.clone();
        check_together(first, field).map_err(|e| folding::blame(e, files.first(), &name))?;
    }
    let coordinate = coordinate(args, &target, first, (&from, field.as_deref()));
    Ok(Vertical { args, datasets, variables, from, field, water, target, coordinate })
}

/// The coordinate of the result.
fn coordinate(
    args: &VerticalArgs,
    target: &Target,
    first: &Source,
    (from, field): (&From, Option<&Source>),
) -> Coordinate {
    let dim = first.variable().dims.iter().find(|d| d.role == Role::Level).map_or("lev", |d| d.name.as_str());
    let own = hybrid::coordinate(first.variable(), first.levels());
    match (target.along, field, from) {
        (Along::Field, Some(field), _) => {
            let like = Coordinate {
                variable: Variable {
                    attributes: field.variable().attributes.clone(),
                    ..field.variable().clone()
                },
                values: Values::F64(Vec::new()),
                bounds: None,
            };
            target.coordinate(&field.variable().name.clone(), Some(&like), args.is_conservative())
        }
        // Pressures are written in Pa, as targets are.
        (Along::Levels, _, From::Fixed { is_pressure: false, .. }) => {
            target.coordinate(dim, own, args.is_conservative())
        }
        (Along::Theta | Along::Sigma(_), ..) => target.coordinate("theta", None, args.is_conservative()),
        _ => target.coordinate("plev", None, args.is_conservative()),
    }
}

/// Levels that are the same everywhere; only a conservative remapping looks at their bounds.
fn fixed(own: Option<&Coordinate>, is_conservative: bool, is_cut: bool) -> Result<From> {
    let Some(own) = own else {
        return Err(Error::data("has levels without a coordinate")
            .remedy("name the coefficients of hybrid levels with --a, --b and --ps"));
    };
    let scale = own.variable.units().and_then(to_pascal);
    let by = scale.unwrap_or(1.0);
    let levels: Vec<f64> = own.values.to_f64().iter().map(|v| v * by).collect();
    let in_order = levels.windows(2).all(|p| p[0] < p[1]) || levels.windows(2).all(|p| p[0] > p[1]);
    if !in_order {
        return Err(Error::data("has levels that neither rise nor fall"));
    }
    let bounds = own.bounds.as_ref().map(|b| b.values.to_f64());
    let edges = match bounds.filter(|b| b.len() == 2 * levels.len() && is_conservative) {
        Some(bounds) => {
            let is_rising = levels.len() < 2 || levels[0] < levels[1];
            hybrid::joined(bounds.chunks(2).map(|p| [p[0] * by, p[1] * by]).collect(), is_rising, |v| v)?
        }
        None => within_ground(hybrid::middles(&levels), own, scale.is_some() || is_cut),
    };
    Ok(From::Fixed { levels, edges, is_pressure: scale.is_some() })
}

/// Edges that lie in the middle between levels, of which none is beyond 0: no pressure is negative, no
/// layer of depth lies above the surface, where the uppermost begins; unless that is not known to be the
/// uppermost (`is_open`), as of pressures and of some of the levels.
fn within_ground(mut edges: Vec<f64>, own: &Coordinate, is_open: bool) -> Vec<f64> {
    let levels = own.values.to_f64();
    let side = |v: &f64| if *v < 0.0 { -1.0 } else { 1.0 };
    let Some(sign) = levels.iter().find(|v| **v != 0.0).map(side) else { return edges };
    if levels.iter().any(|v| v * sign < 0.0) || edges.len() < 2 {
        return edges;
    }
    for edge in &mut edges {
        *edge = sign * (sign * *edge).max(0.0);
    }
    let attributes = &own.variable.attributes;
    let says = |name: &str, word: &str| attributes.text(name) == Some(word);
    // Depth, or heights below the surface.
    let is_depth = says("positive", "down") || says("standard_name", "depth") || sign < 0.0;
    if is_depth && !is_open {
        let last = edges.len() - 1;
        let top = if edges[0].abs() < edges[last].abs() { 0 } else { last };
        edges[top] = 0.0;
    }
    edges
}

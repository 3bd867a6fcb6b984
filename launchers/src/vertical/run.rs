//! The command as a step: where levels lie, then all columns through, window by window.

use super::hybrid::{self, Hybrid};
use super::options::{Precision, VerticalArgs};
use super::target::{Along, Target};
use crate::carry;
use crate::common::{bytes_text, check_output, paths};
use crate::folding::{self, FoldJob};
use crate::pairs::{align, check_together};
use crate::pressure::to_pascal;
use crate::step::{Alone, ByItself};
use halocline_algorithms::vertical::{Computed, Leveled, Made, Method, Place, Quantity};
use halocline_core::engine::{Engine, MapPlan, NumbersMut, StreamMap, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Variable};
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::output::{default_chunks, Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::{Selection, Source};
use std::path::{Path, PathBuf};

/// Bytes that the writer may take, at most.
const WRITING: u64 = 352 << 20;

/// Where the levels of the input lie.
enum From {
    Fixed { levels: Vec<f64>, edges: Vec<f64>, is_pressure: bool },
    Hybrid { levels: Hybrid, surface: Box<Source> },
}

/// `halocline vertical`, opened.
pub(crate) struct Vertical<'a> {
    args: &'a VerticalArgs,
    datasets: Vec<Dataset>,
    variables: Vec<Source>,
    from: From,
    /// The temperature, or the variable of `--coordinate-var`.
    field: Option<Box<Source>>,
    target: Target,
    coordinate: Coordinate,
}

/// The command as a step.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn open<'a>(job: &FoldJob<'_>, args: &'a VerticalArgs) -> Result<Vertical<'a>> {
    args.check()?;
    let mut target = Target::of(job.comm, args)?;
    let datasets = args.input.open_each(job.comm, job.verbosity)?;
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
    let from = match hybrid::find(job.comm, args, &datasets[home], (own, count)).map_err(blame)? {
        Some(levels) => {
            let flat = Selection { level: None, levels: None, ..selection.clone() };
            let (k, surface) = find(&levels.surface, &flat)?;
            let blame = |e| folding::blame(e, paths(&datasets[k]).first(), &levels.surface);
            check_surface(first, &surface).map_err(blame)?;
            From::Hybrid { levels, surface: Box::new(surface) }
        }
        None => fixed(own).map_err(blame)?,
    };
    let is_pressure = !matches!(from, From::Fixed { is_pressure: false, .. });
    target.in_units(is_pressure)?;
    if args.method == super::options::How::Log
        && target.along == Along::Levels
        && target.values.iter().any(|v| *v <= 0.0)
    {
        return Err(Error::usage("--method log has no place for levels that are not positive"));
    }
    let field = match target.along {
        Along::Levels => None,
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
            Some(Box::new(find(name, &selection)?.1))
        }
        Along::Field => {
            let name = args.coordinate_var.as_deref().unwrap_or_default();
            Some(Box::new(find(name, &selection)?.1))
        }
    };
    if let Some(field) = &field {
        let name = field.variable().name.clone();
        check_together(first, field).map_err(|e| folding::blame(e, files.first(), &name))?;
    }
    let coordinate = coordinate(args, &target, first, (&from, field.as_deref()));
    Ok(Vertical { args, datasets, variables, from, field, target, coordinate })
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
                values: halocline_core::meta::Values::F64(Vec::new()),
                bounds: None,
            };
            target.coordinate(&field.variable().name.clone(), Some(&like), args.is_conservative())
        }
        // Pressures are written in Pa, as targets are.
        (Along::Levels, _, From::Fixed { is_pressure: false, .. }) => {
            target.coordinate(dim, own, args.is_conservative())
        }
        (Along::Theta, ..) => target.coordinate("theta", None, args.is_conservative()),
        _ => target.coordinate("plev", None, args.is_conservative()),
    }
}

fn check_surface(first: &Source, surface: &Source) -> Result<()> {
    let units = surface.variable().units().unwrap_or("Pa");
    if to_pascal(units) != Some(1.0) {
        return Err(Error::data(format!("is in `{units}`, not in Pa")).remedy("convert it first"));
    }
    if align(first.time(), surface.time())? > 0 || surface.time().len() != first.time().len() {
        return Err(Error::data(format!(
            "has {} times, the variable has {}",
            surface.time().len(),
            first.time().len()
        ))
        .remedy("choose common ones with --time"));
    }
    if first.grid().shape() != surface.grid().shape() {
        return Err(Error::data("is on another grid than the variable").remedy("regrid it first"));
    }
    Ok(())
}

/// Levels that are the same everywhere.
fn fixed(own: Option<&Coordinate>) -> Result<From> {
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
    let bounds = own.bounds.as_ref().map(|b| b.values.to_f64()).filter(|b| b.len() == 2 * levels.len());
    let edges = match bounds {
        Some(bounds) => {
            // Bounds may be turned round against the order of levels.
            let turned = levels.len() > 1 && bounds[1] != bounds[2] && bounds[0] == bounds[3];
            let (lower, upper) = if turned { (1, 0) } else { (0, 1) };
            let last = bounds.chunks(2).last().map(|p| p[upper]);
            bounds.chunks(2).map(|p| p[lower]).chain(last).map(|v| v * by).collect()
        }
        None => hybrid::middles(&levels),
    };
    Ok(From::Fixed { levels, edges, is_pressure: scale.is_some() })
}

impl ByItself for Vertical<'_> {
    fn files(&self) -> Vec<PathBuf> {
        self.datasets.iter().flat_map(paths).chain([self.args.output.clone()]).collect()
    }
    fn reads(&self) -> Vec<Alone> {
        let of = |source: &Source| Alone {
            what: format!("columns of {}", source.variable().name),
            bytes: folding::bytes_to_read(source),
            is_first: false,
        };
        self.sources().into_iter().map(of).collect()
    }
    fn output(&self) -> &Path {
        &self.args.output
    }
    fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.write(job).map_err(|e| {
            let name = e.variable.clone().unwrap_or_else(|| self.variables[0].variable().name.clone());
            folding::blame(e, self.datasets.iter().flat_map(paths).next().as_ref(), &name)
        })
    }
}

impl Vertical<'_> {
    /// All that is read.
    fn sources(&self) -> Vec<&Source> {
        let surface = match &self.from {
            From::Hybrid { surface, .. } => Some(&**surface),
            From::Fixed { .. } => None,
        };
        self.variables.iter().chain(surface).chain(self.field.as_deref()).collect()
    }

    fn places(&self) -> String {
        match &self.from {
            From::Fixed { is_pressure: true, .. } => "pressure levels".to_owned(),
            From::Fixed { .. } => "levels".to_owned(),
            From::Hybrid { levels, .. } => format!("hybrid levels over {}", levels.surface),
        }
    }

    /// Where the levels lie of which the targets are values, but for fields.
    fn levels(&self) -> Place<'_> {
        match &self.from {
            From::Fixed { levels, edges, .. } => {
                Place::Fixed { levels: levels.clone(), edges: edges.clone() }
            }
            From::Hybrid { levels, surface } => Place::Hybrid {
                levels: levels.levels.clone(),
                edges: levels.edges.clone(),
                surface: &**surface,
            },
        }
    }

    fn write(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (comm, args) = (job.comm, self.args);
        let rest = job.budget.for_buffers(comm);
        let writing = (rest / 3).min(WRITING);
        let pressure = self.pressure()?;
        let theta = self.theta(pressure.as_ref())?;
        let place = match (self.target.along, &theta, &self.field) {
            (Along::Theta, Some(theta), _) => self.of_field(theta),
            (Along::Field, _, Some(field)) => self.of_field(&**field),
            _ => self.levels(),
        };
        let method = args.how();
        let mut fields: Vec<(String, Leveled<'_>)> = Vec::new();
        let mut wanted: Vec<(&Source, Made)> = self.variables.iter().map(|v| (v, Made::Values)).collect();
        if matches!(method, Method::Layers(Quantity::Intensive)) {
            wanted.extend(self.variables.first().map(|v| (v, Made::Thickness)));
        }
        for (source, made) in wanted {
            let variable = self.variable(source, made);
            let name = variable.name.clone();
            let field = Leveled::new(source, &place, (&self.target.values, method, made), variable)?;
            fields.push((name, field));
        }
        let mut plans = Vec::new();
        for (_, field) in &fields {
            let chunks = default_chunks(&field.variable().shape(), field.variable().dtype.size());
            let plan =
                MapPlan::new(field, &chunks, comm.size(), rayon::current_num_threads(), rest - writing)
                    .map_err(|e| folding::of_budget(e, job.budget, 0))?;
            plans.push((chunks, plan));
        }
        let estimate = plans.iter().map(|(_, plan)| plan.estimate()).max().unwrap_or(0);
        job.verbosity.say(comm, || {
            let resident = halocline_core::budget::resident().unwrap_or(0);
            format!(
                "{} from {} to {}: about {} of memory a rank of {} ({})",
                args.var.join(", "),
                self.places(),
                folding::plural(self.coordinate.values.len(), "level"),
                bytes_text(resident + estimate + writing),
                bytes_text(job.budget.bytes),
                job.budget.origin
            )
        });
        job.tell_notes(&self.sources());
        let mut schema = Schema { attributes: self.global(), ..Schema::new() };
        let first = &self.variables[0];
        let mut pending = schema.add_coordinate(first.time_coordinate())?;
        for dim in first.variable().dims.iter().skip(1).filter(|d| d.role != Role::Level) {
            schema.add_dim(&dim.name, dim.len)?;
        }
        pending.extend(schema.add_coordinate(&self.coordinate)?);
        let grid = first.grid();
        for coordinate in [&grid.lat, &grid.lon].into_iter().flatten().chain(&grid.extra) {
            pending.extend(schema.add_coordinate(coordinate)?);
        }
        for ((name, field), (chunks, _)) in fields.iter().zip(&plans) {
            let variable = field.variable();
            let names = variable.dims.iter().map(|d| d.name.as_str());
            let spec = VariableSpec::data(name, names, variable.dtype).chunks(chunks.clone());
            schema.add_variable(spec.attributes(variable.attributes.clone()));
        }
        let mut file = Output::create(comm, &args.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        let engine = Engine::with_progress(comm, job.progress);
        folding::guarded(comm, &self.sources(), || {
            for ((name, field), (_, plan)) in fields.iter().zip(&plans) {
                engine.map_through(field, plan, &mut AsItIs, &mut |block, values| {
                    let _timer = job.progress.phases.start(Phase::Write);
                    file.write_block(name, block, values)
                })?;
            }
            Ok(())
        })?;
        job.write(|| file.finish_with_report())
    }

    /// A place where values of a field count.
    fn of_field<'b>(&self, field: &'b dyn StreamSource) -> Place<'b> {
        let edges = match &self.from {
            From::Fixed { edges, .. } => edges.clone(),
            // Of a standard surface: layers weigh as they do there.
            From::Hybrid { levels, .. } => levels.edges.iter().map(|[a, b]| a + b * 1e5).collect(),
        };
        Place::Field { field, thickness: edges.windows(2).map(|p| (p[1] - p[0]).abs()).collect() }
    }

    /// The pressure of hybrid levels at every cell, where theta needs it.
    fn pressure(&self) -> Result<Option<Pressure<'_>>> {
        match (&self.from, self.target.along, &self.field) {
            (From::Hybrid { levels, surface }, Along::Theta, Some(field)) => {
                Ok(Some(Pressure { levels: &levels.levels, surface, like: field.variable().clone() }))
            }
            _ => Ok(None),
        }
    }

    /// θ = T (100000 Pa / p)^(R / cp).
    fn theta<'b>(&'b self, pressure: Option<&'b Pressure<'_>>) -> Result<Option<Computed<'b>>> {
        /// R / cp of dry air: two sevenths.
        const KAPPA: f64 = 2.0 / 7.0;
        let (Along::Theta, Some(field)) = (self.target.along, &self.field) else { return Ok(None) };
        let level = field.variable().position(Role::Level).unwrap_or(1);
        let mut inputs: Vec<&dyn StreamSource> = vec![&**field];
        let formula: halocline_algorithms::vertical::Formula<'_> = match (&self.from, pressure) {
            (From::Fixed { levels, .. }, _) => {
                let factors: Vec<f64> = levels.iter().map(|p| (1e5 / p).powf(KAPPA)).collect();
                Box::new(move |v, k| v[0] * factors[k])
            }
            (From::Hybrid { .. }, Some(pressure)) => {
                inputs.push(pressure);
                Box::new(|v, _| v[0] * (1e5 / v[1]).powf(KAPPA))
            }
            _ => return Err(Error::internal("theta without pressure")),
        };
        Computed::new("theta", inputs, level, formula).map(Some)
    }

    fn variable(&self, source: &Source, made: Made) -> Variable {
        let of = source.variable();
        let level = &self.coordinate.variable.dims[0];
        let dims: Vec<Dim> =
            of.dims.iter().map(|d| if d.role == Role::Level { level.clone() } else { d.clone() }).collect();
        let mut attributes = carry::attributes(source);
        if let Some(methods) = of.attributes.text("cell_methods") {
            attributes.set("cell_methods", methods);
        }
        let mut name = of.name.clone();
        let mut dtype = if source.is_single() { DType::F32 } else { DType::F64 };
        if let Some(precision) = self.args.precision {
            dtype = if precision == Precision::Single { DType::F32 } else { DType::F64 };
        }
        if made == Made::Thickness {
            "layer_thickness".clone_into(&mut name);
            let units = match (&self.from, self.target.along) {
                (From::Fixed { is_pressure: false, .. }, _) => hybrid::coordinate(of, source.levels())
                    .and_then(|c| c.variable.units())
                    .unwrap_or("m")
                    .to_owned(),
                _ => "Pa".to_owned(),
            };
            attributes = Attributes::new()
                .with("long_name", "thickness of the parts of layers that values are the mean of")
                .with("units", units);
            dtype = DType::F64;
        }
        carry::refer_to_space(&mut attributes, source);
        let gone: Vec<&str> = source.levels().iter().map(|c| c.variable.name.as_str()).collect();
        if let Some(others) = attributes.text("coordinates").map(str::to_owned) {
            let kept: Vec<&str> = others.split_whitespace().filter(|c| !gone.contains(c)).collect();
            if kept.is_empty() {
                attributes.remove("coordinates");
            } else {
                attributes.set("coordinates", kept.join(" "));
            }
        }
        if self.args.is_conservative() && made == Made::Values {
            let what = if self.args.extensive { "sum" } else { "mean" };
            let before = attributes.text("cell_methods").map(|m| format!("{m} ")).unwrap_or_default();
            attributes.set("cell_methods", format!("{before}{}: {what}", level.name));
        }
        Variable { name, dims, dtype, attributes }
    }

    fn global(&self) -> Attributes {
        let args = self.args;
        let mut attributes = Attributes::new()
            .with("Conventions", "CF-1.8")
            .with("title", format!("{} on other levels", args.var.join(", ")))
            .with("source", format!("halocline {}, vertical", env!("CARGO_PKG_VERSION")))
            .with("halocline_vertical_options", args.describe(&self.places()));
        carry::add_origin(&mut attributes, &self.datasets[0]);
        attributes
    }
}

/// The pressure of hybrid levels, a field like the variable.
struct Pressure<'a> {
    levels: &'a [[f64; 2]],
    surface: &'a Source,
    like: Variable,
}

impl StreamSource for Pressure<'_> {
    fn variable(&self) -> &Variable {
        &self.like
    }
    fn is_single(&self) -> bool {
        false
    }
    fn chunks(&self) -> Vec<usize> {
        vec![1; self.like.dims.len()]
    }
    fn is_divisible(&self) -> bool {
        true
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let NumbersMut::F64(out) = out else { return Err(Error::internal("made of doubles")) };
        let level = self.like.position(Role::Level).unwrap_or(1);
        let mut ranges = block.ranges().to_vec();
        let levels = ranges.remove(level);
        let flat = IndexBox::new(ranges);
        let mut surface = vec![0.0; flat.len()];
        self.surface.read_into(&flat, &mut surface)?;
        let inner: usize = block.shape()[level + 1..].iter().product::<usize>().max(1);
        for (i, out) in out.iter_mut().enumerate() {
            let (cell, at) = (i % inner, i / inner);
            let [a, b] = self.levels[levels.start + at % levels.len().max(1)];
            *out = a + b * surface[at / levels.len().max(1) * inner + cell];
        }
        Ok(())
    }
}

/// Changes nothing: values are made as they are read.
struct AsItIs;

impl StreamMap for AsItIs {
    fn prepare(&mut self, _window: &IndexBox) -> Result<()> {
        Ok(())
    }
    fn apply(&self, _block: &IndexBox, _values: NumbersMut<'_>) -> Result<()> {
        Ok(())
    }
}

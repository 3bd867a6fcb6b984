//! The command as a step: all columns through, window by window.

use super::field::Pressure;
use super::hybrid;
use super::open::{From, Vertical};
use super::options::Precision;
use super::target::Along;
use crate::carry;
use crate::common::{bytes_text, paths};
use crate::folding::{self, FoldJob};
use crate::step::{Alone, ByItself};
use halocline_algorithms::vertical::{Computed, Leveled, Made, Method, Place, Quantity, Search};
use halocline_core::engine::{Engine, MapPlan, NumbersMut, StreamMap, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Dim, Role, Variable};
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::output::{default_chunks, Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;
use std::path::{Path, PathBuf};

/// Bytes that the writer may take, at most.
const WRITING: u64 = 352 << 20;

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
        self.variables
            .iter()
            .chain(surface)
            .chain(self.field.as_deref())
            .chain(self.water.as_ref().map(|w| &*w.0))
            .collect()
    }

    /// As outputs record what was done.
    fn described(&self) -> String {
        let density = self.water.iter().map(|(_, density)| density.describe());
        std::iter::once(self.args.describe(&self.places())).chain(density).collect::<Vec<_>>().join("; ")
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
        let pressure = self.pressure();
        let computed = match &self.water {
            Some(_) => self.sigma()?,
            None => self.theta(pressure.as_ref())?,
        };
        let place = match (self.target.along, &computed, &self.field) {
            (Along::Theta | Along::Sigma(_), Some(computed), _) => self.of_field(computed),
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
            let plan = MapPlan::new(
                field,
                &chunks,
                comm.size(),
                halocline_core::threads::for_plans(),
                rest - writing,
            )
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
        args.compress.apply(&mut schema);
        let mut file = Output::create(comm, &args.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        let engine = Engine::with_progress(comm, job.progress);
        folding::guarded(comm, &self.sources(), || {
            for ((name, field), (_, plan)) in fields.iter().zip(&plans) {
                engine.map_through(field, plan, &mut AsItIs, &mut |block, values| {
                    let _timer = job.progress.phases.start(Phase::Write);
                    file.hand_over(name, block, values)
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
        let thickness = edges.windows(2).map(|p| (p[1] - p[0]).abs()).collect();
        Place::Field { field, thickness, search: self.search() }
    }

    /// Which of the places of a value in an inversion counts: of isopycnals the one nearest to the
    /// surface, of isentropes the one nearest to the ground, wherever levels begin; of other fields the
    /// first in the order of levels.
    fn search(&self) -> Search {
        let ends = |levels: &[f64]| (levels.first().copied(), levels.last().copied());
        let (first, last) = match &self.from {
            From::Fixed { levels, .. } => ends(levels),
            From::Hybrid { levels, .. } => {
                ends(&levels.levels.iter().map(|[a, b]| a + b * 1e5).collect::<Vec<_>>())
            }
        };
        let is_lower = first.map(f64::abs) > last.map(f64::abs);
        match self.target.along {
            Along::Sigma(_) if is_lower => Search::FromLast,
            Along::Theta if !is_lower => Search::FromLast,
            _ => Search::FromFirst,
        }
    }

    /// Potential density of temperature and salinity.
    fn sigma(&self) -> Result<Option<Computed<'_>>> {
        let (Along::Sigma(k), Some(field), Some((salinity, density))) =
            (self.target.along, &self.field, &self.water)
        else {
            return Ok(None);
        };
        let level = field.variable().position(Role::Level).unwrap_or(1);
        let inputs: Vec<&dyn StreamSource> = vec![&**field, &**salinity];
        let formula = Box::new(|v: &[f64], _: usize| density.at(v[0], v[1]));
        Computed::new(&format!("sigma{k}"), inputs, level, formula).map(Some)
    }

    /// The pressure of hybrid levels at every cell, where theta needs it.
    fn pressure(&self) -> Option<Pressure<'_>> {
        match (&self.from, self.target.along, &self.field) {
            (From::Hybrid { levels, surface }, Along::Theta, Some(field)) => {
                Some(Pressure { levels: &levels.levels, surface, like: field.variable().clone() })
            }
            _ => None,
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
            // Of several variables, others may have values in other layers.
            let whose = if self.variables.len() > 1 { format!(", of {}", of.name) } else { String::new() };
            let long_name = format!("thickness of the parts of layers that values are the mean of{whose}");
            attributes = Attributes::new().with("long_name", long_name).with("units", units);
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
            .with("halocline_vertical_options", self.described());
        carry::add_origin(&mut attributes, &self.datasets[0]);
        attributes
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

//! Derivatives and integrals along depth and time: whole lines of cells, batch by batch.

use super::super::output::Precision;
use super::celsius::Zero;
use super::options::{Asked, MeshCalcArgs};
use super::thickness::{lengths, places, Lengths};
use super::what::{Axis, What};
use crate::carry;
use crate::common::{check_output, described};
use crate::folding::{self, FoldJob};
use crate::operands::Operands;
use crate::pairs;
use crate::series::{self, writing_bytes};
use crate::step::Alone;
use halocline_algorithms::calculus::{cumulative, derivative, weighted_sum, Direction, Edge};
use halocline_core::engine::{Series, SeriesResults, SeriesWork};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values};
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;
use std::path::PathBuf;

/// A command along lines, opened.
pub(super) struct Lines<'a> {
    args: &'a MeshCalcArgs,
    what: What,
    operands: Operands,
    /// The variable, and its thickness if that is one.
    sources: Vec<Source>,
    work: LineWork,
}

/// What is done with the lines of a tile.
struct LineWork {
    what: What,
    reduces: Vec<Role>,
    samples: usize,
    places: Vec<f64>,
    lengths: Lengths,
    one_sided: bool,
    zero: Zero,
}

impl<'a> Lines<'a> {
    /// Opens a variable.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn open(job: &FoldJob<'_>, args: &'a MeshCalcArgs, asked: &Asked, axis: Axis) -> Result<Self> {
        let names: Vec<&str> = asked.names.iter().chain(&asked.thickness).map(String::as_str).collect();
        let operands = Operands::open(job.comm, &args.input, job.verbosity, &names)?;
        let files = operands.files();
        check_output(job.comm, &args.output, &[files.clone(), args.grid.files()].concat())?;
        let selection = args.selection.of_all_levels(args.input.io)?;
        let mut sources: Vec<Source> = Vec::new();
        for (k, name) in names.iter().enumerate() {
            let blame = |e| folding::blame(e, files.first(), name);
            let source = operands.dataset(k).source(job.comm, name, &selection)?;
            folding::check_is_data(name, &source).map_err(blame)?;
            if axis == Axis::Time {
                source.needs_time()?;
            }
            if let Some(first) = sources.first() {
                pairs::check_together(first, &source).map_err(blame)?;
            }
            sources.push(source);
        }
        let blame = |e| folding::blame(e, files.first(), names[0]);
        let role = if axis == Axis::Level { Role::Level } else { Role::Time };
        let dims = &sources[0].variable().dims;
        let Some(samples) = dims.iter().find(|d| d.role == role).map(|d| d.len) else {
            return Err(blame(
                Error::data(format!("has no {}", axis.name()))
                    .remedy("choose a variable of several levels, and no --level"),
            ));
        };
        let edge = args.edge.map_or(Edge::Missing, super::options::EdgeChoice::edge);
        if edge == Edge::Zero {
            return Err(Error::usage("--edge zero is of maps").remedy("use --edge nan or one-sided"));
        }
        let is_derivative = matches!(asked.what, What::Derivative(_));
        let (places, lengths) = if is_derivative {
            (places(&sources[0], axis).map_err(blame)?, Lengths::One(Vec::new()))
        } else {
            (Vec::new(), lengths(job, &args.grid, (&operands, &sources), axis).map_err(blame)?)
        };
        let work = LineWork {
            what: asked.what,
            reduces: vec![role],
            samples,
            places,
            lengths,
            one_sided: edge == Edge::OneSided,
            zero: Zero::of(asked, &sources[0]).map_err(blame)?,
        };
        Ok(Self { args, what: asked.what, operands, sources, work })
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        [self.operands.files(), self.args.grid.files(), vec![self.args.output.clone()]].concat()
    }
    pub(super) fn reads(&self) -> Vec<Alone> {
        self.sources.iter().map(|s| Alone::series(&s.variable().name, s, false)).collect()
    }

    /// # Collective
    /// Every rank calls this.
    pub(super) fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let name = &self.sources[0].variable().name;
        self.compute(job).map_err(|e| folding::blame(e, self.operands.files().first(), name))
    }

    fn compute(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (args, first) = (self.args, &self.sources[0]);
        let parts = args.selection.parts(job.comm, &first.variable().dims)?;
        let writing = writing_bytes(job);
        if let Some(note) = self.work.zero.note(&first.variable().name) {
            job.verbosity.say(job.comm, || note);
        }
        let sources: Vec<&Source> = self.sources.iter().collect();
        let reserved = writing + self.work.lengths.bytes();
        let plan = series::plan_together(
            job,
            &first.variable().name,
            &sources,
            &self.work,
            (parts.as_deref(), reserved),
        )?;
        let keeps = self.work.rows()[0] == self.work.samples && !matches!(self.what, What::Integral(_));
        let is_kept = |d: &&Dim| keeps || !self.work.reduces.contains(&d.role);
        let dims: Vec<&Dim> = first.variable().dims.iter().filter(is_kept).collect();
        let mut schema = Schema { attributes: self.global(plan.tiling().rule()), ..Schema::new() };
        let whole;
        let mut pending = if self.what == What::Integral(Axis::Time) {
            whole = pairs::whole_time(first);
            schema.add_coordinate(&whole)?
        } else {
            schema.add_coordinate(first.time_coordinate())?
        };
        let own = self.coordinates(keeps);
        for dim in &dims {
            schema.add_dim(&dim.name, dim.len)?;
        }
        for coordinate in &own {
            pending.extend(schema.add_coordinate(coordinate)?);
        }
        let Some(result) = self.what.results(first).into_iter().next() else {
            return Err(Error::internal("no result"));
        };
        let mut attributes = result.attributes;
        let auxiliary =
            own.iter().filter(|c| c.variable.dims.len() != 1 || c.variable.dims[0].name != c.variable.name);
        let mapping = first.variable().attributes.text("grid_mapping");
        let mut names: Vec<&str> =
            auxiliary.map(|c| c.variable.name.as_str()).filter(|n| Some(*n) != mapping).collect();
        if self.what == What::Integral(Axis::Time) {
            names.push(&first.time_coordinate().variable.name);
        }
        if !names.is_empty() {
            attributes.set("coordinates", names.join(" "));
        }
        let dtype = Precision::dtype(args.precision, first);
        let shape: Vec<usize> = dims.iter().map(|d| d.len).collect();
        let spec = VariableSpec::data(result.name.clone(), dims.iter().map(|d| d.name.as_str()), dtype);
        let spec = spec.compression(args.compress.compression());
        let chunks = if shape.is_empty() { Vec::new() } else { series::chunks(&shape) };
        schema.add_variable(spec.chunks(chunks).attributes(attributes));
        let mut file = Output::create(job.comm, &args.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        series::run_together(job, &sources, &plan, &self.work, &mut |results| {
            let (block, values) = placed(results, keeps);
            let values = if dtype == DType::F32 {
                Values::F32(values.into_iter().map(|v| v as f32).collect())
            } else {
                Values::F64(values)
            };
            let _timer = job.progress.phases.start(Phase::Write);
            file.write_block(&result.name, &block, &values)
        })?;
        job.write(|| file.finish_with_report())
    }

    /// The coordinates that a result has beside time.
    fn coordinates(&self, keeps: bool) -> Vec<&Coordinate> {
        let source = &self.sources[0];
        let grid = source.grid();
        let is_kept =
            |c: &&Coordinate| keeps || c.variable.dims.iter().all(|d| !self.work.reduces.contains(&d.role));
        let all =
            source.levels().iter().chain(&grid.lat).chain(&grid.lon).chain(&grid.extra).chain(source.level());
        all.filter(is_kept).collect()
    }

    fn global(&self, tiling: &str) -> Attributes {
        let (args, command) = (self.args, self.what.command());
        let mut options = vec![format!("operator={command}")];
        if let What::Derivative(axis) | What::Integral(axis) | What::Cumulative(axis, _) = self.what {
            options.push(format!("along={}", axis.name()));
        }
        match self.what {
            What::Derivative(_) => {
                options.push(format!("edge={}", if self.work.one_sided { "one-sided" } else { "nan" }));
            }
            What::Cumulative(_, from_end) => {
                options.push(format!("from={}", if from_end { "end" } else { "start" }));
            }
            _ => {}
        }
        options.extend(self.work.lengths.describe());
        options.extend(self.work.zero.describe());
        options.extend(described(&args.input, &args.selection));
        let mut attributes = Attributes::new()
            .with("Conventions", "CF-1.8")
            .with("title", format!("{command} of {}", self.sources[0].variable().name))
            .with("source", format!("halocline {}, calc {command}", env!("CARGO_PKG_VERSION")))
            .with("halocline_calc_options", options.join("; "))
            .with("halocline_tiling", tiling);
        carry::add_origin(&mut attributes, self.operands.dataset(0));
        attributes
    }
}

/// Where results lie in the output, in its order.
fn placed(results: SeriesResults, keeps: bool) -> (IndexBox, Vec<f64>) {
    let SeriesResults { cells, reduced, values } = results;
    let values = values.into_iter().next().unwrap_or_default();
    if cells.is_empty() {
        let n = reduced.iter().filter(|r| keeps || !**r).count();
        return (IndexBox::new(vec![0..0; n]), Vec::new());
    }
    if !keeps {
        let kept = cells.ranges().iter().zip(&reduced).filter(|(_, r)| !**r).map(|(range, _)| range.clone());
        return (IndexBox::new(kept.collect()), values);
    }
    let axis = reduced.iter().position(|r| *r).unwrap_or(0);
    let lengths: Vec<usize> = cells.shape();
    let (inner, rows): (usize, usize) = (lengths[axis + 1..].iter().product(), lengths[axis]);
    let outer: usize = lengths[..axis].iter().product();
    if outer == 1 {
        return (cells, values);
    }
    let mut sorted = Vec::with_capacity(values.len());
    for o in 0..outer {
        for k in 0..rows {
            let at = k * outer * inner + o * inner;
            sorted.extend_from_slice(&values[at..at + inner]);
        }
    }
    (cells, sorted)
}

impl SeriesWork for LineWork {
    fn reduces(&self) -> &[Role] {
        &self.reduces
    }
    fn rows(&self) -> Vec<usize> {
        vec![if matches!(self.what, What::Integral(_)) { 1 } else { self.samples }]
    }
    fn scratch_per_thread(&self, samples: usize, cells: usize) -> u64 {
        (2 * 8 * samples * cells + 4 * 8 * samples) as u64
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let cells = series.cells();
        let values = gather(series);
        let thickness = if self.lengths.is_variable() { gather(&series.with(1)?) } else { Vec::new() };
        let samples = values.len() / cells.max(1);
        let ground = self.lengths.ground(series.block());
        let (mut line, mut lengths) = (vec![0.0; samples], vec![0.0; samples]);
        for cell in 0..cells {
            (0..samples).for_each(|k| line[k] = values[k * cells + cell] + self.zero.offset);
            match &self.lengths {
                Lengths::One(all) => lengths.clone_from(all),
                Lengths::Cells { values, plane, .. } => {
                    let at = ground(cell);
                    (0..samples).for_each(|k| lengths[k] = values[k * plane + at]);
                }
                Lengths::Variable => (0..samples).for_each(|k| lengths[k] = thickness[k * cells + cell]),
            }
            let made = match self.what {
                What::Derivative(_) => derivative(&line, &self.places, self.one_sided),
                What::Cumulative(_, from_end) => cumulative(
                    &line,
                    &lengths,
                    if from_end { Direction::FromEnd } else { Direction::FromStart },
                ),
                _ => vec![weighted_sum(&line, &lengths)],
            };
            made.into_iter().zip(&mut results[0]).for_each(|(v, row)| row[cell] = v);
        }
        Ok(())
    }
}

/// All samples of all cells, sample after sample.
fn gather(series: &Series<'_>) -> Vec<f64> {
    let cells = series.cells();
    let mut all = Vec::with_capacity(series.samples() * cells);
    series.across(&(0..cells), |_, values| match values {
        halocline_core::engine::Numbers::F32(v) => all.extend(v.iter().map(|v| f64::from(*v))),
        halocline_core::engine::Numbers::F64(v) => all.extend_from_slice(v),
    });
    all
}

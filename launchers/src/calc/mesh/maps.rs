//! Operators on maps: opened, planned, and written map by map.

use super::super::output::{part, room, Precision};
use super::celsius::Zero;
use super::checks::{
    check_pair, check_plane, check_shapes, check_sizes, leading, level_of, room_for_mesh, stands,
};
use super::divided::Divided;
use super::options::{Asked, MeshCalcArgs};
use super::space::Space;
use super::wet::Wet;
use super::what::What;
use super::works::{Recipe, Works};
use crate::common::{bytes_text, check_output};
use crate::folding::{self, plural, FoldJob};
use crate::mesh::{self, FoundMesh};
use crate::operands::Operands;
use crate::pairs;
use crate::series::writing_bytes;
use crate::step::Alone;
use halocline_algorithms::calculus::{Edge, Staggered};
use halocline_core::engine::{Engine, Numbers, NumbersMut, StreamSource, WholeNeeds, WholePlan};
use halocline_core::grid::mesh::{Point, Staggering};
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Dim, Values};
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::output::{default_chunks, Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;
use rayon::prelude::*;
use std::path::PathBuf;

/// How maps go through.
enum Way {
    Whole(Works, WholePlan),
    Divided(Divided),
}

/// A command on maps, opened.
pub(super) struct Maps<'a> {
    pub(super) args: &'a MeshCalcArgs,
    pub(super) asked: Asked,
    pub(super) operands: Operands,
    pub(super) sources: Vec<Source>,
    pub(super) found: FoundMesh,
    pub(super) recipe: Recipe,
    pub(super) wet: Wet,
}

impl<'a> Maps<'a> {
    /// Opens variables and finds their mesh.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn open(job: &FoldJob<'_>, args: &'a MeshCalcArgs, asked: Asked) -> Result<Self> {
        let names: Vec<&str> = asked.names.iter().map(String::as_str).collect();
        let operands = Operands::open(job.comm, &args.input, job.verbosity, &names)?;
        let files = operands.files();
        check_output(job.comm, &args.output, &[files.clone(), args.grid.files()].concat())?;
        let selection = args.selection.of_all_levels(args.input.io)?;
        let mut sources: Vec<Source> = Vec::new();
        for (k, name) in names.iter().enumerate() {
            let dataset = operands.dataset(k);
            let blame =
                |e| folding::blame(e, dataset.files().first().map(|f| PathBuf::from(&f.path)).as_ref(), name);
            let source = dataset.source(job.comm, name, &selection)?;
            folding::check_is_data(name, &source).map_err(blame)?;
            check_plane(&source).map_err(blame)?;
            if let Some(first) = sources.first() {
                check_pair(first, &source).map_err(blame)?;
            }
            sources.push(source);
        }
        let first = &sources[0];
        let blame = |e| folding::blame(e, files.first(), names[0]);
        room_for_mesh(job, first, 0)?;
        let found = mesh::find(job.comm, &args.grid, operands.dataset(0), first.grid()).map_err(blame)?;
        let points: Vec<Option<Point>> = sources.iter().map(|s| found.point_of(s.grid())).collect();
        let is_asked = args.grid.staggering() == Some(Staggering::C);
        let (at, is_staggered) = stands(&asked, &found, &points, is_asked).map_err(blame)?;
        if !is_staggered && sources.len() > 1 {
            pairs::check_together(first, &sources[1])
                .map_err(|e| folding::blame(e, files.last(), names[1]))?;
        }
        let what = asked.what;
        let is_volume =
            matches!(what, What::Divergence | What::Laplacian) && (is_staggered || what == What::Laplacian);
        let edge = match args.edge {
            Some(edge) => edge.edge(),
            None if is_volume => Edge::Zero,
            None => Edge::Missing,
        };
        if edge == Edge::OneSided
            && (is_staggered
                || !matches!(
                    what,
                    What::Gradient | What::Rotated | What::Derivative(_) | What::Divergence | What::Curl
                ))
        {
            return Err(Error::usage("--edge one-sided is of derivatives on an A grid")
                .remedy("use --edge nan or zero"));
        }
        let operators = what.operators(at);
        let mut needed: Vec<Point> =
            operators.iter().flat_map(|o| [o.inputs(), vec![o.output()]].concat()).collect();
        needed.push(at);
        needed.sort_unstable();
        needed.dedup();
        let wet = Wet::read(job.comm, &found, operands.dataset(0), first, &needed).map_err(blame)?;
        let zero = Zero::of(&asked, first).map_err(blame)?;
        let recipe = Recipe { what, at, is_staggered, edge, zero };
        check_sizes(&recipe, &found.mesh).map_err(blame)?;
        check_shapes(&recipe, &found.mesh, &sources).map_err(|e| {
            let name = e.variable.clone().unwrap_or_else(|| names[0].to_owned());
            folding::blame(e, files.last(), &name)
        })?;
        Ok(Self { args, asked, operands, sources, found, recipe, wet })
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        [self.operands.files(), self.args.grid.files(), vec![self.args.output.clone()]].concat()
    }
    pub(super) fn reads(&self) -> Vec<Alone> {
        let of = |source: &Source| Alone {
            what: format!("whole maps of {}", source.variable().name),
            bytes: folding::bytes_to_read(source),
            is_first: false,
        };
        self.sources.iter().map(of).collect()
    }
    fn blame(&self, e: Error) -> Error {
        let name = e.variable.clone().unwrap_or_else(|| self.asked.names[0].clone());
        folding::blame(e, self.operands.files().first(), &name)
    }

    fn spaces(&self) -> Vec<Space> {
        let (mesh, first) = (&self.found.mesh, &self.sources[0]);
        if self.asked.what == What::Area {
            return vec![Space::none()];
        }
        let operators = self.recipe.operators();
        if !self.recipe.is_staggered {
            return operators.iter().map(|_| Space::of_source(first)).collect();
        }
        operators.iter().map(|o| Space::of_point(mesh, o.output(), self.recipe.at, first)).collect()
    }

    /// # Collective
    /// Every rank calls this.
    pub(super) fn all(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        self.compute(job).map_err(|e| self.blame(e))
    }

    fn compute(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (args, first) = (self.args, &self.sources[0]);
        let dtype = if self.asked.what == What::Area && args.precision.is_none() {
            DType::F64
        } else {
            Precision::dtype(args.precision, first)
        };
        let spaces = self.spaces();
        let cells: Vec<usize> = spaces.iter().map(|s| s.dims.iter().map(|d| d.len).product()).collect();
        let writing = writing_bytes(job);
        let way = if let Some(parts) = self.division(job)? {
            Way::Divided(Divided::plan(job, self, parts, dtype)?)
        } else {
            let plan = self.plan(job, cells.iter().sum::<usize>() * (dtype.size() + 8))?;
            Way::Whole(Works::new(&self.found.mesh, &self.recipe), plan)
        };
        self.tell(job, &way, writing);
        let mut schema = Schema { attributes: self.global(), ..Schema::new() };
        let mut pending = schema.add_coordinate(first.time_coordinate())?;
        let results = self.asked.what.results(first);
        let leading = leading(first);
        for (result, space) in results.iter().zip(&spaces) {
            pending.extend(space.add(&mut schema, first)?);
            let dims: Vec<&Dim> = leading.iter().chain(&space.dims).collect();
            let mut attributes = result.attributes.clone();
            space.refer(&mut attributes, first);
            let shape: Vec<usize> = dims.iter().map(|d| d.len).collect();
            let spec = VariableSpec::data(result.name.clone(), dims.iter().map(|d| d.name.as_str()), dtype);
            let spec =
                spec.compression(args.compress.compression()).chunks(default_chunks(&shape, dtype.size()));
            schema.add_variable(spec.attributes(attributes));
        }
        let mut file = Output::create(job.comm, &args.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        let guarded: Vec<&Source> = self.sources.iter().collect();
        let mut sink = |window: &IndexBox, made: Vec<(IndexBox, Values)>| {
            let _timer = job.progress.phases.start(Phase::Write);
            for (result, (ground, values)) in results.iter().zip(made) {
                let front = window.ranges()[..leading.len()].iter();
                let all = front.chain(ground.ranges()).cloned().collect();
                file.write_block(&result.name, &IndexBox::new(all), &values)?;
            }
            Ok(())
        };
        folding::guarded(job.comm, &guarded, || match &way {
            Way::Divided(divided) => divided.run(job, self, &mut sink),
            Way::Whole(works, plan) => {
                let grounds: Vec<IndexBox> = spaces
                    .iter()
                    .map(|s| IndexBox::whole(&s.dims.iter().map(|d| d.len).collect::<Vec<_>>()))
                    .collect();
                let work = |window: &IndexBox, values: &[Numbers<'_>]| {
                    Ok(self.window(works, (dtype, &cells), window, values))
                };
                let sources: Vec<&dyn StreamSource> =
                    self.sources.iter().map(|s| s as &dyn StreamSource).collect();
                let engine = Engine::with_progress(job.comm, job.progress);
                engine.whole_maps(&sources, plan, &work, &mut |window, made| {
                    let ground = |whole: &IndexBox| {
                        let none = || IndexBox::new(vec![0..0; whole.ndim()]);
                        if window.is_empty() {
                            none()
                        } else {
                            whole.clone()
                        }
                    };
                    sink(window, grounds.iter().map(ground).zip(made).collect())
                })
            }
        })?;
        job.write(|| file.finish_with_report())
    }

    /// How maps are divided, if they are: by hand, or as sources whose maps differ in shape have to be.
    ///
    /// # Collective
    /// Every rank calls this.
    fn division(&self, job: &FoldJob<'_>) -> Result<Option<Vec<usize>>> {
        let dims = &self.sources[0].variable().dims;
        let plane = dims.len() - 2;
        let parts = self.args.selection.parts(job.comm, dims)?;
        let differ = self.sources.iter().any(|s| s.grid().shape() != self.sources[0].grid().shape());
        Ok(match parts {
            Some(parts) if differ || parts[plane..] != [1, 1] => Some(parts),
            _ if differ => {
                let mut parts = vec![1; dims.len()];
                let longest = (0..plane).max_by_key(|d| dims[*d].len).unwrap_or(0);
                parts[longest] = job.comm.size();
                Some(parts)
            }
            _ => None,
        })
    }

    /// Windows of whole maps.
    fn plan(&self, job: &FoldJob<'_>, made: usize) -> Result<WholePlan> {
        let room = job.budget.for_buffers(job.comm).saturating_sub(writing_bytes(job));
        let threads = halocline_core::threads::for_plans();
        let cells = self.found.mesh.cells.iter().product::<usize>();
        let (own, each) = Staggered::bytes(cells);
        let count = self.recipe.operators().len().max(1) as u64;
        // What a thread makes of a map, beside its blocks, is another map in double precision.
        let fixed = self.found.mesh.bytes()
            + self.wet.bytes()
            + count * own
            + threads as u64 * (each + 16 * cells as u64);
        let sources: Vec<&dyn StreamSource> = self.sources.iter().map(|s| s as &dyn StreamSource).collect();
        let needs = WholeNeeds { made: made as u64, fixed };
        WholePlan::new(&sources, (job.comm.size(), threads), room, needs)
            .map_err(|e| folding::of_budget(e, job.budget, 0))
    }

    /// Says what is going to be done.
    fn tell(&self, job: &FoldJob<'_>, way: &Way, writing: u64) {
        let maps: usize = leading(&self.sources[0]).iter().map(|d| d.len).product();
        let (estimate, divided) = match way {
            Way::Whole(_, plan) => (plan.estimate(), ""),
            Way::Divided(divided) => (divided.estimate(), "divided "),
        };
        let bytes = halocline_core::budget::resident().unwrap_or(0) + estimate + writing;
        job.verbosity.say(job.comm, || {
            format!(
                "{}: {divided}{} ({}), {} x {}: about {} of memory a rank of {} ({})",
                self.asked.names.join(", "),
                plural(maps, "map"),
                self.about(),
                plural(job.comm.size(), "rank"),
                plural(rayon::current_num_threads(), "thread"),
                bytes_text(bytes),
                bytes_text(job.budget.bytes),
                job.budget.origin
            )
        });
        for line in self.found.mesh.computed.iter().filter(|_| self.found.model != "coordinates") {
            job.verbosity.say(job.comm, || format!("note: computed {line}"));
        }
        for line in self.found.describe() {
            job.verbosity.detail(job.comm, || format!("mesh: {line}"));
        }
        if let Some(note) = self.recipe.zero.note(&self.asked.names[0]) {
            job.verbosity.say(job.comm, || note);
        }
        job.tell_notes(&self.sources.iter().collect::<Vec<_>>());
    }

    /// All results of the maps of a window.
    fn window(
        &self,
        works: &Works,
        (dtype, cells): (DType, &[usize]),
        window: &IndexBox,
        values: &[Numbers<'_>],
    ) -> Vec<Values> {
        let first = &self.sources[0];
        let map: usize = first.grid().dims.iter().map(|d| d.len).product();
        let count = window.len() / map.max(1);
        let made: Vec<Vec<Vec<f64>>> = (0..count)
            .into_par_iter()
            .map_init(Vec::new, |blocks, k| {
                let maps: Vec<Numbers<'_>> = values.iter().map(|v| v.slice(k * map..(k + 1) * map)).collect();
                let level = level_of(first, window, k);
                works.map(&self.recipe, &maps, &|point| self.wet.at(point, level), blocks)
            })
            .collect();
        let mut all: Vec<Values> = cells.iter().map(|n| room(dtype, count * n)).collect();
        for (k, results) in made.into_iter().enumerate() {
            for ((out, n), result) in all.iter_mut().zip(cells).zip(results) {
                match part(out, k * n..(k + 1) * n) {
                    NumbersMut::F32(out) => out.iter_mut().zip(&result).for_each(|(o, v)| *o = *v as f32),
                    NumbersMut::F64(out) => out.copy_from_slice(&result),
                }
            }
        }
        all
    }
}

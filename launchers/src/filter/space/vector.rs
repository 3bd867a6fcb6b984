//! Filters of vectors on C grids: both components together.

use super::on_date;
use super::options::SpaceArgs;
use crate::calc::{self, check_pair, level_of, room, room_for_mesh, Precision, Wet};
use crate::carry;
use crate::common::check_output;
use crate::divided::{reading_bytes, windows, Reader};
use crate::folding::{self, FoldJob};
use crate::mesh::{self, FoundMesh};
use crate::operands::Operands;
use halocline_algorithms::filter::space::{Polynomial, Target, VectorLaplacian, VectorScratch, WetPoints};
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::{Numbers, StreamSource};
use halocline_core::grid::mesh::{Point, Staggering};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Role, Values};
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;
use rayon::prelude::*;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The two components, opened.
pub(crate) struct Vector<'a> {
    args: &'a SpaceArgs,
    operands: Operands,
    pub(super) sources: [Source; 2],
    found: FoundMesh,
    laplacian: VectorLaplacian,
    /// By level of the sources, or one for all.
    wet: Vec<WetPoints>,
    polynomial: Polynomial,
    target: Target,
}

const POINTS: [Point; 2] = [Point::U, Point::V];

impl<'a> Vector<'a> {
    /// Opens both components and finds their mesh.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn open(job: &FoldJob<'_>, args: &'a SpaceArgs, names: [&str; 2]) -> Result<Self> {
        let operands = Operands::open(job.comm, &args.input, job.verbosity, &names)?;
        let files = operands.files();
        check_output(job.comm, &args.output, &[files.clone(), args.grid.files()].concat())?;
        let selection = args.selection.of_all_levels(args.input.io)?;
        let open = |k: usize| {
            let source = operands.dataset(k).source(job.comm, names[k], &selection)?;
            folding::check_is_data(names[k], &source)?;
            Ok(source)
        };
        let blame = |e: Error, k: usize| folding::blame(e, files.get(k).or(files.first()), names[k]);
        let sources = [open(0).map_err(|e| blame(e, 0))?, open(1).map_err(|e| blame(e, 1))?];
        check_pair(&sources[0], &sources[1]).map_err(|e| blame(e, 1))?;
        check_parts(job, args, &sources[0]).map_err(|e| blame(e, 0))?;
        // The mesh, the operator, and masks of each level as they are read and as they are kept.
        let levels = sources[0].variable().dims.iter().find(|d| d.role == Role::Level);
        let masks = 8 * levels.map_or(1, |d| d.len as u64);
        room_for_mesh(job, &sources[0], VectorLaplacian::bytes(1).0 + masks)?;
        let grid = sources[0].grid();
        let found = mesh::find(job.comm, &args.grid, operands.dataset(0), grid).map_err(|e| blame(e, 0))?;
        if found.mesh.staggering != Staggering::C || found.model == "coordinates" {
            return Err(Error::usage("vectors are filtered on C grids, and nothing tells that this is one")
                .remedy("name the mesh with --grid, or filter the components as scalars with --var"));
        }
        for (k, point) in POINTS.into_iter().enumerate() {
            if sources[k].grid().shape()[..] != found.mesh.shape(point)[..] {
                let error = Error::data(format!("has not the shape of the mesh's {} points", point.name()));
                return Err(blame(error.remedy("name the mesh of both components with --grid"), k));
            }
        }
        let masks = Wet::read(job.comm, &found, operands.dataset(0), &sources[0], &Point::ALL)
            .map_err(|e| blame(e, 0))?;
        let laplacian = VectorLaplacian::new(&found.mesh, args.kappas())?;
        let of = |level: usize| laplacian.wet(Point::ALL.map(|point| masks.at(point, level)));
        let wet: Vec<WetPoints> = (0..masks.depth().max(1)).map(of).collect();
        let any = wet[1..].iter().fold(wet[0].clone(), WetPoints::or);
        let target = Target {
            shape: args.shape(),
            scale: args.length(),
            spacing: args.spacing(laplacian.least_spacing(&any))?,
        };
        let polynomial = target.polynomial(args.n_steps.0)?;
        Ok(Self { args, operands, sources, found, laplacian, wet, polynomial, target })
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        [self.operands.files(), self.args.grid.files(), vec![self.args.output.clone()]].concat()
    }

    pub(super) fn output(&self) -> &Path {
        &self.args.output
    }

    /// # Collective
    /// Every rank calls this.
    pub(super) fn write(&self, job: &FoldJob<'_>) -> Result<WriteReport> {
        let (args, comm) = (self.args, job.comm);
        let blame = |e: Error, k: usize| {
            folding::blame(e, self.operands.files().first(), &self.sources[k].variable().name)
        };
        let dtypes = self.sources.each_ref().map(|s| Precision::dtype(args.precision, s));
        let needed = |window: &IndexBox| self.bytes(window, comm.size(), dtypes);
        let windows = windows(job, &self.sources[0], needed).map_err(|e| blame(e, 0))?;
        let [u, v] = self.sources.each_ref().map(|s| &s.variable().name);
        let steps = self.polynomial.steps();
        job.verbosity.say(comm, || {
            let topology = self.found.mesh.topology.describe(self.found.mesh.cells);
            format!("({u}, {v}): {}; C grid of {}, {topology}", args.describe_filter(steps), self.found.model)
        });
        job.tell_notes(&self.sources.iter().collect::<Vec<_>>());
        let mut schema = Schema { attributes: self.global(), ..Schema::new() };
        let mut pending = schema.add_coordinate(self.sources[0].time_coordinate())?;
        pending.extend(carry::add_space(&mut schema, &self.sources[0])?);
        let renamed = renamed(&self.sources).map_err(|e| blame(e, 1))?;
        for dim in self.sources[1].variable().dims.iter().skip(1) {
            schema.add_dim(&dim.name, dim.len)?;
        }
        for (coordinate, _) in &renamed {
            pending.extend(schema.add_coordinate(coordinate)?);
        }
        let compression = args.compress.compression();
        for (source, dtype) in self.sources.iter().zip(dtypes) {
            let variable = source.variable();
            let mut attributes = super::attributes(args, source, steps);
            if source.variable().name == *v {
                let text = attributes.text("coordinates").unwrap_or_default().to_owned();
                let rename = |word: &str| {
                    let found = renamed.iter().find(|(_, before)| before == word);
                    found.map_or(word.to_owned(), |(c, _)| c.variable.name.clone())
                };
                let text: Vec<String> = text.split_whitespace().map(rename).collect();
                if !text.is_empty() {
                    attributes.set("coordinates", text.join(" "));
                }
            }
            // Both have the times of the first.
            let dims = self.sources[0].variable().dims[..1].iter().chain(&variable.dims[1..]);
            let spec = VariableSpec::data(variable.name.clone(), dims.map(|d| d.name.as_str()), dtype);
            let spec = spec.compression(compression).chunks(calc::chunks_like(source, dtype));
            schema.add_variable(spec.attributes(attributes));
        }
        let mut file = Output::create(comm, &args.output, &schema)?;
        file.limit_memory(usize::try_from(crate::series::writing_bytes(job)).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        let guarded: Vec<&Source> = self.sources.iter().collect();
        folding::guarded(comm, &guarded, || self.run(job, &windows, dtypes, &mut file))
            .map_err(|e| blame(e, 0))?;
        job.write(|| file.finish_with_report())
    }

    /// Whose maps are whose: whole ones, along the longest dimension before.
    fn owners(&self, k: usize, window: &IndexBox, ranks: usize) -> Result<(IndexBox, Decomposition)> {
        let dims = &self.sources[k].variable().dims;
        let plane = dims.len() - 2;
        let ground = dims[plane..].iter().map(|d| 0..d.len);
        let own = IndexBox::new(window.ranges()[..plane].iter().cloned().chain(ground).collect());
        let longest = (0..plane).max_by_key(|d| own.range(*d).len()).unwrap_or(0);
        let owners = Decomposition::along(dims, &own, longest, ranks)?;
        Ok((own, owners))
    }

    /// Bytes on the rank that needs most, of a window.
    fn bytes(&self, window: &IndexBox, ranks: usize, dtypes: [DType; 2]) -> Result<u64> {
        let mut most = 0;
        for rank in 0..ranks {
            let mut all = 0;
            for k in [0, 1] {
                let (own, owners) = self.owners(k, window, ranks)?;
                all += reading_bytes(&self.sources[k], &own, (&owners, rank))?;
                all += (8 + 8 + dtypes[k].size()) as u64 * owners.block(rank).len() as u64;
            }
            most = most.max(all);
        }
        let cells = self.found.mesh.cells.map(|n| n + 2).iter().product();
        let (own, each) = VectorLaplacian::bytes(cells);
        let wet: u64 = self.wet.iter().map(WetPoints::bytes).sum();
        Ok(most + self.found.mesh.bytes() + own + wet + each * halocline_core::threads::for_plans() as u64)
    }

    fn run(
        &self,
        job: &FoldJob<'_>,
        windows: &[IndexBox],
        dtypes: [DType; 2],
        file: &mut Output,
    ) -> Result<()> {
        let comm = job.comm;
        job.progress.tiles_total.add(windows.len() as u64);
        let mut own = [Vec::new(), Vec::new()];
        let mut readers = [Reader::<f64>::default(), Reader::default()];
        let mut singles = [Reader::<f32>::default(), Reader::default()];
        for window in windows {
            let mut blocks = Vec::new();
            for k in [0, 1] {
                let source = &self.sources[k];
                let (window, owners) = self.owners(k, window, comm.size())?;
                own[k].clear();
                if StreamSource::is_single(source) {
                    let read = singles[k].load(job, source, &window, &owners)?;
                    own[k].extend(read.iter().map(|v| f64::from(*v)));
                } else {
                    own[k].extend_from_slice(readers[k].load(job, source, &window, &owners)?);
                }
                blocks.push(owners.block(comm.rank()));
            }
            let made = {
                let _timer = job.progress.phases.start(Phase::Compute);
                // In the pool, which this thread is not part of.
                rayon::join(|| self.maps(&blocks[0], &own), || ()).0
            };
            let made = comm.agree(made)?;
            let _timer = job.progress.phases.start(Phase::Write);
            for k in [0, 1] {
                let mut out = room(dtypes[k], own[k].len());
                let values = made.iter().flat_map(|maps| &maps[k]);
                match &mut out {
                    Values::F32(out) => out.iter_mut().zip(values).for_each(|(o, v)| *o = *v as f32),
                    Values::F64(out) => out.iter_mut().zip(values).for_each(|(o, v)| *o = *v),
                    _ => {}
                }
                file.write_block(&self.sources[k].variable().name, &blocks[k], &out)?;
            }
            job.progress.tiles_done.add(1);
        }
        Ok(())
    }

    /// Filters all maps of a block, each in a thread.
    fn maps(&self, block: &IndexBox, own: &[Vec<f64>; 2]) -> Result<Vec<[Vec<f64>; 2]>> {
        let plane = block.ndim() - 2;
        let count: usize = block.ranges()[..plane].iter().map(Range::len).product();
        let levels = (count / block.range(0).len().max(1)).max(1);
        let cells = POINTS.map(|p| self.found.mesh.shape(p).iter().product::<usize>());
        let how = (&self.polynomial, self.args.high_pass);
        let one = |scratch: &mut VectorScratch, map: usize| {
            let of = |k: usize| Numbers::F64(&own[k][map * cells[k]..(map + 1) * cells[k]]);
            let level = level_of(&self.sources[0], block, map).min(self.wet.len() - 1);
            let made = self.laplacian.filter(how, [of(0), of(1)], &self.wet[level], scratch);
            made.map_err(|e| on_date(e, &self.sources[0], block.range(0).start + map / levels))
        };
        let all: Vec<Result<_>> = (0..count).into_par_iter().map_init(VectorScratch::default, one).collect();
        // The error of the first map, whichever thread came first.
        all.into_iter().collect()
    }

    fn global(&self) -> Attributes {
        let (args, target) = (self.args, &self.target);
        let [u, v] = self.sources.each_ref().map(|s| &s.variable().name);
        let [iso, aniso] = args.kappas();
        let exact = format!(
            "kappa_iso={iso}; kappa_aniso={aniso}; n_steps={}; dx_min={}m; topology={}",
            self.polynomial.steps(),
            target.spacing,
            self.found.mesh.topology.name()
        );
        let mut attributes = Attributes::new()
            .with("Conventions", "CF-1.8")
            .with("title", format!("({u}, {v}) filtered in space"))
            .with("source", format!("halocline {}, filter space", env!("CARGO_PKG_VERSION")))
            .with("halocline_filter_options", format!("{}; {exact}", args.describe()))
            .with("earth_radius", args.grid.radius);
        carry::add_origin(&mut attributes, self.operands.dataset(0));
        attributes
    }
}

/// Refuses a decomposition: whole maps are dealt here, and nothing of it would be heeded.
fn check_parts(job: &FoldJob<'_>, args: &SpaceArgs, source: &Source) -> Result<()> {
    match args.selection.parts(job.comm, &source.variable().dims)? {
        Some(parts) if parts.iter().any(|n| *n > 1) => {
            Err(Error::usage("vectors are not filtered in parts of maps or of times that are told by hand")
                .remedy("leave out --decomposition: vectors are dealt as whole maps"))
        }
        _ => Ok(()),
    }
}

/// The coordinates of the second component, with names of their own where the first has others by the
/// same names; and what they were called.
fn renamed(sources: &[Source; 2]) -> Result<Vec<(Coordinate, String)>> {
    let all = |s: &Source| -> Vec<Coordinate> {
        let grid = s.grid();
        s.levels()
            .iter()
            .chain(&grid.lat)
            .chain(&grid.lon)
            .chain(&grid.extra)
            .chain(s.level())
            .cloned()
            .collect()
    };
    let firsts = all(&sources[0]);
    let mut made = Vec::new();
    for mut coordinate in all(&sources[1]) {
        let name = coordinate.variable.name.clone();
        let same =
            |c: &Coordinate| c.values == coordinate.values && c.variable.dims == coordinate.variable.dims;
        let clashes = firsts.iter().any(|c| c.variable.name == name && !same(c));
        if clashes {
            if coordinate.variable.dims.iter().any(|d| d.name == name) {
                return Err(Error::data(format!(
                    "its coordinate `{name}` is not that of the other component"
                ))
                .remedy("give dimensions of different points different names (`ncrename -d`)"));
            }
            coordinate.variable.name = format!("{name}_v");
            if let Some(bounds) = &mut coordinate.bounds {
                bounds.variable.name = format!("{}_v", bounds.variable.name);
            }
        }
        made.push((coordinate, name));
    }
    Ok(made)
}

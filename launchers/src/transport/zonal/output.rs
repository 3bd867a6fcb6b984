//! The file of transports across circles of latitude, written time by time, or of their mean.

use super::made::{Made, Part};
use super::means::Means;
use super::options::{StreamUnits, What};
use super::run::{Finished, Zonal};
use crate::carry;
use crate::folding::FoldJob;
use crate::pairs::whole_time;
use crate::transport::coordinate::{coordinate, methods, names};
use crate::transport::coverage::Coverage;
use crate::transport::pass::{Pass, Whole};
use halocline_algorithms::transport::{Parts, OF_MEANS};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values};
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Pending, Schema, VariableSpec, WriteReport};

/// The file, and what rank 0 keeps until it is done.
pub(super) struct Results {
    file: Output,
    made: Vec<Made>,
    /// Of a mean.
    means: Means,
    /// Which lines are known, by their flow and by what is carried.
    known: [Coverage; 2],
    /// Largest net flux through a line in m³/s, largest lack of the parts, largest total.
    worst: [f64; 3],
}

/// The dimensions behind time: basins, levels, lines.
fn line_dim(of: &Zonal) -> Dim {
    if of.args.bins.is_some() || of.ocean.is_rectilinear {
        Dim::new("lat", of.lat.len(), Role::Y)
    } else {
        Dim::new("y", of.lat.len(), Role::Y)
    }
}

impl Results {
    /// # Collective
    /// Every rank calls this.
    pub(super) fn create(of: &Zonal, job: &FoldJob<'_>, writing: u64) -> Result<Self> {
        let made = Made::all(of);
        let time = times(of);
        let all = coordinates(of);
        let (schema, pending) = define(of, &made, (&time, &all))?;
        let mut file = Output::create(job.comm, &of.args.ocean.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        Ok(Self { file, made, means: Means::default(), known: Default::default(), worst: [0.0; 3] })
    }

    /// Takes in times that are whole, on rank 0, in order; writes what they give, or keeps their sums.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn take(
        &mut self,
        (of, pass): (&Zonal, &Pass<'_>),
        job: &FoldJob<'_>,
        whole: Whole,
    ) -> Result<()> {
        if of.args.mean {
            for (_, sums) in whole {
                self.missing(of, &of.open_faces(pass, &sums));
                self.means.add(pass, &sums);
            }
            return Ok(());
        }
        let mut finished: Vec<(usize, Finished)> =
            whole.into_iter().map(|(t, sums)| (t, of.finish(pass, &sums))).collect();
        for (_, one) in &mut finished {
            self.look(of, one);
        }
        let _timer = job.progress.phases.start(Phase::Write);
        let times = finished.first().map_or(0..0, |(t, _)| *t..*t + finished.len());
        let made: Vec<(String, Part)> = self.made.iter().map(|m| (m.name.clone(), m.part)).collect();
        for (name, part) in made {
            let values: Vec<f64> = finished.iter().flat_map(|(_, one)| values(of, part, one)).collect();
            self.write(of, (&name, part), Some(&times), values)?;
        }
        Ok(())
    }

    /// Whether each basin and line is missing at a time, by its flow and by what is carried.
    fn missing(&mut self, of: &Zonal, open: &[Vec<f64>; 2]) -> [Vec<bool>; 2] {
        let [flow, carried] = &mut self.known;
        let levels = of.ocean.levels();
        let of_carried = if open[1].is_empty() { Vec::new() } else { carried.missing(&open[1], levels) };
        [flow.missing(&open[0], levels), of_carried]
    }

    /// Marks what is missing, and keeps what is to be told in the end.
    fn look(&mut self, of: &Zonal, one: &mut Finished) {
        let lines = of.lat.len();
        let each = one.psi.len() / of.basins().max(1);
        let missing = self.missing(of, &one.open);
        for (k, psi) in one.psi.iter_mut().enumerate() {
            if missing[0][k / each * lines + k % lines] {
                *psi = f64::NAN;
            }
        }
        let parts = one.parts.iter_mut().zip(&missing[1]);
        parts.filter(|(_, missing)| **missing).for_each(|(parts, _)| *parts = Parts::missing());
        // Of all of the ocean: part of it need not be closed.
        let surface = one.psi.chunks_exact(each.max(1)).take(1).flat_map(|basin| &basin[..lines]);
        self.worst[0] = surface.fold(self.worst[0], |w, psi| w.max(psi.abs()));
        self.lacks(&one.parts);
    }
    fn lacks(&mut self, parts: &[Parts]) {
        for parts in parts {
            self.worst[1] = self.worst[1].max(parts.closure().abs());
            self.worst[2] = self.worst[2].max(parts.total.abs());
        }
    }

    /// Writes means: `along` are the sums over all times along lines.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn write_mean(
        &mut self,
        (of, pass): (&Zonal, &Pass<'_>),
        job: &FoldJob<'_>,
        along: Option<&[f64]>,
    ) -> Result<()> {
        let mut finished = None;
        if job.comm.is_root() {
            let mut mean = of.finish(pass, &self.means.means(pass));
            if let Some(along) = along {
                let (lines, order) = (of.lat.len(), of.ocean.order());
                for (k, parts) in mean.parts.iter_mut().enumerate() {
                    let of_level = |(&level, all): (&usize, &[f64])| {
                        let place = (level, k % lines, k / lines);
                        self.means.of_faces(place, pass, &all[k * OF_MEANS..(k + 1) * OF_MEANS])
                    };
                    let each = of.basins() * lines * OF_MEANS;
                    let levels: Vec<_> = order.iter().zip(along.chunks_exact(each)).map(of_level).collect();
                    *parts = Parts::of_means(parts.total, levels.iter().map(<[f64; OF_MEANS]>::as_slice));
                }
            }
            // What is known of times stays: a mean has all that they have.
            let known = std::mem::take(&mut self.known);
            self.look(of, &mut mean);
            self.known = known;
            finished = Some(mean);
        }
        let made: Vec<(String, Part)> = self.made.iter().map(|m| (m.name.clone(), m.part)).collect();
        for (name, part) in made {
            let values = finished.as_ref().map_or_else(Vec::new, |one| values(of, part, one));
            self.write(of, (&name, part), None, values)?;
        }
        Ok(())
    }

    fn write(
        &mut self,
        of: &Zonal,
        (name, part): (&str, Part),
        times: Option<&std::ops::Range<usize>>,
        values: Vec<f64>,
    ) -> Result<()> {
        let is_empty = values.is_empty();
        let full = |n: usize| if is_empty { 0..0 } else { 0..n };
        let mut ranges: Vec<_> = times.into_iter().cloned().collect();
        ranges.push(full(of.basins()));
        if part == Part::Stream {
            ranges.push(full(interfaces(of).len()));
        }
        ranges.push(full(of.lat.len()));
        self.file.write_block(name, &IndexBox::new(ranges), &Values::F64(values))
    }

    /// # Collective
    /// Every rank calls this.
    pub(super) fn finish(self, of: &Zonal, job: &FoldJob<'_>) -> Result<WriteReport> {
        let [net, lack, total] = self.worst;
        if of.args.mean && job.comm.is_root() && self.means.is_empty() {
            return Err(Error::internal("no time has come"));
        }
        job.verbosity.say(job.comm, || {
            format!("closure at the surface: at most {:.3e} Sv through a line", net * 1e-6)
        });
        let ocean = &of.ocean;
        let tracer = ocean.tracers.first().copied().unwrap_or(0);
        let all = self.known.iter().zip([0, tracer]);
        let all = all.flat_map(|(known, k)| known.notes(&ocean.sources[k].variable().name));
        all.for_each(|note| job.verbosity.say(job.comm, || format!("note: {note}")));
        if of.has_parts() {
            job.verbosity.say(job.comm, || {
                let share = if total > 0.0 { lack / total } else { 0.0 };
                format!(
                    "closure of the parts: they differ from the total by at most {share:.1e} of the largest"
                )
            });
        }
        job.write(|| self.file.finish_with_report())
    }
}

/// The times of the file, or the time of the mean.
pub(super) fn times(of: &Zonal) -> Coordinate {
    let source = &of.ocean.sources[0];
    if of.args.mean {
        whole_time(source)
    } else {
        source.time_coordinate().clone()
    }
}

/// Basins, levels, latitudes of lines.
pub(super) fn coordinates(of: &Zonal) -> [Coordinate; 3] {
    let all =
        std::iter::once("global".to_owned()).chain(of.ocean.basins.iter().map(|(name, _)| name.clone()));
    let basins = names("basin", "part of the ocean", all.collect());
    let line = line_dim(of);
    let mut about = Attributes::new().with("standard_name", "latitude").with("units", "degrees_north");
    if line.name == "y" {
        about.set("long_name", "mean latitude of the row of the model");
    } else {
        about.set("axis", "Y");
    }
    let lats = coordinate("lat", &line, Values::F64(of.lat.clone()), about);
    [basins, vertical(of), lats]
}

/// The file: its variables, and the values of coordinates.
pub(super) fn define<'a>(
    of: &Zonal,
    made: &[Made],
    (time, others): (&'a Coordinate, &'a [Coordinate; 3]),
) -> Result<(Schema, Vec<Pending<'a>>)> {
    let mut schema = Schema { attributes: global(of), ..Schema::new() };
    let [basins, levels, _] = others;
    let (basin, lev) = (basins.variable.dims[0].clone(), levels.variable.dims[0].clone());
    let line = line_dim(of);
    let mut pending = schema.add_coordinate(time)?;
    for c in others {
        pending.extend(schema.add_coordinate(c)?);
    }
    for one in made {
        let mut dims: Vec<&str> = time.variable.dims.iter().map(|d| d.name.as_str()).collect();
        let mut chunks: Vec<usize> = dims.iter().map(|_| 1).collect();
        dims.push("basin");
        chunks.push(basin.len);
        if one.part == Part::Stream {
            dims.push(&lev.name);
            chunks.push(lev.len);
        }
        dims.push(&line.name);
        chunks.push(line.len);
        let mut attributes = one.attributes.clone();
        if let Some(methods) = methods(&of.ocean, of.args.mean) {
            attributes.set("cell_methods", methods);
        }
        let mut auxiliary: Vec<&str> = Vec::new();
        if line.name == "y" {
            auxiliary.push("lat");
        }
        if time.variable.dims.is_empty() {
            auxiliary.push(&time.variable.name);
        }
        if !auxiliary.is_empty() {
            attributes.set("coordinates", auxiliary.join(" "));
        }
        let spec = VariableSpec::data(&one.name, dims, DType::F64).chunks(chunks);
        schema.add_variable(spec.attributes(attributes));
    }
    Ok((schema, pending))
}

/// Where the streamfunction is, as a coordinate.
fn vertical(of: &Zonal) -> Coordinate {
    let at = interfaces(of);
    if let Some(classes) = &of.classes {
        let about = Attributes::new()
            .with(
                "long_name",
                format!("{}, edges of classes: potential density less 1000 kg m-3", classes.name),
            )
            .with("units", "kg m-3")
            .with("positive", "down")
            .with("axis", "Z")
            .with("comment", format!("of {}", classes.note));
        return coordinate("rho", &Dim::new("rho", at.len(), Role::Level), Values::F64(at), about);
    }
    let about = Attributes::new()
        .with("standard_name", "depth")
        .with("long_name", "depth of the interfaces of levels")
        .with("units", "m")
        .with("positive", "down")
        .with("axis", "Z");
    coordinate("lev", &Dim::new("lev", at.len(), Role::Level), Values::F64(at), about)
}

/// Depths or densities at which the streamfunction is written.
pub(super) fn interfaces(of: &Zonal) -> Vec<f64> {
    let all = of.interfaces();
    // CDFTOOLS has it at the tops of cells.
    all[..all.len() - usize::from(of.args.is_cdfmoc())].to_vec()
}

/// The values of a variable at one time.
fn values(of: &Zonal, part: Part, one: &Finished) -> Vec<f64> {
    let density = of.args.density();
    if part == Part::Stream {
        let factor = match of.args.stream_units() {
            StreamUnits::Mass => density,
            StreamUnits::Sverdrup => 1e-6,
        };
        let (own, all) = (interfaces(of).len(), of.interfaces().len());
        let lines = of.lat.len();
        let basins = one.psi.chunks_exact(all * lines);
        return basins.flat_map(|psi| psi[..own * lines].iter().map(|p| p * factor)).collect();
    }
    let scaled = |parts: &Parts| match of.what {
        What::Heat(cp) => parts.times(density * cp),
        What::Freshwater(reference) => parts.to_fresh_water(reference).times(density),
        What::Salt | What::Water => parts.times(density * 1e-3),
    };
    let pick = |parts: Parts| match part {
        Part::Overturning => parts.overturning,
        Part::Gyre => parts.gyre,
        Part::Eddy => parts.eddy,
        Part::Total | Part::Stream => parts.total,
    };
    one.parts.iter().map(|parts| pick(scaled(parts))).collect()
}

fn global(of: &Zonal) -> Attributes {
    let (title, constants) = match of.what {
        What::Water => ("Overturning of the ocean", None),
        What::Heat(cp) => ("Heat transport of the ocean", Some(format!("cp={cp}"))),
        What::Salt => ("Salt transport of the ocean", None),
        What::Freshwater(s) => ("Freshwater transport of the ocean", Some(format!("reference={s}"))),
    };
    let options: Vec<String> = of.options(constants);
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", title)
        .with("source", format!("halocline {}, transport", env!("CARGO_PKG_VERSION")))
        .with("halocline_transport_options", options.join("; "))
        .with("halocline_transport_inputs", of.ocean.described());
    carry::add_origin(&mut attributes, &of.ocean.dataset);
    attributes
}

//! The file of transports across circles of latitude, written time by time, or of their mean.

use super::options::{StreamUnits, What};
use super::run::{Finished, Zonal};
use crate::carry;
use crate::folding::FoldJob;
use crate::pairs::whole_time;
use crate::transport::coordinate::{coordinate, methods, names};
use crate::transport::coverage::Coverage;
use halocline_algorithms::transport::{Parts, OF_MEANS};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values};
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};

/// A part of what is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Stream,
    Total,
    Overturning,
    Gyre,
    Eddy,
}

/// A variable of the result.
pub(super) struct Made {
    part: Part,
    name: String,
    attributes: Attributes,
}

impl Made {
    pub(super) fn all(of: &Zonal) -> Vec<Self> {
        let by_rows = of.args.bins.is_none() && !of.ocean.is_rectilinear;
        let (units, mass) = match of.args.stream_units() {
            StreamUnits::Mass => ("kg s-1", "_mass"),
            StreamUnits::Sverdrup => ("Sv", ""),
        };
        let (name, along) = match (by_rows, of.classes.is_some()) {
            (true, false) => ("msftyz", "y"),
            (false, false) => ("msftmz", "meridional"),
            (true, true) => ("msftyrho", "y"),
            (false, true) => ("msftmrho", "meridional"),
        };
        let (long, bottom) = match &of.classes {
            None => ("overturning streamfunction in depth".to_owned(), "bottom"),
            Some(classes) => (format!("overturning streamfunction in {}", classes.name), "densest class"),
        };
        let mut all = vec![Self {
            part: Part::Stream,
            name: name.to_owned(),
            attributes: Attributes::new()
                .with("standard_name", format!("ocean_{along}_overturning{mass}_streamfunction"))
                .with("long_name", long)
                .with("units", units)
                .with("comment", format!("0 at the {bottom}, positive clockwise seen from the east (northward above); at the other end minus the net flux")),
        }];
        let (name, standard, units, text) = match of.what {
            What::Water => return all,
            What::Heat(_) => ("hfbasin", "northward_ocean_heat_transport", "W", "heat"),
            What::Salt => ("sltbasin", "northward_ocean_salt_transport", "kg s-1", "salt"),
            What::Freshwater(_) => {
                ("fwbasin", "northward_ocean_freshwater_transport", "kg s-1", "fresh water")
            }
        };
        let parts = [
            (Part::Total, "", "all of it"),
            (Part::Overturning, "_overturning", "flow through each level times the mean over it"),
            (Part::Gyre, "_gyre", "departures from the mean over each level"),
            (Part::Eddy, "_eddy", "departures from the mean over time"),
        ];
        for (part, ending, comment) in parts {
            if part != Part::Total && !of.has_parts() || part == Part::Eddy && !of.args.mean {
                continue;
            }
            let mut attributes = Attributes::new();
            if part == Part::Total {
                attributes.set("standard_name", standard);
            }
            let kind = ending.trim_start_matches('_');
            let long = format!(
                "northward transport of {text}{}",
                if kind.is_empty() { String::new() } else { format!(", {kind} part") }
            );
            attributes.set("long_name", long);
            attributes.set("units", units);
            attributes.set("comment", comment);
            all.push(Self { part, name: format!("{name}{ending}"), attributes });
        }
        all
    }
}

/// The file, and what rank 0 keeps until it is done.
pub(super) struct Results {
    file: Output,
    made: Vec<Made>,
    /// Sums over times of the streamfunction and of totals, of a mean, and how many times there are of
    /// each line.
    psi: Sums,
    totals: Sums,
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
        let source = &of.ocean.sources[0];
        let mut schema = Schema { attributes: global(of), ..Schema::new() };
        let time = if of.args.mean { whole_time(source) } else { source.time_coordinate().clone() };
        let all =
            std::iter::once("global".to_owned()).chain(of.ocean.basins.iter().map(|(name, _)| name.clone()));
        let basins = names("basin", "part of the ocean", all.collect());
        let basin = basins.variable.dims[0].clone();
        let levels = vertical(of);
        let lev = levels.variable.dims[0].clone();
        let line = line_dim(of);
        let mut about = Attributes::new().with("standard_name", "latitude").with("units", "degrees_north");
        if line.name == "y" {
            about.set("long_name", "mean latitude of the row of the model");
        } else {
            about.set("axis", "Y");
        }
        let lats = coordinate("lat", &line, Values::F64(of.lat.clone()), about);
        let mut pending = schema.add_coordinate(&time)?;
        for c in [&basins, &levels, &lats] {
            pending.extend(schema.add_coordinate(c)?);
        }
        for one in &made {
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
        let mut file = Output::create(job.comm, &of.args.ocean.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        let (psi, totals, known) = (Sums::default(), Sums::default(), Default::default());
        Ok(Self { file, made, psi, totals, known, worst: [0.0; 3] })
    }

    /// Takes in times that are finished, on rank 0, in order; writes them, or keeps their sums.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn take(
        &mut self,
        of: &Zonal,
        job: &FoldJob<'_>,
        mut finished: Vec<(usize, Finished)>,
    ) -> Result<()> {
        for (_, one) in &mut finished {
            self.look(of, one);
        }
        if of.args.mean {
            let lines = of.lat.len();
            for (_, one) in finished {
                let each = one.psi.len() / of.basins().max(1);
                self.psi.add(&one.psi, |k| k / each * lines + k % lines);
                let totals: Vec<f64> = one.parts.iter().map(|p| p.total).collect();
                self.totals.add(&totals, |k| k);
            }
            return Ok(());
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

    /// Marks what is missing, and keeps what is to be told in the end.
    fn look(&mut self, of: &Zonal, one: &mut Finished) {
        let lines = of.lat.len();
        let each = one.psi.len() / of.basins().max(1);
        let [flow, carried] = &mut self.known;
        let missing = flow.missing(&one.open[0], of.ocean.levels());
        for (k, psi) in one.psi.iter_mut().enumerate() {
            if missing[k / each * lines + k % lines] {
                *psi = f64::NAN;
            }
        }
        if !one.open[1].is_empty() {
            let missing = carried.missing(&one.open[1], of.ocean.levels());
            one.parts
                .iter_mut()
                .zip(missing)
                .filter(|(_, m)| *m)
                .for_each(|(parts, _)| *parts = Parts::missing());
        }
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

    /// Writes means: `along` are the sums along lines of means over time.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn write_mean(&mut self, of: &Zonal, job: &FoldJob<'_>, along: Option<&[f64]>) -> Result<()> {
        let mut finished = None;
        if job.comm.is_root() {
            let lines = of.lat.len();
            let each = self.psi.sums.len() / of.basins().max(1);
            let psi = self.psi.means(|k| k / each.max(1) * lines + k % lines);
            let totals = self.totals.means(|k| k);
            let parts: Vec<Parts> = match along {
                None => totals.iter().map(|&total| Parts { total, ..Parts::default() }).collect(),
                Some(along) => {
                    let each = totals.len() * OF_MEANS;
                    let of_line = |(k, total): (usize, &f64)| {
                        let n = self.totals.counts[k];
                        if n == 0.0 {
                            return Parts::missing();
                        }
                        let of_level = |all: &[f64]| -> [f64; OF_MEANS] {
                            std::array::from_fn(|s| all[k * OF_MEANS + s] / n)
                        };
                        let levels: Vec<[f64; OF_MEANS]> = along.chunks_exact(each).map(of_level).collect();
                        Parts::of_means(*total, levels.iter().map(<[f64; OF_MEANS]>::as_slice))
                    };
                    totals.iter().enumerate().map(of_line).collect()
                }
            };
            if along.is_some() {
                self.worst[1] = 0.0;
                self.lacks(&parts);
            }
            finished = Some(Finished { psi, parts, open: Default::default() });
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
        if of.args.mean && job.comm.is_root() && self.psi.sums.is_empty() {
            return Err(Error::internal("no time has come"));
        }
        job.verbosity.say(job.comm, || {
            format!("closure at the surface: at most {:.3e} Sv through a line", net * 1e-6)
        });
        let all = self.known.iter().flat_map(Coverage::notes);
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

/// Sums over times of what is there, and how many times there are.
#[derive(Debug, Default)]
struct Sums {
    sums: Vec<f64>,
    counts: Vec<f64>,
}

impl Sums {
    /// Adds a time; value `k` belongs to the line `line(k)`, which is there or missing as a whole.
    fn add(&mut self, values: &[f64], line: impl Fn(usize) -> usize) {
        self.sums.resize(values.len(), 0.0);
        let lines = (0..values.len()).map(&line).max().map_or(0, |k| k + 1);
        self.counts.resize(lines, 0.0);
        let mut counted = vec![false; lines];
        for (k, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            self.sums[k] += value;
            if !std::mem::replace(&mut counted[line(k)], true) {
                self.counts[line(k)] += 1.0;
            }
        }
    }
    /// Means; missing where there is no time.
    fn means(&self, line: impl Fn(usize) -> usize) -> Vec<f64> {
        let mean = |(k, sum): (usize, &f64)| {
            let n = self.counts[line(k)];
            if n > 0.0 {
                sum / n
            } else {
                f64::NAN
            }
        };
        self.sums.iter().enumerate().map(mean).collect()
    }
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
fn interfaces(of: &Zonal) -> Vec<f64> {
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

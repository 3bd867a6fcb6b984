//! The file of implied transports, written time by time, or of their mean.

use super::run::{Finished, Implied};
use super::Residual;
use crate::carry;
use crate::folding::FoldJob;
use crate::pairs::whole_time;
use crate::transport::coordinate::{coordinate, names};
use halocline_algorithms::transport::Side;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Dim, Role, Values};
use halocline_core::progress::Phase;
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};

const NAME: &str = "hfbasin";
const RESIDUAL: &str = "heat_gain";

/// The file, and what rank 0 keeps until it is done.
pub(super) struct Results {
    file: Output,
    /// Sums over times of what strips gain, of a mean.
    sums: Vec<f64>,
    /// Sums over times of what the whole gains in W, of its area, and how many times there were.
    whole: [f64; 3],
}

impl Results {
    /// # Collective
    /// Every rank calls this.
    pub(super) fn create(of: &Implied, job: &FoldJob<'_>, writing: u64) -> Result<Self> {
        let source = &of.source;
        let mut schema = Schema { attributes: global(of), ..Schema::new() };
        let time = if of.args.mean { whole_time(source) } else { source.time_coordinate().clone() };
        let all = std::iter::once("global".to_owned()).chain(of.basins.iter().map(|(name, _)| name.clone()));
        let basins = names("basin", "part of the ocean", all.collect());
        let line = Dim::new(if of.is_circles { "lat" } else { "y" }, of.lines.len(), Role::Y);
        let mut about = Attributes::new().with("standard_name", "latitude").with("units", "degrees_north");
        if of.is_circles {
            about.set("axis", "Y");
        } else {
            about.set("long_name", "latitude between the rows of the model");
        }
        let lats = coordinate("lat", &line, Values::F64(of.lines.clone()), about);
        let mut pending = schema.add_coordinate(&time)?;
        pending.extend(schema.add_coordinate(&basins)?);
        pending.extend(schema.add_coordinate(&lats)?);
        let times: Vec<&str> = time.variable.dims.iter().map(|d| d.name.as_str()).collect();
        let end = if of.args.side() == Side::South { "southern" } else { "northern" };
        let mut variable = |name: &str, own: &[&str], mut attributes: Attributes| {
            let dims = [&times[..], own].concat();
            let of_dim = |d: &&str| if *d == line.name { line.len } else { basins.variable.dims[0].len };
            let chunks: Vec<usize> = times.iter().map(|_| 1).chain(own.iter().map(of_dim)).collect();
            if of.args.mean {
                attributes.set("cell_methods", format!("{}: mean", source.time_name()));
            }
            let mut auxiliary: Vec<&str> = Vec::new();
            auxiliary.extend((!of.is_circles && !own.is_empty()).then_some("lat"));
            auxiliary.extend(times.is_empty().then_some(time.variable.name.as_str()));
            if !auxiliary.is_empty() {
                attributes.set("coordinates", auxiliary.join(" "));
            }
            let spec = VariableSpec::data(name, dims, DType::F64).attributes(attributes);
            schema.add_variable(if own.is_empty() { spec } else { spec.chunks(chunks) });
        };
        let attributes = Attributes::new()
            .with("standard_name", "northward_ocean_heat_transport")
            .with("long_name", "northward transport of heat that surface fluxes imply")
            .with("units", "W")
            .with("comment", format!("0 at the {end} end, of an ocean that keeps its heat"));
        variable(NAME, &["basin", &line.name], attributes);
        let attributes = Attributes::new()
            .with("long_name", "heat that the whole ocean gains: the residual")
            .with("units", "W");
        variable(RESIDUAL, &[], attributes);
        let mut file = Output::create(job.comm, &of.args.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        Ok(Self { file, sums: Vec::new(), whole: [0.0; 3] })
    }

    /// Takes in the sums of times that are there, on rank 0, in order; writes what they give, or keeps
    /// them.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn take(
        &mut self,
        of: &Implied,
        job: &FoldJob<'_>,
        times: &[(usize, Vec<f64>)],
    ) -> Result<()> {
        let range = times.first().map_or(0..0, |(t, _)| *t..*t + times.len());
        let mut finished = Vec::new();
        for (_, sums) in times {
            let one = of.finish(sums);
            self.whole = [self.whole[0] + one.whole[0], self.whole[1] + one.whole[1], self.whole[2] + 1.0];
            if of.args.mean {
                self.sums.resize(sums.len(), 0.0);
                self.sums.iter_mut().zip(sums).for_each(|(sum, value)| *sum += value);
            } else {
                finished.push(one);
            }
        }
        if of.args.mean {
            return Ok(());
        }
        let _timer = job.progress.phases.start(Phase::Write);
        self.write(of, Some(range), &finished)
    }

    fn write(
        &mut self,
        of: &Implied,
        times: Option<std::ops::Range<usize>>,
        finished: &[Finished],
    ) -> Result<()> {
        let full = |n: usize| if finished.is_empty() { 0..0 } else { 0..n };
        let values = finished.iter().flat_map(|one| one.transport.iter().copied()).collect();
        let mut ranges: Vec<_> = times.clone().into_iter().collect();
        ranges.extend([full(of.basins()), full(of.lines.len())]);
        self.file.write_block(NAME, &IndexBox::new(ranges), &Values::F64(values))?;
        let Some(times) = times else { return Ok(()) };
        let values: Vec<f64> = finished.iter().map(|one| one.whole[0]).collect();
        self.file.write_block(RESIDUAL, &IndexBox::new(vec![times]), &Values::F64(values))
    }

    /// # Collective
    /// Every rank calls this.
    pub(super) fn finish(mut self, of: &Implied, job: &FoldJob<'_>) -> Result<WriteReport> {
        let [heat, area, count] = self.whole;
        if of.args.mean {
            let mut finished = Vec::new();
            if job.comm.is_root() {
                if self.sums.is_empty() {
                    return Err(Error::internal("no time has come"));
                }
                let mean: Vec<f64> = self.sums.iter().map(|sum| sum / count).collect();
                finished.push(of.finish(&mean));
            }
            self.write(of, None, &finished)?;
            // The same on all ranks, as what is written whole must be.
            let whole = job.comm.on_root(|| Ok(finished[0].whole[0]))?;
            self.file.write_whole(RESIDUAL, &Values::F64(vec![whole]))?;
        }
        job.verbosity.say(job.comm, || {
            let (heat, flux) = (heat / count.max(1.0), if area > 0.0 { heat / area } else { 0.0 });
            let kept = if of.args.residual == Residual::Spread { "taken off everywhere" } else { "kept" };
            format!("residual: the ocean gains {:.3} PW, {flux:.3} W m-2 ({kept})", heat * 1e-15)
        });
        job.write(|| self.file.finish_with_report())
    }
}

fn global(of: &Implied) -> Attributes {
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", "Heat transport of the ocean implied by surface fluxes")
        .with("source", format!("halocline {}, transport", env!("CARGO_PKG_VERSION")))
        .with("halocline_transport_options", of.args.describe().join("; "))
        .with("halocline_transport_inputs", of.described());
    carry::add_origin(&mut attributes, &of.dataset);
    attributes
}

//! The file of implied transports, written time by time, or of their mean.

use super::run::{Finished, Implied};
use super::Residual;
use crate::carry;
use crate::folding::FoldJob;
use crate::pairs::whole_time;
use crate::transport::coordinate::{coordinate, names};
use crate::transport::coverage::Coverage;
use halocline_algorithms::transport::{Side, OF_STRIP};
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
    /// Sums over times of what strips gain, of a mean, and at how many times each has values.
    sums: Vec<f64>,
    counts: Vec<f64>,
    /// Sums over times of what the whole gains in W, of its area, and at how many times it is known.
    whole: [f64; 3],
    /// Which basins are known, by the areas of strips that have values.
    known: Coverage,
    /// Whether fluxes of 0 have been taken as land.
    has_zeros: bool,
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
        let (sums, counts, known) = (Vec::new(), Vec::new(), Coverage::default());
        Ok(Self { file, sums, counts, whole: [0.0; 3], known, has_zeros: false })
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
            let there: Vec<f64> = sums.chunks_exact(OF_STRIP).map(|s| s[2]).collect();
            let missing = self.known.missing(&there, of.strips());
            self.has_zeros |= sums.chunks_exact(OF_STRIP).any(|s| s[1] < s[2]);
            if of.args.mean {
                self.sums.resize(sums.len(), 0.0);
                self.counts.resize(there.len(), 0.0);
                self.sums.iter_mut().zip(sums).for_each(|(sum, value)| *sum += value);
                self.counts.iter_mut().zip(&there).for_each(|(n, area)| *n += f64::from(*area > 0.0));
                continue;
            }
            let mut one = of.finish(sums);
            self.look(of, &mut one, &missing);
            finished.push(one);
        }
        if of.args.mean {
            return Ok(());
        }
        let _timer = job.progress.phases.start(Phase::Write);
        self.write(of, Some(range), &finished)
    }

    /// Marks what is missing, and keeps what is to be told in the end.
    fn look(&mut self, of: &Implied, one: &mut Finished, missing: &[bool]) {
        // What is spread is of the whole.
        let all = missing[0] && of.args.residual == Residual::Spread;
        for (transport, missing) in one.transport.chunks_exact_mut(of.lines.len()).zip(missing) {
            if *missing || all {
                transport.fill(f64::NAN);
            }
        }
        if missing[0] {
            one.whole[0] = f64::NAN;
        } else {
            self.whole = [self.whole[0] + one.whole[0], self.whole[1] + one.whole[1], self.whole[2] + 1.0];
        }
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
        if of.args.mean {
            let mut finished = Vec::new();
            if job.comm.is_root() {
                if self.sums.is_empty() {
                    return Err(Error::internal("no time has come"));
                }
                // Each strip has the times at which it is there; the whole has no value if none has.
                let mean = |(k, sum): (usize, &f64)| sum / self.counts[k / OF_STRIP].max(1.0);
                let mean: Vec<f64> = self.sums.iter().enumerate().map(mean).collect();
                let missing = Coverage::default().missing(&self.counts, of.strips());
                let mut mean = of.finish(&mean);
                self.look(of, &mut mean, &missing);
                finished.push(mean);
            }
            self.write(of, None, &finished)?;
            // The same on all ranks, as what is written whole must be.
            let whole = job.comm.on_root(|| Ok(finished[0].whole[0]))?;
            self.file.write_whole(RESIDUAL, &Values::F64(vec![whole]))?;
        }
        let [heat, area, count] = self.whole;
        job.verbosity.say(job.comm, || {
            if count == 0.0 {
                return "residual: unknown at all times".to_owned();
            }
            let (heat, flux) = (heat / count, if area > 0.0 { heat / area } else { 0.0 });
            let kept = if of.args.residual == Residual::Spread { "taken off everywhere" } else { "kept" };
            format!("residual: the ocean gains {:.3} PW, {flux:.3} W m-2 ({kept})", heat * 1e-15)
        });
        let mut notes = self.known.lacks(["strips between lines", "basins", "cells"]);
        if self.has_zeros {
            let fluxes = "fluxes of exactly 0 count as land in areas, as there is no mask: --mask names one";
            notes.push(fluxes.to_owned());
        }
        notes.iter().for_each(|note| job.verbosity.say(job.comm, || format!("note: {note}")));
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

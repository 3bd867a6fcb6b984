//! The steps of a round that stream: those that read the same do so on one read, as many as
//! memory holds.

use super::commands::Args;
use super::dry::{makes, Told};
use super::execute::tidy;
use super::scratch::told;
use super::steps::{Pipeline, Step};
use crate::common::bytes_text;
use crate::folding::FoldJob;
use crate::passes::{Reading, Request};
use crate::step::{self, Carried, Written};
use crate::{
    calc, climatology, filter, histogram, project, regrid, relate, spectrum, stats, transport, vertical,
};
use halocline_core::{Error, Result};
use std::collections::VecDeque;
use std::path::PathBuf;

/// Steps on their way.
pub(super) struct Together<'a> {
    pipeline: &'a Pipeline,
    running: Vec<Running<'a>>,
}

/// A step on its way.
struct Running<'a> {
    /// Its place in the pipeline.
    index: usize,
    command: Box<dyn step::Step + 'a>,
    /// Whether it begins with a read of its own, whose results it then holds.
    reads_first: bool,
    has_begun: bool,
    is_done: bool,
}

/// Opens a command that streams; `None` for the others.
fn open<'a>(job: &FoldJob<'_>, args: &'a Args) -> Result<Option<Box<dyn step::Step + 'a>>> {
    Ok(match args {
        Args::Stats(args) => Some(Box::new(stats::open(job, args)?)),
        Args::Climatology(args) => Some(Box::new(climatology::open(job, args)?)),
        Args::Histogram(args) => Some(Box::new(histogram::open(job, args)?)),
        Args::Relate(args) => Some(Box::new(relate::open(job, args)?)),
        Args::Project(args) => Some(Box::new(project::open(job, args)?)),
        Args::SpectrumPower(args) => Some(Box::new(spectrum::open_power(job, args)?)),
        Args::SpectrumCross(args) => Some(Box::new(spectrum::open_cross(job, args)?)),
        Args::Regrid(args) => Some(Box::new(regrid::open(job, args)?)),
        Args::SpectrumMultitaper(args) => Some(Box::new(spectrum::open_multitaper(job, args)?)),
        Args::SpectrumWavelet(args) => Some(Box::new(spectrum::open_wavelet(job, args)?)),
        Args::FilterSpace(args) => Some(Box::new(filter::open_space(job, args)?)),
        Args::FilterTime(args) => Some(Box::new(filter::open(job, args)?)),
        Args::SpectrumIsotropic(args) => Some(Box::new(spectrum::open_isotropic(job, args)?)),
        Args::SpectrumZonal(args) => Some(Box::new(spectrum::open_zonal(job, args)?)),
        Args::SpectrumSpherical(args) => Some(Box::new(spectrum::open_spherical(job, args)?)),
        Args::CalcHelmholtz(args) => Some(Box::new(calc::open_helmholtz(job, args)?)),
        Args::CalcMesh(args) => Some(Box::new(calc::open_mesh(job, &**args)?)),
        Args::CalcTruncate(args) => Some(Box::new(calc::open_truncate(job, args)?)),
        Args::TransportMassStreamfunction(args) => {
            Some(Box::new(transport::open_mass_streamfunction(job, args)?))
        }
        Args::TransportEnergy(args) => Some(Box::new(transport::open_energy(job, args)?)),
        Args::TransportVapour(args) => Some(Box::new(transport::open_vapour(job, args)?)),
        Args::TransportTem(args) => Some(Box::new(transport::open_tem(job, args)?)),
        Args::TransportEpFlux(args) => Some(Box::new(transport::open_ep_flux(job, args)?)),
        Args::TransportEddy(args) => Some(Box::new(transport::open_eddy(job, args)?)),
        Args::Vertical(args) => Some(Box::new(vertical::open(job, args)?)),
        Args::TransportOverturning(args) => Some(Box::new(transport::open_zonal(job, &**args)?)),
        Args::TransportHeat(args) => Some(Box::new(transport::open_zonal(job, &**args)?)),
        Args::TransportSalt(args) => Some(Box::new(transport::open_zonal(job, &**args)?)),
        Args::TransportFreshwater(args) => Some(Box::new(transport::open_zonal(job, &**args)?)),
        Args::TransportSection(args) => Some(Box::new(transport::open_section(job, args)?)),
        Args::TransportBarotropic(args) => Some(Box::new(transport::open_columns(job, &**args)?)),
        Args::TransportHeatContent(args) => Some(Box::new(transport::open_columns(job, &**args)?)),
        Args::TransportImpliedHeat(args) => Some(Box::new(transport::open_implied_heat(job, args)?)),
        Args::TransportMixedLayer(args) => Some(Box::new(transport::open_columns(job, &**args)?)),
        Args::WheelerKiladis(args) => Some(Box::new(spectrum::open_wheeler_kiladis(job, args)?)),
        _ => None,
    })
}

impl<'a> Together<'a> {
    /// Opens those of the steps that stream.
    ///
    /// # Errors
    /// Those of the commands, with the step.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn open(job: &FoldJob<'_>, pipeline: &'a Pipeline, steps: &[usize]) -> Result<Self> {
        let mut running = Vec::new();
        for &index in steps {
            let step = &pipeline.steps[index];
            if let Some(command) = open(job, &step.args).map_err(|e| pipeline.blame(step, e))? {
                let reads_first = command.alone().iter().any(|alone| alone.is_first);
                running.push(Running { index, command, reads_first, has_begun: false, is_done: false });
            }
        }
        Ok(Self { pipeline, running })
    }

    fn step(&self, at: usize) -> &'a Step {
        &self.pipeline.steps[self.running[at].index]
    }

    fn blame(&self, at: usize, error: Error) -> Error {
        self.pipeline.blame(self.step(at), error)
    }

    /// Runs all of them to their ends; adds to `there` what is in place to stay. `base` is what the
    /// process took before any step.
    ///
    /// # Errors
    /// Those of the commands, with the step.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn run(&mut self, job: &FoldJob<'_>, base: u64, there: &mut Vec<PathBuf>) -> Result<()> {
        let pipeline = self.pipeline;
        for running in &mut self.running {
            let checked = running.command.requests().and_then(|requests| Reading::check(job, requests));
            checked.map_err(|e| pipeline.blame(&pipeline.steps[running.index], e))?;
        }
        while self.running.iter().any(|r| !r.is_done) {
            tidy(job.budget, base);
            self.begin(job)?;
            let (read, mut ready) = self.read(job)?;
            // Who takes part in a read gives its memory back before others go on.
            ready.splice(0..0, read);
            if ready.is_empty() {
                return Err(Error::internal("steps wait for nothing"));
            }
            for at in ready {
                let carried = self.running[at].command.carry_on(job).map_err(|e| self.blame(at, e))?;
                let written = match carried {
                    Carried::More => continue,
                    Carried::Wrote(written) => written,
                    Carried::Done(written) => {
                        self.running[at].is_done = true;
                        written
                    }
                };
                self.tell(job, at, &written, there);
            }
            self.running.retain(|r| !r.is_done);
        }
        Ok(())
    }

    /// Begins what has not begun: of those that then hold results of their own, one at a time.
    fn begin(&mut self, job: &FoldJob<'_>) -> Result<()> {
        let mut holds = self.running.iter().any(|r| r.reads_first && r.has_begun);
        for at in 0..self.running.len() {
            let running = &mut self.running[at];
            if running.has_begun || running.reads_first && holds {
                continue;
            }
            holds |= running.reads_first;
            running.has_begun = true;
            running.command.begin(job).map_err(|e| self.blame(at, e))?;
        }
        Ok(())
    }

    /// Reads once for as many steps as can share it. Gives the steps whose requests were done, and
    /// those that had none.
    fn read(&mut self, job: &FoldJob<'_>) -> Result<(Vec<usize>, Vec<usize>)> {
        let pipeline = self.pipeline;
        let indices: Vec<usize> = self.running.iter().map(|r| r.index).collect();
        let blame = |at: usize, e: Error| pipeline.blame(&pipeline.steps[indices[at]], e);
        let (mut first, mut others, mut free) = (Vec::new(), Vec::new(), Vec::new());
        for (at, running) in self.running.iter_mut().enumerate().filter(|(_, r)| r.has_begun) {
            let mut requests = running.command.requests().map_err(|e| blame(at, e))?;
            if requests.is_empty() {
                free.push(at);
            }
            requests.iter_mut().for_each(|request| request.step = at);
            // What holds results goes first, so that plans count them.
            if running.reads_first { &mut first } else { &mut others }.append(&mut requests);
        }
        first.append(&mut others);
        let mut waiting: Vec<Request<'_>> = first;
        let Some(foremost) = waiting.first().map(|request| request.step) else {
            return Ok((Vec::new(), free));
        };
        let reading = Reading::next(job, &mut waiting).map_err(|e| blame(foremost, e))?;
        let Some(reading) = reading else { return Ok((Vec::new(), free)) };
        let mut taking: Vec<usize> = reading.requests().iter().map(|request| request.step).collect();
        taking.dedup();
        if taking.len() > 1 {
            let labels: Vec<&str> =
                taking.iter().map(|&at| pipeline.steps[indices[at]].label.as_str()).collect();
            job.verbosity.say(job.comm, || format!("one read for {}", labels.join(", ")));
        }
        reading.run(job).map_err(|e| blame(foremost, e))?;
        Ok((taking, free))
    }

    /// Tells what would be read, without reading.
    ///
    /// # Errors
    /// Those of plans, with the step.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn look(&mut self, job: &FoldJob<'_>, told: &mut Told) -> Result<()> {
        let pipeline = self.pipeline;
        let steps: Vec<&Step> = self.running.iter().map(|r| &pipeline.steps[r.index]).collect();
        for (running, step) in self.running.iter().zip(&steps) {
            for alone in running.command.alone() {
                told.line(format!("  {} by itself: {}, {}", step.label, alone.what, bytes_text(alone.bytes)));
                told.shared += alone.bytes;
                told.apart += alone.bytes;
            }
        }
        let (mut waiting, mut holding) = (Vec::new(), VecDeque::new());
        for (at, (running, step)) in self.running.iter_mut().zip(&steps).enumerate() {
            let mut requests = running.command.requests().map_err(|e| pipeline.blame(step, e))?;
            requests.iter_mut().for_each(|request| request.step = at);
            if running.reads_first {
                holding.push_back((at, requests));
            } else {
                waiting.append(&mut requests);
            }
        }
        let (mut pass, mut holds) = (0, None);
        loop {
            // As in a run: one of those that hold results, in front of all others.
            while !waiting.iter().any(|request| Some(request.step) == holds) {
                let Some((at, requests)) = holding.pop_front() else { break };
                holds = Some(at);
                waiting.splice(0..0, requests);
            }
            let Some(foremost) = waiting.first().map(|request| request.step) else { break };
            let reading = Reading::next(job, &mut waiting).map_err(|e| pipeline.blame(steps[foremost], e))?;
            let Some(reading) = reading else { break };
            pass += 1;
            told.reading(pass, &reading, &steps);
        }
        for step in steps {
            told.line(format!("    {}{}", step.label, makes(step)));
        }
        Ok(())
    }

    /// Says what is in place.
    fn tell(&self, job: &FoldJob<'_>, at: usize, written: &Written, there: &mut Vec<PathBuf>) {
        let (path, bytes) = (written.output.display().to_string(), bytes_text(written.report.bytes_file));
        if self.step(at).made.iter().any(|made| made.stays && made.path == written.output) {
            job.verbosity.say(job.comm, || format!("wrote {path} ({bytes})"));
            there.push(written.output.clone());
        } else {
            job.verbosity.detail(job.comm, || format!("kept {} ({bytes}) for later steps", told(&path)));
        }
    }
}

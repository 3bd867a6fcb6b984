//! Some of the times of a source.

use super::handles::Handles;
use super::Source;
use halocline_core::calendar::TimeAxis;
use halocline_core::meta::Values;
use halocline_core::{Error, Result};
use std::ops::Range;

impl Source {
    /// The same at some of its time steps only, which then count from 0. Nothing is read.
    ///
    /// # Errors
    /// Internal, if there are no such steps.
    pub fn between(&self, steps: Range<usize>) -> Result<Self> {
        if steps.is_empty() || steps.end > self.time.len() {
            return Err(Error::internal(format!("steps {steps:?} of {} are asked for", self.time.len())));
        }
        let mut part = self.clone();
        part.handles = Handles::default();
        part.time = TimeAxis::new(self.time.units.clone(), self.time.values[steps.clone()].to_vec())?;
        for dim in part.variable.dims.iter_mut().take(1).chain(&mut part.time_coordinate.variable.dims) {
            dim.len = steps.len();
        }
        part.time_coordinate.values = Values::F64(part.time.values.clone());
        if let Some(bounds) = &mut part.time_coordinate.bounds {
            let ends = bounds.values.to_f64();
            bounds.values = Values::F64(ends[2 * steps.start..2 * steps.end].to_vec());
            bounds.variable.dims[0].len = steps.len();
        }
        if let Some(known) = &mut part.known_bounds {
            *known = known[2 * steps.start..2 * steps.end].to_vec();
        }
        let (mut files, mut located) = (Vec::new(), Vec::new());
        for (file, place) in self.files.iter().zip(&self.located) {
            // Of an ensemble, each file has all times.
            let (start, end) = (file.times.start.max(steps.start), file.times.end.min(steps.end));
            if start < end {
                let mut file = file.clone();
                file.first += start - file.times.start;
                file.times = start - steps.start..end - steps.start;
                files.push(file);
                located.push(place.clone());
            }
        }
        (part.files, part.located) = (files, located);
        Ok(part)
    }
}

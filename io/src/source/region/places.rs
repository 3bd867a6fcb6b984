//! Which places lie in a region.

use super::Region;
use halocline_core::Result;
use rayon::prelude::*;

/// Degrees within which a place is on an edge: single precision is no better at 360.
const NEAR: [f64; 2] = [2e-5; 2];

impl Region {
    /// Whether each of these places (degrees, as many latitudes as longitudes) lies inside, edges
    /// included; one that is not finite does not.
    ///
    /// # Errors
    /// Usage, if there is no such region or feature; data, if the file is absent or malformed;
    /// system, if it can't be read.
    pub fn holds(&self, lat: &[f64], lon: &[f64]) -> Result<Vec<bool>> {
        let shapes = self.shapes()?;
        Ok(lat.par_iter().zip(lon).map(|(lat, lon)| shapes.hold(*lat, *lon, NEAR)).collect())
    }
}

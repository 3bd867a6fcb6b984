//! Constants of the atmosphere.

/// Constants that results depend on. They are options of the commands, and written into outputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constants {
    /// Radius of the Earth, m. 6371000: the mean radius of the IUGG, rounded.
    pub radius: f64,
    /// Acceleration of gravity, m s-2. 9.80665: standard gravity (CGPM 1901).
    pub gravity: f64,
    /// Rotation, s-1. 7.292115e-5 (Moritz 2000, GRS 80).
    pub rotation: f64,
    /// Specific heat of dry air at constant pressure, J kg-1 K-1. 1004.64: 7/2 of the gas constant.
    pub heat_capacity: f64,
    /// Gas constant of dry air, J kg-1 K-1.
    pub gas: f64,
    /// Latent heat of vaporisation, J kg-1, at 0 degC.
    pub latent_heat: f64,
    /// Pressure at which potential temperature is temperature, Pa.
    pub reference_pressure: f64,
}

impl Default for Constants {
    fn default() -> Self {
        Self {
            radius: 6_371_000.0,
            gravity: 9.806_65,
            rotation: 7.292_115e-5,
            heat_capacity: 1004.64,
            gas: 287.04,
            latent_heat: 2.501e6,
            reference_pressure: 1e5,
        }
    }
}

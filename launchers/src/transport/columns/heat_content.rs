//! `halocline transport heat-content`.

use super::volumes::{positive, ColumnCommand, Columns, Made};
use crate::folding::FoldJob;
use crate::transport::coordinate::coordinate;
use crate::transport::ocean::{Needs, Ocean, OceanArgs, Primary};
use halocline_algorithms::seawater::CP0;
use halocline_algorithms::transport::between_depths;
use halocline_core::engine::Numbers;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::{Error, Result};
use rayon::prelude::*;

/// Heat that the ocean holds between depths, per area: ρ₀ cp ∫ T dz, T in degrees Celsius.
///
/// Layers are cut where a depth lies within them; a column ends where temperatures are missing.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct HeatContentArgs {
    #[command(flatten)]
    ocean: OceanArgs,
    /// Depths between which heat is counted, in metres
    #[arg(long, value_name = "A-B,…", default_value = "0-700,0-2000,0-12000", value_delimiter = ',', value_parser = parse_depths)]
    depths: Vec<Depths>,
    /// Reference density in kg m-3
    #[arg(long, value_name = "RHO", default_value_t = 1026.0)]
    rho0: f64,
    /// Heat capacity in J kg-1 K-1
    #[arg(long, value_name = "CP", default_value_t = CP0)]
    cp: f64,
}

/// Two depths.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Depths([f64; 2]);

fn parse_depths(text: &str) -> std::result::Result<Depths, String> {
    let number = |t: &str| t.trim().parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0);
    let both = text.split_once('-').and_then(|(a, b)| number(a).zip(number(b))).filter(|(a, b)| a < b);
    both.map(|(a, b)| Depths([a, b])).ok_or_else(|| format!("`{text}` are no depths; write A-B, as in 0-700"))
}

impl ColumnCommand for HeatContentArgs {
    fn ocean(&self) -> &OceanArgs {
        &self.ocean
    }
    fn check(&self) -> Result<()> {
        positive("--rho0", self.rho0)?;
        positive("--cp", self.cp)?;
        if self.depths.is_empty() {
            return Err(Error::usage("--depths names no depths"));
        }
        self.ocean.check()
    }
    fn begin(&self, job: &FoldJob<'_>) -> Result<(Ocean, Box<dyn Columns>)> {
        let needs = Needs::only(Primary::Temperature, self.rho0);
        Ok((Ocean::open(job, &self.ocean, needs)?.0, Box::new(self.clone())))
    }
}

impl Columns for HeatContentArgs {
    fn title(&self) -> &'static str {
        "Heat content of the ocean"
    }
    fn describe(&self) -> Vec<String> {
        vec![format!("rho0={}", self.rho0), format!("cp={}", self.cp)]
    }
    fn made(&self) -> Vec<Made> {
        let attributes = Attributes::new()
            .with(
                "standard_name",
                "integral_wrt_depth_of_sea_water_potential_temperature_expressed_as_heat_content",
            )
            .with("long_name", "heat content between depths")
            .with("units", "J m-2");
        vec![Made { name: "heat_content", attributes }]
    }
    fn layers(&self) -> Option<Coordinate> {
        let n = self.depths.len();
        let dim = Dim::new("layer", n, Role::Level);
        let about = Attributes::new()
            .with("standard_name", "depth")
            .with("units", "m")
            .with("positive", "down")
            .with("long_name", "middle of the depths between which heat is counted");
        let middles = self.depths.iter().map(|Depths([a, b])| 0.5 * (a + b)).collect();
        let mut layers = coordinate("layer", &dim, Values::F64(middles), about);
        let both = Variable {
            name: "layer_bnds".to_owned(),
            dims: vec![dim, Dim::new("bnds", 2, Role::Other)],
            dtype: DType::F64,
            attributes: Attributes::new(),
        };
        let values = Values::F64(self.depths.iter().flat_map(|Depths(pair)| *pair).collect());
        layers.bounds = Some(Box::new(Coordinate { variable: both, values, bounds: None }));
        Some(layers)
    }
    fn maps(&self, ocean: &Ocean, values: &[Numbers<'_>], m: usize) -> Vec<f64> {
        let (cells, order) = (ocean.cells(), ocean.order());
        let zero = if ocean.is_primary_kelvin() { 273.15 } else { 0.0 };
        let factor = self.rho0 * self.cp;
        // Layers are piled from where the first begins, which is the surface unless levels are cut.
        let begin = ocean.interfaces()[0];
        let one = |cell: usize| -> Vec<f64> {
            let (values, layers) = ocean.column(values, (m, cell), &order, 0);
            let celsius: Vec<f64> = values.iter().map(|t| t - zero).collect();
            let held = |Depths([top, bottom]): &Depths| {
                factor * between_depths(&celsius, &layers, [top - begin, bottom - begin])
            };
            self.depths.iter().map(held).collect()
        };
        let found: Vec<Vec<f64>> = (0..cells).into_par_iter().map(one).collect();
        (0..self.depths.len()).flat_map(|k| found.iter().map(move |all| all[k])).collect()
    }
}

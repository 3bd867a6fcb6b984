//! `halocline transport mixed-layer`.

use super::volumes::{positive, ColumnCommand, Columns, Made};
use crate::folding::FoldJob;
use crate::transport::density::{kinds_of, EosChoice};
use crate::transport::ocean::{Needs, Ocean, OceanArgs, Primary};
use halocline_algorithms::seawater::PotentialDensity;
use halocline_algorithms::transport::mixed_layer;
use halocline_core::engine::Numbers;
use halocline_core::meta::Attributes;
use halocline_core::{Error, Result};
use rayon::prelude::*;

/// By what the mixed layer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Criterion {
    Density,
    Temperature,
}

/// The depth of the mixed layer: where water is denser, or warmer or colder, than near the surface.
///
/// σ₀ exceeds that at the reference depth by the threshold, or temperature differs from it; linear
/// between levels. Where it never does, the depth of the bottom.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct MixedLayerArgs {
    #[command(flatten)]
    ocean: OceanArgs,
    /// density (of temperature and salinity) or temperature
    #[arg(
        long,
        value_enum,
        value_name = "density|temperature",
        default_value = "density",
        hide_possible_values = true
    )]
    criterion: Criterion,
    /// By how much: kg m-3 or K [default: 0.03 or 0.2]
    #[arg(long, value_name = "N")]
    threshold: Option<f64>,
    /// Depth of what it is compared with, in metres
    #[arg(long, value_name = "METRES", default_value_t = 10.0)]
    reference: f64,
    /// Equation of state: teos10 or eos80
    #[arg(
        long,
        value_enum,
        value_name = "teos10|eos80",
        default_value = "teos10",
        hide_possible_values = true
    )]
    eos: EosChoice,
}

impl MixedLayerArgs {
    fn by_density(&self) -> bool {
        self.criterion == Criterion::Density
    }
    fn threshold(&self) -> f64 {
        self.threshold.unwrap_or(if self.by_density() { 0.03 } else { 0.2 })
    }
}

impl ColumnCommand for MixedLayerArgs {
    fn ocean(&self) -> &OceanArgs {
        &self.ocean
    }
    fn check(&self) -> Result<()> {
        positive("--threshold", self.threshold())?;
        positive("--reference", self.reference)?;
        self.ocean.check()
    }
    fn begin(&self, job: &FoldJob<'_>) -> Result<(Ocean, Box<dyn Columns>)> {
        let primary = if self.by_density() { Primary::Salinity } else { Primary::Temperature };
        let temperature = self.by_density();
        let needs = Needs { temperature, ..Needs::only(primary, 1.0) };
        let (ocean, _) = Ocean::open(job, &self.ocean, needs)?;
        let deepest = ocean.depths().last().copied().unwrap_or(0.0);
        if self.reference > deepest {
            return Err(ocean.blame(
                Error::usage(format!(
                    "--reference {} lies below its deepest level, {deepest} m",
                    self.reference
                ))
                .remedy("choose a depth near the surface, such as 10"),
            ));
        }
        // Salinity comes first, then temperature; by temperature alone there is no density.
        let temperature = ocean.tracers.first().map(|&k| ocean.sources[k].variable());
        let (kinds, note) = kinds_of(temperature, Some(ocean.sources[0].variable()));
        let zero = if ocean.is_kelvin() { 273.15 } else { 0.0 };
        let density = PotentialDensity::new(self.eos.eos(), kinds, 0.0);
        Ok((ocean, Box::new(MixedLayer { args: self.clone(), density, zero, note })))
    }
}

struct MixedLayer {
    args: MixedLayerArgs,
    density: PotentialDensity,
    zero: f64,
    note: String,
}

impl Columns for MixedLayer {
    fn title(&self) -> &'static str {
        "Depth of the mixed layer of the ocean"
    }
    fn describe(&self) -> Vec<String> {
        let args = &self.args;
        let mut all =
            vec![format!("threshold={}", args.threshold()), format!("reference={}", args.reference)];
        if args.by_density() {
            all.push(format!("criterion=density; eos={}; of {}", args.eos.name(), self.note));
        } else {
            all.push("criterion=temperature".to_owned());
        }
        all
    }
    fn made(&self) -> Vec<Made> {
        let (standard, what) = if self.args.by_density() {
            ("ocean_mixed_layer_thickness_defined_by_sigma_theta", "sigma0")
        } else {
            ("ocean_mixed_layer_thickness_defined_by_temperature", "temperature")
        };
        let attributes = Attributes::new()
            .with("standard_name", standard)
            .with(
                "long_name",
                format!(
                    "depth at which {what} differs by {} from that at {} m",
                    self.args.threshold(),
                    self.args.reference
                ),
            )
            .with("units", "m");
        vec![Made { name: "mlotst", attributes }]
    }
    fn maps(&self, ocean: &Ocean, values: &[Numbers<'_>], m: usize) -> Vec<f64> {
        let (order, depths, begin) = (ocean.order(), ocean.depths(), ocean.interfaces()[0]);
        let rule = (self.args.reference, self.args.threshold(), !self.args.by_density());
        let one = |cell: usize| {
            let (first, layers) = ocean.column(values, (m, cell), &order, 0);
            let column: Vec<f64> = if self.args.by_density() {
                let (temperature, _) = ocean.column(values, (m, cell), &order, ocean.tracers[0]);
                let sigma = |(s, t): (&f64, &f64)| self.density.sigma(*s, t - self.zero);
                first.iter().zip(&temperature).map(sigma).collect()
            } else {
                first
            };
            let water = column.iter().position(|v| v.is_nan()).unwrap_or(column.len());
            let bottom = begin + layers[..water].iter().sum::<f64>();
            if ocean.has_thickness() {
                // Partial cells: their middles are not those of the levels.
                let mut top = begin;
                let middles: Vec<f64> = layers
                    .iter()
                    .map(|layer| {
                        top += layer;
                        top - 0.5 * layer
                    })
                    .collect();
                return mixed_layer(&column, &middles, rule, bottom);
            }
            mixed_layer(&column, depths, rule, bottom)
        };
        (0..ocean.cells()).into_par_iter().map(one).collect()
    }
}

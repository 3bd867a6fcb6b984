//! Integrals of degrees Celsius: what they are depends on where 0 is.

use super::options::Asked;
use super::what::What;
use crate::cf;
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// What values in degrees Celsius are.
#[derive(Debug, clap::Args)]
pub(crate) struct CelsiusArgs {
    /// What values in degrees Celsius are, of which an integral depends on where 0 is: temperatures,
    /// integrated as kelvins (273.15 is added), or differences, such as anomalies or what is above 0 °C
    #[arg(long = "celsius", value_enum, value_name = "kelvin|difference", hide_possible_values = true)]
    pub(super) choice: Option<CelsiusChoice>,
}

/// What `--celsius` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CelsiusChoice {
    Kelvin,
    Difference,
}

/// What is added to values before they are integrated, and what is told of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Zero {
    /// 273.15, of temperatures in degrees Celsius.
    pub(super) offset: f64,
    choice: Option<CelsiusChoice>,
}

impl Zero {
    /// Of a variable, as its units are.
    ///
    /// # Errors
    /// Usage: integrals of degrees Celsius without a word on what they are of, or of other units
    /// with one; data: of degrees Fahrenheit.
    pub(super) fn of(asked: &Asked, source: &Source) -> Result<Self> {
        let is_integral = matches!(asked.what, What::Area | What::Integral(_) | What::Cumulative(..));
        let units = source.variable().units().unwrap_or_default().trim().to_owned();
        if !is_integral {
            return Ok(Self::default());
        }
        if ["degf", "fahrenheit", "degree_f", "degrees_f", "deg_f", "degree_fahrenheit"]
            .contains(&units.to_lowercase().replace(' ', "_").as_str())
        {
            return Err(Error::data(format!("is in `{units}`, of which integrals have no meaning"))
                .remedy("convert its values to K and say so in its units"));
        }
        match (cf::is_celsius(&units), asked.celsius) {
            (true, None) => Err(Error::usage(format!("is in `{units}`: its integral depends on where 0 is"))
                .remedy("add --celsius kelvin (273.15 is added), or --celsius difference (of anomalies, or above 0 degC)")),
            (false, Some(_)) => Err(Error::usage(format!("--celsius is of degrees Celsius, and its units are `{units}`"))
                .remedy("leave it out")),
            (true, Some(CelsiusChoice::Kelvin)) => Ok(Self { offset: 273.15, choice: asked.celsius }),
            (_, choice) => Ok(Self { offset: 0.0, choice }),
        }
    }
    /// As a user is told.
    pub(super) fn note(self, name: &str) -> Option<String> {
        self.choice.map(|choice| match choice {
            CelsiusChoice::Kelvin => format!("note: {name} is integrated in kelvins: 273.15 is added"),
            CelsiusChoice::Difference => format!("note: {name} is integrated as differences, in kelvins"),
        })
    }
    /// As outputs record it.
    pub(super) fn describe(self) -> Option<String> {
        self.choice.map(|choice| match choice {
            CelsiusChoice::Kelvin => "celsius=kelvin".to_owned(),
            CelsiusChoice::Difference => "celsius=difference".to_owned(),
        })
    }
}

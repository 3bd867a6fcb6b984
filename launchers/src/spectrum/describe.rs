//! What the results of cross-spectra are, in words.

use super::cross::CrossSpectrum;
use super::units;
use halocline_algorithms::spectra::CrossQuantity;
use halocline_core::meta::Attributes;

/// The attributes of a quantity.
pub(super) fn quantity_attributes(of: &CrossSpectrum<'_>, quantity: CrossQuantity) -> Attributes {
    let (args, variable) = (of.args, of.source.variable());
    let x = variable.attributes.text("long_name").unwrap_or(&args.var);
    let y = of.with.name();
    let both = format!("{x} (x) and {y} (y)");
    let (is_density, period) = (args.estimate.is_density(), args.estimate.frequency_units.period());
    let (own, other) = (variable.units(), of.with.units());
    let kind = if is_density { "spectral density" } else { "spectrum" };
    let cross = || units::cross(own, other, is_density, period);
    let one = || Some("1".to_owned());
    let (text, units, comment) = match quantity {
        CrossQuantity::PowerX => {
            (format!("power {kind} of {x}"), units::power(own, is_density, period), "one-sided")
        }
        CrossQuantity::PowerY => {
            (format!("power {kind} of {y}"), units::power(other, is_density, period), "one-sided")
        }
        CrossQuantity::Cospectrum => (
            format!("cospectrum of {both}"),
            cross(),
            "one-sided; real part of conj(X) Y: what both have in phase",
        ),
        CrossQuantity::Quadrature => (
            format!("quadrature spectrum of {both}"),
            cross(),
            "one-sided; imaginary part of conj(X) Y: positive where y has it a quarter of a period before x",
        ),
        CrossQuantity::Amplitude => {
            (format!("amplitude of the cross-spectrum of {both}"), cross(), "one-sided; modulus of conj(X) Y")
        }
        CrossQuantity::Phase => (
            format!("phase of the cross-spectrum of {both}"),
            Some("radian".to_owned()),
            "angle of conj(X) Y: positive where y leads x",
        ),
        CrossQuantity::Coherence => (format!("coherence squared of {both}"), one(), "|Pxy|^2 / (Pxx Pyy)"),
        CrossQuantity::Gain => {
            (format!("gain of {y} (y) from {x} (x)"), units::gain(own, other), "|Pxy| / Pxx")
        }
    };
    let attributes = Attributes::new().with("long_name", text);
    let attributes = units.into_iter().fold(attributes, |attributes, units| attributes.with("units", units));
    attributes.with("comment", comment)
}

//! The file of wavelet power.

use super::frame::{numbers, put, put_under, steps, At, Frame, Part};
use super::units;
use super::wavelet::WaveletSpectrum;
use crate::carry;
use crate::folding::FoldJob;
use halocline_algorithms::spectra::chi2_quantile;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};

/// The dimension of periods.
const PERIOD: &str = "period";

/// The dimensions and coordinates of the file.
pub(super) fn frame<'a>(of: &'a WaveletSpectrum<'_>) -> Result<Frame<'a>> {
    let place = (&of.source, &of.reduced);
    let main = (periods(of), of.source.time_coordinate().clone());
    Frame::along(place, &of.sampling, main, &of.args.confidence.0)
}

fn periods(of: &WaveletSpectrum<'_>) -> Coordinate {
    let (units, values) = (of.args.period_units.name(), of.wavelet.scales().periods());
    let comment = format!("equivalent Fourier periods of the scales; {}", steps(&of.sampling, units, false));
    let attributes =
        Attributes::new().with("long_name", "period").with("units", units).with("comment", comment);
    let dims = vec![Dim::new(PERIOD, values.len(), Role::Other)];
    let variable = Variable { name: PERIOD.into(), dims, dtype: DType::F64, attributes };
    Coordinate { variable, values: Values::F64(values), bounds: None }
}

/// χ²(p; ν)/ν.
fn factor(p: f64, dof: f64) -> f64 {
    chi2_quantile(p, dof) / dof
}

/// The file, and what results become in it.
pub(super) struct File<'a> {
    of: &'a WaveletSpectrum<'a>,
    output: Output,
    /// Of the mean over time, at each scale.
    global: Option<Vec<f64>>,
    /// Of the mean over scales.
    average: Option<f64>,
}

impl<'a> File<'a> {
    /// Begins the file, of which `writing` bytes may be under way.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn create(
        job: &FoldJob<'_>,
        of: &'a WaveletSpectrum<'a>,
        frame: &Frame<'_>,
        (tiling, writing): (&str, u64),
    ) -> Result<Self> {
        let scales = of.wavelet.scales();
        let global = scales.global_degrees_of_freedom();
        let average = of.average.clone().and_then(|own| scales.average_degrees_of_freedom(own));
        let mut schema = Schema { attributes: attributes(of, frame, tiling, average), ..Schema::new() };
        let pending = frame.begin(&mut schema)?;
        describe(of, frame, (global.is_some(), average.is_some()), &mut schema);
        of.args.compress.apply(&mut schema);
        let mut output = Output::create(job.comm, &of.args.output, &schema)?;
        output.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        output.write_pending(&pending)?;
        output.write_whole("scale", &Values::F64(scales.scales()))?;
        output.write_whole("cone_of_influence", &Values::F64(scales.cone()))?;
        if let (Some(dof), false) = (&global, of.args.confidence.0.is_empty()) {
            output.write_whole("global_degrees_of_freedom", &Values::F64(dof.clone()))?;
        }
        Ok(Self { of, output, global, average })
    }

    /// Writes the results of some cells.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn write(&mut self, part: Part) -> Result<()> {
        let Part { space, values } = part;
        let mut results = values.into_iter();
        let mut next = || results.next().ok_or_else(|| Error::internal("a wavelet spectrum lacks a result"));
        let scales = self.of.wavelet.scales();
        let (len, times, levels) = (scales.len(), scales.times(), &self.of.args.confidence.0);
        let at = |rows| At { level: None, rows };
        if self.of.has_power {
            put_under(&mut self.output, "power", [0..len, 0..times].into_iter(), &space, next()?)?;
        }
        if self.of.average.is_some() {
            put(&mut self.output, "scale_average", at(Some(times)), &space, next()?)?;
        }
        put(&mut self.output, "global_power", at(Some(len)), &space, next()?)?;
        let background = next()?;
        for name in ["variance", "reconstructed_variance"] {
            put(&mut self.output, name, at(None), &space, next()?)?;
        }
        if levels.is_empty() {
            return Ok(());
        }
        put(&mut self.output, "lag1_autocorrelation", at(None), &space, next()?)?;
        let cells = background.len() / len.max(1);
        for (k, &p) in levels.iter().enumerate() {
            let level = (levels.len() > 1).then_some(k);
            let local = scales.local_factor(p);
            let significance = background.iter().map(|b| b * local).collect();
            put(&mut self.output, "significance", At { level, rows: Some(len) }, &space, significance)?;
            if let Some(dof) = &self.global {
                let by_scale = background.chunks(cells.max(1)).zip(dof.iter().map(|dof| factor(p, *dof)));
                let significance = by_scale.flat_map(|(row, by)| row.iter().map(move |b| b * by)).collect();
                put(
                    &mut self.output,
                    "global_significance",
                    At { level, rows: Some(len) },
                    &space,
                    significance,
                )?;
            }
        }
        put(&mut self.output, "background", at(Some(len)), &space, background)?;
        if self.of.average.is_some() {
            self.write_average_levels(&space, &next()?)?;
        }
        Ok(())
    }

    /// Writes the levels of the mean over scales from the mean of noise over them.
    fn write_average_levels(&mut self, space: &IndexBox, noise: &[f64]) -> Result<()> {
        let (Some(dof), levels) = (self.average, &self.of.args.confidence.0) else { return Ok(()) };
        for (k, &p) in levels.iter().enumerate() {
            let at = At { level: (levels.len() > 1).then_some(k), rows: None };
            let by = factor(p, dof);
            let values = noise.iter().map(|v| v * by).collect();
            put(&mut self.output, "scale_average_significance", at, space, values)?;
        }
        Ok(())
    }

    /// Ends it.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn finish(self) -> Result<WriteReport> {
        self.output.finish_with_report()
    }
}

/// Adds the variables; levels of means over time and over scales where these are known.
fn describe(of: &WaveletSpectrum<'_>, frame: &Frame<'_>, known: (bool, bool), schema: &mut Schema) {
    let (args, variable, scales) = (of.args, of.source.variable(), of.wavelet.scales());
    let name = variable.attributes.text("long_name").unwrap_or(&args.var);
    let own = units::power(variable.units(), false, "");
    let with = |text: &str, comment: &str| {
        let attributes = Attributes::new().with("long_name", format!("{text} of {name}"));
        let attributes = own.iter().fold(attributes, |all, units| all.with("units", units.as_str()));
        attributes.with("comment", comment)
    };
    let time = of.source.time_name();
    let has_levels = !args.confidence.0.is_empty();
    let mut of_levels = frame.of_levels();
    of_levels.pop();
    let with_levels =
        |last: Option<&'static str>| -> Vec<&str> { of_levels.iter().copied().chain(last).collect() };
    let mut specs = Vec::new();
    let mut add = |name: &str, leading: &[&str], attributes: Attributes| {
        specs.push(frame.variable(schema, name, leading, attributes));
    };
    if of.has_power {
        let comment = "|W|^2 (Torrence and Compo 1998); periods beyond the cone of influence have lost power at the ends";
        add("power", &[PERIOD, time], with("wavelet power", comment));
    }
    if let Some([low, high]) = args.scale_average {
        let text =
            format!("mean wavelet power at periods from {low} to {high} {}s", args.period_units.name());
        let comment = "dj dt / C_delta sum |W|^2 / s (Torrence and Compo 1998, equation 24)";
        add("scale_average", &[time], with(&text, comment));
    }
    let over_time = |attributes: Attributes| attributes.with("cell_methods", format!("{time}: mean"));
    let comment = "mean of the power over all times (Torrence and Compo 1998, equation 22)";
    add("global_power", &[PERIOD], over_time(with("global wavelet power", comment)));
    add(
        "variance",
        &[],
        with("variance", "of the series without its mean or trend, divided by the number of times"),
    );
    let closure = scales.mother().closure();
    let comment = format!("dj dt / (C_delta n) sum |W|^2 / s (Torrence and Compo 1998, equation 14); {closure:.4} of the variance in the limit of many scales, as C_delta is that of a delta");
    add("reconstructed_variance", &[], with("variance from all wavelet power", &comment));
    if has_levels {
        let text = "wavelet power of red noise with the variance and lag-1 autocorrelation";
        add("background", &[PERIOD], with(text, "Torrence and Compo 1998, equation 16"));
        let levels = |text: &str, comment: &str| {
            let text = format!("{text} that red noise exceeds by chance with probability 1 - confidence");
            with("", comment).with("long_name", text).with("confidence", numbers(&args.confidence.0))
        };
        let comment = "background times chi-square(confidence; n) / n, n = 2 for complex wavelets and 1 for real ones (Torrence and Compo 1998, equation 18)";
        add(
            "significance",
            &with_levels(Some(PERIOD)),
            levels("wavelet power at one time and period", comment),
        );
        if known.0 {
            let comment = "background times chi-square(confidence; global_degrees_of_freedom) / global_degrees_of_freedom (Torrence and Compo 1998, equation 23)";
            add("global_significance", &with_levels(Some(PERIOD)), levels("global wavelet power", comment));
        }
        if known.1 {
            let comment = "mean of the background over these scales times chi-square(confidence; n) / n, n = scale_average_degrees_of_freedom (Torrence and Compo 1998, equations 25 to 28)";
            add(
                "scale_average_significance",
                &with_levels(None),
                levels("mean wavelet power over these periods", comment),
            );
        }
        let text =
            if args.lag1.is_some() { "as was asked for" } else { "of the series without its mean or trend" };
        let alpha = Attributes::new()
            .with("long_name", format!("lag-1 autocorrelation of {name}"))
            .with("units", "1");
        add("lag1_autocorrelation", &[], alpha.with("comment", text));
    }
    let unit = args.period_units.name();
    let one = |text: &str, units: &str, comment: &str| {
        Attributes::new().with("long_name", text).with("units", units).with("comment", comment)
    };
    let plain = |name: &str, dim: &str, attributes| {
        VariableSpec::data(name, [dim], DType::F64).attributes(attributes)
    };
    specs.push(plain("scale", PERIOD, one("scale of the wavelet", unit, "s0 2^(j dj)")));
    let comment = "at each time the period whose e-folding time reaches the nearer end of the series; power of longer periods is too small (Torrence and Compo 1998, section 3g)";
    specs.push(plain("cone_of_influence", time, one("cone of influence", unit, comment)));
    if has_levels && known.0 {
        let comment = "n sqrt(1 + (na dt / (gamma s))^2), na the number of times less half of those inside the cone of influence (Torrence and Compo 1998, equation 23)";
        specs.push(plain(
            "global_degrees_of_freedom",
            PERIOD,
            one("degrees of freedom of the global power of one series", "1", comment),
        ));
    }
    specs.into_iter().for_each(|spec| schema.add_variable(spec));
}

/// Attributes of the file.
fn attributes(of: &WaveletSpectrum<'_>, frame: &Frame<'_>, tiling: &str, average: Option<f64>) -> Attributes {
    let (args, wavelet) = (of.args, &of.wavelet);
    let mother = wavelet.scales().mother();
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Wavelet power of {}", args.var))
        .with("source", format!("halocline {}, spectra in time", env!("CARGO_PKG_VERSION")))
        .with("halocline_spectrum_options", args.describe(wavelet.padded()).join("; "))
        .with("halocline_tiling", tiling);
    frame.add_estimate(&mut attributes);
    attributes.set("wavelet", mother.name());
    attributes.set("wavelet_dj", wavelet.scales().spacing());
    attributes.set("wavelet_reconstruction_factor", mother.reconstruction());
    if let Some(dof) = average {
        attributes.set("scale_average_degrees_of_freedom", dof);
    }
    carry::add_origin(&mut attributes, &of.dataset);
    attributes
}

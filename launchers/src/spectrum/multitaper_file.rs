//! The file of multitaper spectra.

use super::frame::{numbers, put, At, Frame, Part, CONFIDENCE, FREQUENCY};
use super::multitaper::MultitaperSpectrum;
use super::units;
use crate::carry;
use crate::folding::FoldJob;
use halocline_algorithms::spectra::{f_limit, Chi2Factors};
use halocline_core::meta::{AttributeValue, Attributes, DType, Values};
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use rayon::prelude::*;

/// The file, and what results become in it.
pub(super) struct File<'a> {
    of: &'a MultitaperSpectrum<'a>,
    output: Output,
    rows: usize,
    /// Of degrees of freedom, where these are the same for all series.
    fixed: Option<Vec<f64>>,
    levels: Vec<Level>,
}

/// What spectra are multiplied by at a level of confidence, by degrees of freedom.
struct Level {
    /// Of the background.
    above: Chi2Factors,
    /// Of the spectrum: what it is divided by to give its limits.
    lower: Chi2Factors,
    upper: Chi2Factors,
}

impl Level {
    fn new(p: f64, tapers: usize) -> Self {
        // From those of a single taper at frequency 0 to those of all.
        let of = |p: f64| Chi2Factors::new(p, 1.0, 2.0 * tapers as f64);
        Self { above: of(p), lower: of(0.5 * (1.0 + p)), upper: of(0.5 * (1.0 - p)) }
    }
}

impl<'a> File<'a> {
    /// Begins the file, of which `writing` bytes may be under way.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn create(
        job: &FoldJob<'_>,
        of: &'a MultitaperSpectrum<'a>,
        frame: &Frame<'_>,
        (tiling, writing): (&str, u64),
    ) -> Result<Self> {
        let (args, multitaper) = (of.args, &of.multitaper);
        let mut schema = Schema { attributes: global(of, frame, tiling), ..Schema::new() };
        let pending = frame.begin(&mut schema)?;
        describe(of, frame, &mut schema);
        args.compress.apply(&mut schema);
        let mut output = Output::create(job.comm, &args.output, &schema)?;
        output.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        output.write_pending(&pending)?;
        let (levels, tapers) = (&args.confidence.0, multitaper.dpss().count());
        if args.wants("lines") && !levels.is_empty() {
            let limits = levels.iter().map(|&p| f_limit(p, tapers)).collect();
            output.write_whole("f_limit", &Values::F64(limits))?;
        }
        let fixed = (!args.adaptive).then(|| multitaper.degrees_of_freedom());
        if let Some(dof) = &fixed {
            output.write_whole("degrees_of_freedom", &Values::F64(dof.clone()))?;
        }
        let levels = levels.iter().map(|&p| Level::new(p, tapers)).collect();
        Ok(Self { of, output, rows: multitaper.len(), fixed, levels })
    }

    /// Writes the results of some cells.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn write(&mut self, part: Part) -> Result<()> {
        let Part { space, values } = part;
        let mut results = values.into_iter();
        let mut next =
            || results.next().ok_or_else(|| Error::internal("a multitaper spectrum lacks a result"));
        let (args, all) = (self.of.args, At { level: None, rows: Some(self.rows) });
        let power = next()?;
        let dof = if args.adaptive { next()? } else { Vec::new() };
        let cells = power.len() / self.rows.max(1);
        let fixed = self.fixed.as_deref();
        let dof_at = |i: usize| fixed.map_or_else(|| dof[i], |dof| dof[i / cells.max(1)]);
        let many = self.levels.len() > 1;
        let scaled = |values: &[f64], by: &(dyn Fn(f64) -> f64 + Sync)| -> Vec<f64> {
            values.par_iter().enumerate().map(|(i, v)| v * by(dof_at(i))).collect()
        };
        for (k, level) in self.levels.iter().enumerate().filter(|_| args.wants("limits")) {
            let at = At { level: many.then_some(k), ..all };
            let lower = scaled(&power, &|dof| level.lower.of(dof).recip());
            put(&mut self.output, "limit_lower", at, &space, lower)?;
            let upper = scaled(&power, &|dof| level.upper.of(dof).recip());
            put(&mut self.output, "limit_upper", at, &space, upper)?;
        }
        put(&mut self.output, "power", all, &space, power)?;
        if args.wants("noise") {
            let background = next()?;
            for (k, level) in self.levels.iter().enumerate() {
                let significance = scaled(&background, &|dof| level.above.of(dof));
                let at = At { level: many.then_some(k), ..all };
                put(&mut self.output, "significance", at, &space, significance)?;
            }
            put(&mut self.output, "background", all, &space, background)?;
            put(&mut self.output, "lag1_autocorrelation", At { level: None, rows: None }, &space, next()?)?;
        }
        if args.wants("lines") {
            put(&mut self.output, "f_ratio", all, &space, next()?)?;
            put(&mut self.output, "line_amplitude", all, &space, next()?)?;
        }
        if args.adaptive {
            put(&mut self.output, "degrees_of_freedom", all, &space, dof)?;
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

/// Adds the variables.
fn describe(of: &MultitaperSpectrum<'_>, frame: &Frame<'_>, schema: &mut Schema) {
    let (args, variable) = (of.args, of.source.variable());
    let name = variable.attributes.text("long_name").unwrap_or(&args.var);
    let units = units::power(variable.units(), true, args.frequency_units.period());
    let with = |units: Option<&str>, text: String, comment: &str| {
        let attributes = Attributes::new().with("long_name", text);
        let attributes = units.into_iter().fold(attributes, |all, units| all.with("units", units));
        attributes.with("comment", comment)
    };
    let density = |text: String, comment: &str| with(units.as_deref(), text, comment);
    let mut specs = Vec::new();
    let mut add = |name: &str, leading: &[&str], attributes| {
        specs.push(frame.variable(schema, name, leading, attributes));
    };
    let weights = if args.adaptive {
        "one-sided; mean over tapers with adaptive weights (Thomson 1982)"
    } else {
        "one-sided; mean over tapers, weighted by their concentrations"
    };
    add("power", &[FREQUENCY], density(format!("multitaper power spectral density of {name}"), weights));
    let levels = frame.of_levels();
    if args.wants("limits") {
        for (which, quantile) in [("lower", "(1 + confidence)/2"), ("upper", "(1 - confidence)/2")] {
            let comment =
                format!("power times degrees_of_freedom / chi-square({quantile}; degrees_of_freedom)");
            let text =
                format!("{which} limit of the confidence interval of the power spectral density of {name}");
            add(&format!("limit_{which}"), &levels, density(text, &comment));
        }
    }
    if args.wants("noise") {
        let text = format!("power spectral density of red noise with the lag-1 autocorrelation of {name}");
        let comment = "first-order autoregressive noise with as much power as the spectrum (Gilman et al. 1963; Torrence and Compo 1998, equation 16)";
        add("background", &[FREQUENCY], density(text, comment));
        let text = "power spectral density that red noise exceeds by chance with probability 1 - confidence";
        let comment = "background times chi-square(confidence; degrees_of_freedom) / degrees_of_freedom";
        let attributes = density(text.to_owned(), comment).with("confidence", numbers(&args.confidence.0));
        add("significance", &levels, attributes);
        let text = format!("lag-1 autocorrelation of {name}");
        add("lag1_autocorrelation", &[], with(Some("1"), text, "of the series without its mean or trend"));
    }
    if args.wants("lines") {
        let text = format!("ratio of a line's power to the rest, in the spectrum of {name}");
        let comment = "F-test for periodic components with 2 and 2 K - 2 degrees of freedom, K tapers (Thomson 1982; Percival and Walden 1993, equation 499c); missing at frequency 0 and the Nyquist frequency";
        add("f_ratio", &[FREQUENCY], with(Some("1"), text, comment));
        let own = variable.units().map(crate::cf::difference);
        let text = format!("amplitude of the sine that fits best, in {name}");
        add(
            "line_amplitude",
            &[FREQUENCY],
            with(own.as_deref(), text, "2 |mu| (Percival and Walden 1993, equation 499a)"),
        );
    }
    let comment = "2 (sum w)^2 / (sum w^2), w the weights of tapers (Percival and Walden 1993, equation 370b); half of that at frequency 0 and the Nyquist frequency";
    let dof = with(Some("1"), "degrees of freedom of the spectrum of one series".to_owned(), comment);
    if args.adaptive {
        add("degrees_of_freedom", &[FREQUENCY], dof);
    } else {
        specs.push(VariableSpec::data("degrees_of_freedom", [FREQUENCY], DType::F64).attributes(dof));
    }
    if args.wants("lines") && !args.confidence.0.is_empty() {
        let comment = "(K - 1) ((1 - confidence)^(-1/(K - 1)) - 1), K tapers";
        let text = "f_ratio that noise exceeds by chance with probability 1 - confidence, at one frequency";
        let attributes = with(Some("1"), text.to_owned(), comment).with("coordinates", CONFIDENCE);
        let mut dims = levels;
        dims.pop();
        specs.push(VariableSpec::new("f_limit", dims, DType::F64).attributes(attributes));
    }
    specs.into_iter().for_each(|spec| schema.add_variable(spec));
}

/// Attributes of the file.
fn global(of: &MultitaperSpectrum<'_>, frame: &Frame<'_>, tiling: &str) -> Attributes {
    let (args, multitaper) = (of.args, &of.multitaper);
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Multitaper spectra of {}", args.var))
        .with("source", format!("halocline {}, spectra in time", env!("CARGO_PKG_VERSION")))
        .with("halocline_spectrum_options", args.describe().join("; "))
        .with("halocline_tiling", tiling);
    frame.add_estimate(&mut attributes);
    attributes.set("time_half_bandwidth", args.bandwidth);
    attributes.set("half_bandwidth", multitaper.half_bandwidth());
    attributes.set("tapers", multitaper.dpss().count() as i64);
    attributes.set("taper_concentrations", AttributeValue::Doubles(multitaper.dpss().ratios().to_vec()));
    carry::add_origin(&mut attributes, &of.dataset);
    attributes
}

//! Runs the pairs of latitudes through the work, adds them up, writes what comes of it.

use super::wheeler_kiladis::SpaceTime;
use crate::folding::{self, FoldJob};
use crate::series::tell;
use crate::{carry, cf};
use halocline_algorithms::wavenumber::{PairedRows, SpaceTimeSpectrum, WheelerKiladis};
use halocline_core::engine::{Engine, SeriesPlan, SeriesResults, SeriesWork};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};
use halocline_io::source::Source;

/// Computes and writes.
///
/// # Collective
/// Every rank calls this.
pub(super) fn compute(of: &SpaceTime<'_>, job: &FoldJob<'_>) -> Result<WriteReport> {
    let (comm, work) = (job.comm, &of.work);
    let paired = PairedRows::new(&of.source, of.rows.clone(), rayon::current_num_threads())?;
    let pairs = of.rows.len().div_ceil(2);
    let per_pair: usize = work.rows().iter().sum();
    // Planes of all pairs on their way to one rank, and what is made of their sum.
    let reserved = ((2 * pairs + 16) * per_pair * size_of::<f64>()) as u64;
    let room = job.budget.bytes.saturating_sub(job.budget.largest_base(comm)).saturating_sub(reserved);
    let parts = of.args.selection.parts(comm, &of.source.variable().dims)?;
    let demand = folding::demand(comm, room, parts.as_deref());
    let plan =
        SeriesPlan::new(&paired, work, demand).map_err(|e| folding::of_budget(e, job.budget, reserved))?;
    tell(job, &of.args.var, &of.source, &plan, plan.estimate() + reserved);
    let mut sum = Sum::new(work, per_pair);
    let engine = Engine::with_progress(comm, job.progress);
    folding::guarded(comm, &[&of.source], || {
        engine.series(&paired, &plan, work, &mut |results| {
            let own = packed(&results);
            if let Some(all) = comm.gather_v(&own, 0) {
                all.iter().for_each(|pairs| sum.add(pairs));
            }
            Ok(())
        })
    })?;
    comm.on_root(|| sum.check(&of.source, of.rows.clone()))?;
    let spectrum = comm.is_root().then(|| work.finish(sum.planes[0].clone(), sum.planes[1].clone()));
    write(of, job, &plan, spectrum)
}

/// All rows of each cell of this rank, cell by cell.
fn packed(results: &SeriesResults) -> Vec<f64> {
    let cells = results.cells.range(1).len();
    if results.cells.is_empty() {
        return Vec::new();
    }
    let mut all = Vec::with_capacity(results.values.iter().map(Vec::len).sum());
    for cell in 0..cells {
        all.extend(results.values.iter().flat_map(|rows| rows.iter().skip(cell).step_by(cells)));
    }
    all
}

/// What is known of the pairs so far, on one rank, added in their order.
struct Sum {
    per_pair: usize,
    pairs: usize,
    planes: [Vec<f64>; 2],
    absent: f64,
    /// Pair and place in it of the first value that is not there.
    first: Option<(usize, usize)>,
}

impl Sum {
    fn new(work: &WheelerKiladis, per_pair: usize) -> Self {
        let plane = work.rows()[0];
        Self { per_pair, pairs: 0, planes: [vec![0.0; plane], vec![0.0; plane]], absent: 0.0, first: None }
    }
    fn add(&mut self, pairs: &[f64]) {
        for pair in pairs.chunks_exact(self.per_pair) {
            let plane = self.planes[0].len();
            for (sum, values) in self.planes.iter_mut().zip(pair.chunks(plane)) {
                sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
            let (absent, first) = (pair[2 * plane], pair[2 * plane + 1]);
            if absent > 0.0 {
                self.absent += absent;
                self.first.get_or_insert((self.pairs, first as usize));
            }
            self.pairs += 1;
        }
    }
    fn check(&self, source: &Source, rows: std::ops::Range<usize>) -> Result<()> {
        let Some((pair, place)) = self.first else { return Ok(()) };
        let lon = source.variable().dims[2].len;
        let row = if place / lon % 2 == 0 { rows.start + pair } else { rows.end - 1 - pair };
        let value = |c: &Option<Coordinate>, i: usize| c.as_ref().map_or(f64::NAN, |c| c.values.to_f64()[i]);
        Err(Error::data(format!(
            "{} values are missing or infinite, the first at latitude {}, longitude {} on {}",
            self.absent,
            value(&source.grid().lat, row),
            value(&source.grid().lon, place % lon),
            source.time().datetime(place / (2 * lon)).iso()
        ))
        .remedy("fill them first, or choose --time or --lat without them"))
    }
}

/// A coordinate of the file.
fn coordinate(name: &str, values: Vec<f64>, attributes: Attributes) -> Coordinate {
    let dims = vec![Dim::new(name, values.len(), Role::Other)];
    let variable = Variable { name: name.into(), dims, dtype: DType::F64, attributes };
    Coordinate { variable, values: Values::F64(values), bounds: None }
}

/// Writes the file; one rank has the spectrum.
fn write(
    of: &SpaceTime<'_>,
    job: &FoldJob<'_>,
    plan: &SeriesPlan,
    spectrum: Option<SpaceTimeSpectrum>,
) -> Result<WriteReport> {
    let (comm, work, source) = (job.comm, &of.work, &of.source);
    let name = source.variable().name.as_str();
    let pairs = of.rows.len().div_ceil(2);
    let steps = source.variable().dims[0].len;
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with(
            "title",
            format!("Wavenumber-frequency spectra of {name}, symmetric and antisymmetric about the equator"),
        )
        .with("source", format!("halocline {}, spectrum wheeler-kiladis", env!("CARGO_PKG_VERSION")))
        .with("references", "Wheeler and Kiladis (1999), doi:10.1175/1520-0469(1999)056<0374:CCEWAO>2.0.CO;2")
        .with("halocline_spectrum_options", of.args.describe())
        .with("halocline_tiling", plan.tiling().rule())
        .with("windows", work.windows().to_string())
        .with(
            "degrees_of_freedom",
            format!("{:.1}", 2.0 * pairs as f64 * steps as f64 / work.window() as f64),
        );
    carry::add_origin(&mut attributes, &of.dataset);
    // More may have been computed: the background needs its neighbours.
    let kept = of.args.kept(work);
    let k = kept as i64;
    let frequency = coordinate(
        "frequency",
        work.frequencies(),
        Attributes::new().with("long_name", "frequency").with("units", "day-1"),
    );
    let wavenumber = coordinate(
        "wavenumber",
        (-k..=k).map(|s| s as f64).collect(),
        Attributes::new().with("long_name", "zonal wave number, positive eastward").with("units", "1"),
    );
    let mut schema = Schema { attributes, ..Schema::new() };
    let mut pending = schema.add_coordinate(&frequency)?;
    pending.extend(schema.add_coordinate(&wavenumber)?);
    if let Some(level) = source.level() {
        pending.extend(schema.add_coordinate(level)?);
    }
    let long_name = source.decoded_attributes().text("long_name").unwrap_or(name).to_owned();
    let units = source.decoded_attributes().text("units").map(cf::squared);
    let there = spectrum.is_some();
    let SpaceTimeSpectrum {
        symmetric,
        antisymmetric,
        log_symmetric,
        log_antisymmetric,
        background,
        ratio_symmetric,
        ratio_antisymmetric,
    } = spectrum.unwrap_or_else(|| work.finish(vec![0.0; work.rows()[0]], vec![0.0; work.rows()[0]]));
    let all = [
        ("power_symmetric", "symmetric power of", true, symmetric),
        ("power_antisymmetric", "antisymmetric power of", true, antisymmetric),
        (
            "log_power_symmetric",
            "log10 of symmetric power, smoothed once along frequency, of",
            false,
            log_symmetric,
        ),
        (
            "log_power_antisymmetric",
            "log10 of antisymmetric power, smoothed once along frequency, of",
            false,
            log_antisymmetric,
        ),
        ("background", "background, half the sum of both powers smoothed many times, of", true, background),
        ("ratio_symmetric", "smoothed symmetric power over background of", false, ratio_symmetric),
        (
            "ratio_antisymmetric",
            "smoothed antisymmetric power over background of",
            false,
            ratio_antisymmetric,
        ),
    ];
    for (variable, about, is_power, _) in &all {
        let mut attributes = Attributes::new().with("long_name", format!("{about} {long_name}"));
        match &units {
            Some(units) if *is_power => attributes.set("units", units.clone()),
            // Logarithms and ratios have none.
            _ if !is_power => attributes.set("units", "1"),
            _ => {}
        }
        if let Some(level) = source.level() {
            attributes.set("coordinates", level.variable.name.clone());
        }
        let spec = VariableSpec::data(*variable, ["frequency", "wavenumber"], DType::F64);
        schema.add_variable(spec.attributes(attributes));
    }
    let mut file = Output::create(comm, &of.args.output, &schema)?;
    file.write_pending(&pending)?;
    let shape = [work.frequencies().len(), 2 * kept + 1];
    let width = 2 * work.waves() + 1;
    let wanted = work.waves() - kept..work.waves() + kept + 1;
    let block = if there { IndexBox::whole(&shape) } else { folding::nothing(2) };
    for (variable, _, _, values) in all {
        let rows = values.chunks(width).filter(|_| there);
        let values = rows.flat_map(|row| row[wanted.clone()].iter().copied()).collect();
        file.write_block(variable, &block, &Values::F64(values))?;
    }
    job.write(|| file.finish_with_report())
}

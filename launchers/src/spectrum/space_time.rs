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

/// Attributes of the file.
fn global(of: &SpaceTime<'_>, plan: &SeriesPlan) -> Attributes {
    let (work, dims) = (&of.work, &of.source.variable().dims);
    let independent = (2 * of.rows.len().div_ceil(2) * dims[0].len) as f64 / work.window() as f64;
    let title = format!(
        "Wavenumber-frequency spectra of {}, symmetric and antisymmetric about the equator",
        of.args.var
    );
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", title)
        .with("source", format!("halocline {}, spectrum wheeler-kiladis", env!("CARGO_PKG_VERSION")))
        .with("references", "Wheeler and Kiladis (1999), doi:10.1175/1520-0469(1999)056<0374:CCEWAO>2.0.CO;2")
        .with("halocline_spectrum_options", of.args.describe())
        .with("halocline_tiling", plan.tiling().rule())
        .with("windows", work.windows().to_string())
        .with("degrees_of_freedom", format!("{independent:.1}"));
    carry::add_origin(&mut attributes, &of.dataset);
    attributes
}

/// Frequencies and wave numbers of the file.
fn coordinates(work: &WheelerKiladis, kept: usize) -> [Coordinate; 2] {
    let about =
        |long_name: &str, units: &str| Attributes::new().with("long_name", long_name).with("units", units);
    let k = kept as i64;
    [
        coordinate("frequency", work.frequencies(), about("frequency", "day-1")),
        coordinate(
            "wavenumber",
            (-k..=k).map(|s| s as f64).collect(),
            about("zonal wave number, positive eastward", "1"),
        ),
    ]
}

/// A variable of the file.
struct Plane {
    name: &'static str,
    about: &'static str,
    is_power: bool,
    values: Vec<f64>,
}

/// All variables of the file.
fn planes(of: SpaceTimeSpectrum) -> [Plane; 7] {
    let plane = |name, about, is_power, values| Plane { name, about, is_power, values };
    [
        plane("power_symmetric", "symmetric power", true, of.symmetric),
        plane("power_antisymmetric", "antisymmetric power", true, of.antisymmetric),
        plane(
            "log_power_symmetric",
            "log10 of symmetric power, smoothed once along frequency,",
            false,
            of.log_symmetric,
        ),
        plane(
            "log_power_antisymmetric",
            "log10 of antisymmetric power, smoothed once along frequency,",
            false,
            of.log_antisymmetric,
        ),
        plane(
            "background",
            "background, half the sum of both powers smoothed many times,",
            true,
            of.background,
        ),
        plane("ratio_symmetric", "smoothed symmetric power over background", false, of.ratio_symmetric),
        plane(
            "ratio_antisymmetric",
            "smoothed antisymmetric power over background",
            false,
            of.ratio_antisymmetric,
        ),
    ]
}

/// Writes the file; one rank has the spectrum.
fn write(
    of: &SpaceTime<'_>,
    job: &FoldJob<'_>,
    plan: &SeriesPlan,
    spectrum: Option<SpaceTimeSpectrum>,
) -> Result<WriteReport> {
    let (comm, work, source) = (job.comm, &of.work, &of.source);
    // More may have been computed: the background needs its neighbours.
    let kept = of.args.kept(work);
    let [frequency, wavenumber] = coordinates(work, kept);
    let mut schema = Schema { attributes: global(of, plan), ..Schema::new() };
    let mut pending = schema.add_coordinate(&frequency)?;
    pending.extend(schema.add_coordinate(&wavenumber)?);
    if let Some(level) = source.level() {
        pending.extend(schema.add_coordinate(level)?);
    }
    let own = source.decoded_attributes();
    let long_name = own.text("long_name").unwrap_or(&of.args.var);
    let there = spectrum.is_some();
    let nothing = || work.finish(vec![0.0; work.rows()[0]], vec![0.0; work.rows()[0]]);
    let all = planes(spectrum.unwrap_or_else(nothing));
    for plane in &all {
        let mut attributes = Attributes::new().with("long_name", format!("{} of {long_name}", plane.about));
        if plane.is_power {
            if let Some(units) = own.text("units") {
                attributes.set("units", cf::squared(units));
            }
        } else {
            attributes.set("units", "1");
        }
        if let Some(level) = source.level() {
            attributes.set("coordinates", level.variable.name.clone());
        }
        let spec = VariableSpec::data(plane.name, ["frequency", "wavenumber"], DType::F64);
        schema.add_variable(spec.attributes(attributes));
    }
    let mut file = Output::create(comm, &of.args.output, &schema)?;
    file.write_pending(&pending)?;
    let shape = [work.frequencies().len(), 2 * kept + 1];
    let block = if there { IndexBox::whole(&shape) } else { folding::nothing(2) };
    let wanted = work.waves() - kept..work.waves() + kept + 1;
    for plane in &all {
        let rows = plane.values.chunks(2 * work.waves() + 1).filter(|_| there);
        let values = rows.flat_map(|row| row[wanted.clone()].iter().copied()).collect();
        file.write_block(plane.name, &block, &Values::F64(values))?;
    }
    job.write(|| file.finish_with_report())
}

//! Runs the planes through the work, writes what comes of it.

use super::cells::{bounded, coordinate, Cells};
use super::isotropic::{Convention, Isotropic};
use super::units;
use crate::carry;
use crate::folding::FoldJob;
use crate::series::{plan_together, run_together, writing_bytes};
use halocline_algorithms::spatial::{CellMean, IsotropicSpectra};
use halocline_core::engine::Engine;
use halocline_core::grid::GridKind;
use halocline_core::meta::{Attributes, Coordinate, DType, Values};
use halocline_core::progress::Phase;
use halocline_core::Result;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};

/// The dimensions of results.
const WAVENUMBER: &str = "wavenumber";
const PLANE: [&str; 2] = ["wavenumber_y", "wavenumber_x"];

/// Computes and writes.
///
/// # Collective
/// Every rank calls this.
pub(super) fn compute(of: &Isotropic<'_>, job: &FoldJob<'_>) -> Result<WriteReport> {
    let (args, source) = (of.args, &of.source);
    let dims = &source.variable().dims;
    let cells = Cells::new(source, &of.of.roles, &of.averaged.roles, &[WAVENUMBER, PLANE[0], PLANE[1]])?;
    let parts = args.selection.parts(job.comm, dims)?;
    let mut work = IsotropicSpectra::new(of.plane.clone(), of.rings.clone(), dims, of.of.roles)?;
    if args.plane {
        // P(l, k) is P(-l, -k), so that turned columns turn rows as well.
        work = work.with_planes(of.of.steps.y.descends != of.of.steps.x.descends);
    }
    if !of.averaged.roles.is_empty() {
        work = work.averaged(CellMean::new(dims, &of.of.roles, &of.averaged.roles, Vec::new()));
    }
    let writing = writing_bytes(job);
    let sums = work.mean().map_or(0, |mean| mean.bytes(work.values()));
    let reserved = writing.saturating_add(sums).saturating_add(work.rings().bytes());
    // The plan comes before the file, so that what does not fit leaves none behind.
    let plan = plan_together(job, &args.var, &[source], &work, (parts.as_deref(), reserved))?;
    of.of.notes().iter().for_each(|note| job.verbosity.say(job.comm, || format!("note: {note}")));
    if let Some(mean) = work.mean_mut() {
        mean.set_tiling(plan.tiling());
    }
    let mut schema = Schema { attributes: global(of, plan.tiling().rule()), ..Schema::new() };
    let own = coordinates(of);
    let mut pending = cells.begin(&mut schema)?;
    for coordinate in &own {
        pending.extend(schema.add_coordinate(coordinate)?);
    }
    describe(of, &cells, &mut schema);
    args.compress.apply(&mut schema);
    let mut file = Output::create(job.comm, &args.output, &schema)?;
    file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
    file.write_pending(&pending)?;
    file.write_whole("modes", &Values::F64(of.rings.modes().to_vec()))?;
    let rings = [of.rings.len()];
    run_together(job, &[source], &plan, &work, &mut |results| {
        if work.mean().is_some() {
            return Ok(());
        }
        let _timer = job.progress.phases.start(Phase::Write);
        let mut values = results.values.iter();
        let mut next = || (&results.cells, values.next().map_or(&[][..], Vec::as_slice));
        cells.write(&mut file, "power", &rings, next())?;
        if args.plane {
            cells.write(&mut file, "power_2d", &of.plane.shape(), next())?;
        }
        Ok(())
    })?;
    // Rows and columns round a box on a turned grid hold cells outside of it, which are masked.
    let is_cut = args.selection.lon_lat_box.is_some() && of.source.grid().kind == GridKind::Curvilinear;
    let remedy = if is_cut {
        "on this grid no rows and columns are a --box of longitudes and latitudes, and cells outside of it are \
         missing: bring the field to regular longitudes and latitudes of the box first, with `halocline regrid`"
    } else {
        "fill them first, or choose a --box, --level or --time without them"
    };
    cells.check(job, &work.absent(), remedy)?;
    if let Some(mean) = work.mean() {
        let means = mean.finish(&Engine::new(job.comm), work.values())?;
        let means = means.as_deref();
        cells.write_mean(&mut file, "power", &rings, (means, work.values(), 0))?;
        if args.plane {
            cells.write_mean(&mut file, "power_2d", &of.plane.shape(), (means, work.values(), rings[0]))?;
        }
    }
    job.write(|| file.finish_with_report())
}

/// Wave numbers of the file.
fn coordinates(of: &Isotropic<'_>) -> Vec<Coordinate> {
    let per = of.args.per.units();
    let about = |long_name: String| {
        Attributes::new()
            .with("long_name", long_name)
            .with("units", format!("{per}-1"))
            .with("comment", format!("cycles per {}", of.args.per.name()))
    };
    let mut ring = about("isotropic wave number".to_owned());
    if of.args.convention == Convention::Halocline {
        ring.set("spacing", of.rings.width());
    }
    let mut all = vec![bounded(WAVENUMBER, of.rings.wave_numbers().to_vec(), of.rings.bounds(), ring)];
    if of.args.plane {
        for (d, name) in PLANE.into_iter().enumerate() {
            let mut values = of.plane.wave_numbers(d);
            let positive = values.len().div_ceil(2);
            values.rotate_left(positive);
            let text = format!("wave number along {}", of.of.names[d]);
            all.push(coordinate(name, values, about(text)));
        }
    }
    all
}

/// Adds the variables.
fn describe(of: &Isotropic<'_>, cells: &Cells<'_>, schema: &mut Schema) {
    let variable = of.source.variable();
    let name = variable.attributes.text("long_name").unwrap_or(&of.args.var);
    let per = of.args.per.units();
    let with_units = |text: String, period: &str| {
        let units = units::power(variable.units(), true, period);
        let attributes = Attributes::new().with("long_name", text);
        units.iter().fold(attributes, |attributes, units| attributes.with("units", units.as_str()))
    };
    let square = format!("{per}2");
    let (period, comment) = match of.args.convention {
        Convention::Halocline => (per, "the sum over rings times the spacing of wavenumber is the variance"),
        Convention::Xrft101 => (
            per,
            "mean of the two-dimensional density over a ring times its wave number, as xrft 1.0.1 has it",
        ),
        Convention::Xrft102 => {
            (square.as_str(), "sum of the two-dimensional density over a ring, as xrft 1.0.2 has it")
        }
    };
    let power = with_units(format!("isotropic power spectral density of {name}"), period);
    let power = cells.variable(schema, "power", &[WAVENUMBER], power.with("comment", comment));
    schema.add_variable(power);
    if of.args.plane {
        let plane = with_units(format!("two-dimensional power spectral density of {name}"), &square)
            .with("comment", "two-sided; its sum times both steps of wave number is the variance");
        let plane = cells.variable(schema, "power_2d", &PLANE, plane);
        schema.add_variable(plane);
    }
    let modes = Attributes::new()
        .with("long_name", "modes of the two-dimensional spectrum in a ring")
        .with("units", "1");
    schema.add_variable(VariableSpec::data("modes", [WAVENUMBER], DType::F64).attributes(modes));
}

/// Attributes of the file.
fn global(of: &Isotropic<'_>, tiling: &str) -> Attributes {
    let [y, x] = of.of.spacing();
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("Isotropic wave number spectra of {}", of.args.var))
        .with("source", format!("halocline {}, spectra in space", env!("CARGO_PKG_VERSION")))
        .with("halocline_spectrum_options", of.args.describe())
        .with("halocline_tiling", tiling)
        .with("grid_spacing_y", y)
        .with("grid_spacing_x", x)
        .with("grid_spacing_units", of.args.per.units())
        .with("nyquist_wavenumber", 0.5 / y.max(x));
    if let Some(radius) = of.of.radius {
        attributes.set("earth_radius", radius);
    }
    carry::add_origin(&mut attributes, &of.dataset);
    attributes
}

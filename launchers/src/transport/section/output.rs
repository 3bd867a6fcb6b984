//! The file of sections: series of each, by level or class, and where they go.

use super::run::{Finished, Sections};
use crate::carry;
use crate::folding::FoldJob;
use crate::transport::coordinate::{coordinate, layers, methods, names};
use crate::transport::coverage::{Coverage, FACES};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values};
use halocline_core::progress::Phase;
use halocline_core::Result;
use halocline_io::output::{Output, Schema, VariableSpec, WriteReport};

/// What is carried: the name, standard name, words and units of a variable.
const MADE: [(&str, &str, &str, &str); 3] = [
    ("volume", "ocean_volume_transport_across_line", "volume transport", "m3 s-1"),
    ("heat", "", "heat transport, of temperatures in degrees Celsius", "W"),
    ("salt", "", "salt transport", "kg s-1"),
];

/// The file.
pub(super) struct Results {
    file: Output,
    /// Numbers of [`MADE`] that are there, and what turns sums into units.
    made: Vec<(usize, f64)>,
    /// Which sections are known, by each of [`MADE`].
    known: [Coverage; 3],
}

/// Where sections go, corner after corner, one section after the other.
fn corners(of: &Sections) -> [Coordinate; 3] {
    let all = || of.paths.iter().flat_map(|path| &path.corners);
    let dim = Dim::new("corner", all().count(), Role::Other);
    let number = |(k, path): (usize, &halocline_algorithms::transport::Path)| {
        std::iter::repeat_n(k as i32 + 1, path.corners.len())
    };
    let numbers = of.paths.iter().enumerate().flat_map(number).collect();
    let about = |long: &str, units: &str| Attributes::new().with("long_name", long).with("units", units);
    [
        coordinate(
            "path_section",
            &dim,
            Values::I32(numbers),
            Attributes::new().with("long_name", "number of the section, from 1"),
        ),
        coordinate(
            "path_lon",
            &dim,
            Values::F64(all().map(|c| c[0]).collect()),
            about("longitude of the path", "degrees_east").with("standard_name", "longitude"),
        ),
        coordinate(
            "path_lat",
            &dim,
            Values::F64(all().map(|c| c[1]).collect()),
            about("latitude of the path", "degrees_north").with("standard_name", "latitude"),
        ),
    ]
}

impl Results {
    /// # Collective
    /// Every rank calls this.
    pub(super) fn create(of: &Sections, job: &FoldJob<'_>, writing: u64) -> Result<Self> {
        let mut attributes = Attributes::new()
            .with("Conventions", "CF-1.8")
            .with("title", "Transport through sections")
            .with("source", format!("halocline {}, transport", env!("CARGO_PKG_VERSION")))
            .with("halocline_transport_options", of.args.describe().join("; "))
            .with("halocline_transport_inputs", of.ocean.described());
        carry::add_origin(&mut attributes, &of.ocean.dataset);
        let mut schema = Schema { attributes, ..Schema::new() };
        let time = of.ocean.sources[0].time_coordinate();
        let all: Vec<String> = of.args.through.iter().map(|line| line.name.clone()).collect();
        let section = names("section", "section", all);
        let layer = layers(&of.ocean, of.classes.as_ref());
        let mut pending = schema.add_coordinate(time)?;
        pending.extend(schema.add_coordinate(&section)?);
        pending.extend(schema.add_coordinate(&layer)?);
        let corners = corners(of);
        for c in &corners {
            pending.extend(schema.add_coordinate(c)?);
        }
        let heat = of.args.rho0 * of.args.cp;
        let made: Vec<(usize, f64)> = [(0, 1.0), (1, heat), (2, of.args.rho0 * 1e-3)]
            .into_iter()
            .filter(|(k, _)| *k == 0 || of.has[k - 1])
            .collect();
        let time_name = time.variable.dims.first().map_or("time", |d| d.name.as_str());
        let sections = of.paths.len();
        for (k, _) in &made {
            let (name, standard, long, units) = MADE[*k];
            let mut about = Attributes::new();
            if !standard.is_empty() {
                about.set("standard_name", standard);
            }
            let mut about = about
                .with("long_name", long)
                .with("units", units)
                .with("comment", "positive to the right of the path");
            if let Some(methods) = methods(&of.ocean, false) {
                about.set("cell_methods", methods);
            }
            let whole = VariableSpec::data(name, [time_name, "section"], DType::F64).chunks([1, sections]);
            schema.add_variable(whole.attributes(about.clone()));
            let layer = layer.variable.name.as_str();
            let by =
                VariableSpec::data(format!("{name}_by_{layer}"), [time_name, "section", layer], DType::F64);
            let by = by.chunks([1, sections, of.layers()]);
            about.remove("standard_name");
            schema.add_variable(by.attributes(about.with("long_name", format!("{long} of each layer"))));
        }
        let mut file = Output::create(job.comm, &of.args.ocean.output, &schema)?;
        file.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        file.write_pending(&pending)?;
        Ok(Self { file, made, known: Default::default() })
    }

    /// Writes times that are finished, on rank 0, in order.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn take(
        &mut self,
        of: &Sections,
        job: &FoldJob<'_>,
        mut finished: Vec<(usize, Finished)>,
    ) -> Result<()> {
        for (_, one) in &mut finished {
            for &(k, _) in &self.made {
                let missing = self.known[k].missing(&one.open[k], of.ocean.levels());
                for (sums, _) in one.sums.chunks_exact_mut(of.layers()).zip(missing).filter(|(_, m)| *m) {
                    sums.iter_mut().for_each(|sums| sums[k] = f64::NAN);
                }
            }
        }
        let _timer = job.progress.phases.start(Phase::Write);
        let times = finished.first().map_or(0..0, |(t, _)| *t..*t + finished.len());
        let (sections, layers) = (of.paths.len(), of.layers());
        let full = |n: usize| if finished.is_empty() { 0..0 } else { 0..n };
        let layer = if of.classes.is_some() { "rho" } else { "lev" };
        for &(k, factor) in &self.made {
            let by: Vec<f64> =
                finished.iter().flat_map(|(_, one)| one.sums.iter().map(move |s| s[k] * factor)).collect();
            let whole: Vec<f64> = by.chunks_exact(layers).map(|all| all.iter().sum()).collect();
            let name = MADE[k].0;
            let block = IndexBox::new(vec![times.clone(), full(sections)]);
            self.file.write_block(name, &block, &Values::F64(whole))?;
            let block = IndexBox::new(vec![times.clone(), full(sections), full(layers)]);
            self.file.write_block(&format!("{name}_by_{layer}"), &block, &Values::F64(by))?;
        }
        Ok(())
    }

    /// # Collective
    /// Every rank calls this.
    pub(super) fn finish(self, of: &Sections, job: &FoldJob<'_>) -> Result<WriteReport> {
        let of_flow = self.known[0].lacks(FACES);
        for &(k, _) in &self.made {
            let name = if k == 0 { of.ocean.sources[0].variable().name.as_str() } else { MADE[k].0 };
            // What lacks its flow lacks the rest too.
            let lacks =
                self.known[k].lacks(FACES).into_iter().filter(|note| k == 0 || !of_flow.contains(note));
            lacks.for_each(|note| job.verbosity.say(job.comm, || format!("note: `{name}`: {note}")));
        }
        job.write(|| self.file.finish_with_report())
    }
}

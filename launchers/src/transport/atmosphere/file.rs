//! The files that these kinds write: sections of latitude and level, profiles of latitude.

use super::operands::Operands;
use crate::carry;
use crate::pairs::whole_time;
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable as Meta};
use halocline_core::{Error, Result};
use halocline_io::output::{Output, Schema, VariableSpec};
use std::ops::Range;
use std::path::Path;

/// Something that is written.
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) long_name: String,
    pub(super) standard_name: Option<&'static str>,
    pub(super) units: String,
    /// Over levels and latitudes, else over latitudes.
    pub(super) is_section: bool,
    /// What was done to make it.
    pub(super) cell_methods: String,
}

impl Variable {
    /// A zonal mean on a section.
    pub(super) fn section(name: &str, long_name: impl Into<String>, units: &str) -> Self {
        Self {
            name: name.to_owned(),
            long_name: long_name.into(),
            standard_name: None,
            units: units.to_owned(),
            is_section: true,
            cell_methods: String::new(),
        }
    }
    /// A profile over latitudes.
    pub(super) fn profile(name: &str, long_name: impl Into<String>, units: &str) -> Self {
        Self { is_section: false, ..Self::section(name, long_name, units) }
    }
    pub(super) fn standard(mut self, name: &'static str) -> Self {
        self.standard_name = Some(name);
        self
    }
    /// Adds that it is a mean over time, where it is.
    pub(super) fn at_times(mut self, is_mean: bool, operands: &Operands) -> Self {
        if is_mean {
            let before = if self.cell_methods.is_empty() { "" } else { " " };
            self.cell_methods =
                format!("{}{before}{}: mean", self.cell_methods, operands.first().time_name());
        }
        self
    }
    pub(super) fn methods(mut self, methods: impl Into<String>) -> Self {
        self.cell_methods = methods.into();
        self
    }
}

/// A file with its time axis, or with one time that stands for all.
pub(super) struct File {
    output: Output,
    variables: Vec<(String, bool)>,
    lengths: [usize; 2],
    is_root: bool,
}

impl File {
    /// # Collective
    /// Every rank calls this.
    pub(super) fn create(
        comm: &Comm,
        path: &Path,
        operands: &Operands,
        (variables, is_mean): (&[Variable], bool),
        attributes: Attributes,
    ) -> Result<Self> {
        let level = bare(operands.level()?);
        Self::on_levels(comm, path, (operands, &level), (variables, is_mean), attributes)
    }

    /// As [`Self::create`], with levels of its own.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn on_levels(
        comm: &Comm,
        path: &Path,
        (operands, level): (&Operands, &Coordinate),
        (variables, is_mean): (&[Variable], bool),
        attributes: Attributes,
    ) -> Result<Self> {
        let first = operands.first();
        let lat = first.grid().lat.as_ref().ok_or_else(|| Error::internal("a grid without latitudes"))?;
        let time = if is_mean { whole_time(first) } else { first.time_coordinate().clone() };
        let mut schema = Schema { attributes, ..Schema::new() };
        let mut pending = schema.add_coordinate(&time)?;
        let has_sections = variables.iter().any(|v| v.is_section);
        let spaces: Vec<&Coordinate> = has_sections.then_some(level).into_iter().chain([lat]).collect();
        for coordinate in spaces {
            pending.extend(schema.add_coordinate(coordinate)?);
        }
        let (level_dim, lat_dim) = (&level.variable.dims[0].name, &lat.variable.dims[0].name);
        for variable in variables {
            let mut dims: Vec<&str> = Vec::new();
            dims.extend((!is_mean).then(|| first.variable().dims[0].name.as_str()));
            dims.extend(variable.is_section.then_some(level_dim.as_str()));
            dims.push(lat_dim);
            let mut attributes = Attributes::new().with("long_name", variable.long_name.as_str());
            if let Some(name) = variable.standard_name {
                attributes.set("standard_name", name);
            }
            attributes.set("units", variable.units.as_str());
            if !variable.cell_methods.is_empty() {
                attributes.set("cell_methods", variable.cell_methods.as_str());
            }
            let scalar = is_mean.then(|| time.variable.name.clone());
            let others: Vec<String> = scalar.into_iter().chain(carried(level)).collect();
            if !others.is_empty() {
                attributes.set("coordinates", others.join(" "));
            }
            schema.add_variable(VariableSpec::data(&variable.name, dims, DType::F64).attributes(attributes));
        }
        let mut output = Output::create(comm, path, &schema)?;
        output.write_pending(&pending)?;
        let variables = variables.iter().map(|v| (v.name.clone(), v.is_section)).collect();
        let lengths = [level.values.len(), operands.latitudes.len()];
        Ok(Self { output, variables, lengths, is_root: comm.is_root() })
    }

    /// Writes all variables of some times, which rank 0 has: for each variable its values one time
    /// after the other. `steps` is none where one time stands for all.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn write(&mut self, steps: Option<&Range<usize>>, values: Vec<Vec<f64>>) -> Result<()> {
        let [levels, latitudes] = self.lengths;
        let mut values = values.into_iter();
        for (name, is_section) in &self.variables {
            let mut ranges: Vec<_> = steps.cloned().into_iter().collect();
            ranges.extend(is_section.then_some(0..levels));
            ranges.push(0..latitudes);
            let own = values.next().unwrap_or_default();
            let (block, own) = if self.is_root {
                (IndexBox::new(ranges), own)
            } else {
                (IndexBox::new(vec![0..0; ranges.len()]), Vec::new())
            };
            self.output.write_block(name, &block, &Values::F64(own))?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<halocline_io::output::WriteReport> {
        self.output.finish_with_report()
    }
}

/// A level's coordinate that is not its own dimension has to be named.
fn carried(level: &Coordinate) -> Option<String> {
    (level.variable.name != level.variable.dims[0].name).then(|| level.variable.name.clone())
}

/// The coordinate without the terms of its formula, which are not in the file.
fn bare(level: &Coordinate) -> Coordinate {
    let mut level = level.clone();
    for gone in ["formula_terms", "A_var", "B_var", "P0_var", "PS_var"] {
        level.variable.attributes.remove(gone);
        if let Some(bounds) = &mut level.bounds {
            bounds.variable.attributes.remove(gone);
        }
    }
    level
}

/// The coordinate of pressure levels, Pa.
pub(super) fn pressure_levels(pressures: &[f64]) -> Coordinate {
    let attributes = Attributes::new()
        .with("standard_name", "air_pressure")
        .with("long_name", "pressure")
        .with("units", "Pa")
        .with("positive", "down")
        .with("axis", "Z");
    let dims = vec![Dim::new("plev", pressures.len(), Role::Level)];
    Coordinate {
        variable: Meta { name: "plev".to_owned(), dims, dtype: DType::F64, attributes },
        values: Values::F64(pressures.to_vec()),
        bounds: None,
    }
}

/// Attributes of a file.
pub(super) fn global(operands: &Operands, (title, kind): (&str, &str), options: String) -> Attributes {
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", title)
        .with("source", format!("halocline {}, transport {kind}", env!("CARGO_PKG_VERSION")))
        .with("halocline_transport_options", options);
    carry::add_origin(&mut attributes, &operands.datasets[0]);
    attributes
}

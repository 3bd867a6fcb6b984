//! What the file of a filter says.

use super::options::TimeArgs;
use crate::{carry, cf};
use halocline_algorithms::filter::TimeFilter;
use halocline_core::meta::Attributes;
use halocline_io::dataset::Dataset;
use halocline_io::source::Source;

/// Attributes of a filtered variable.
pub(super) fn attributes(args: &TimeArgs, filter: &TimeFilter, source: &Source) -> Attributes {
    let mut attributes = source.decoded_attributes();
    for of_values in ["actual_range", "valid_min", "valid_max", "valid_range", "ancillary_variables"] {
        attributes.remove(of_values);
    }
    let name = source.variable().name.as_str();
    let long_name = attributes.text("long_name").unwrap_or(name).to_owned();
    attributes.set("long_name", format!("{long_name}, {} filtered", filter.kernel().band().name()));
    if !args.has_mean(filter) {
        // Departures are another quantity.
        attributes.remove("standard_name");
        if let Some(units) = attributes.text("units").map(cf::difference) {
            attributes.set("units", units);
        }
    }
    attributes.set("filter", args.describe_filter(filter));
    carry::refer_to_space(&mut attributes, source);
    attributes
}

/// Attributes of the file.
pub(super) fn global(args: &TimeArgs, dataset: &Dataset) -> Attributes {
    let mut attributes = Attributes::new()
        .with("Conventions", "CF-1.8")
        .with("title", format!("{} filtered in time, {}", args.var.join(", "), args.band.text()))
        .with("source", format!("halocline {}, filter time", env!("CARGO_PKG_VERSION")))
        .with("halocline_filter_options", args.describe());
    carry::add_origin(&mut attributes, dataset);
    attributes
}

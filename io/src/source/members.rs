//! The dimension of members of an ensemble.

use crate::dataset::Dataset;
use halocline_core::meta::{Attributes, Coordinate, Dim, Role, Values, Variable};

/// Numbers of the members, from 1, and what they are called; `None` if it is no ensemble.
pub(super) fn coordinates(dataset: &Dataset, variable: &Variable) -> Option<[Coordinate; 2]> {
    let labels = dataset.members();
    if labels.is_empty() {
        return None;
    }
    let is_free = |name: &&str| !variable.dims.iter().any(|d| d.name == **name);
    let name = ["member", "realization", "ensemble_member"].into_iter().find(is_free);
    let name = name.unwrap_or("halocline_member");
    let dim = Dim::new(name, labels.len(), Role::Member);
    let one = |name: String, values: Values, attributes: Attributes| {
        let variable = Variable { name, dims: vec![dim.clone()], dtype: values.dtype(), attributes };
        Coordinate { variable, values, bounds: None }
    };
    let numbers = (1..=labels.len()).map(|k| k as i32).collect();
    let about = Attributes::new()
        .with("standard_name", "realization")
        .with("long_name", "member of the ensemble, in the order of the files")
        .with("units", "1");
    let called = Attributes::new().with("long_name", "what the member is called in the input");
    Some([
        one(name.to_owned(), Values::I32(numbers), about),
        one(format!("{name}_label"), Values::Text(labels.to_vec()), called),
    ])
}

//! Coordinates of results.

use super::density::Classes;
use super::ocean::Ocean;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};

/// A coordinate along one dimension.
pub(super) fn coordinate(name: &str, dim: &Dim, values: Values, attributes: Attributes) -> Coordinate {
    let variable =
        Variable { name: name.to_owned(), dims: vec![dim.clone()], dtype: values.dtype(), attributes };
    Coordinate { variable, values, bounds: None }
}

/// Names along a dimension of their own.
pub(super) fn names(name: &str, what: &str, all: Vec<String>) -> Coordinate {
    let dim = Dim::new(name, all.len(), Role::Other);
    let about = Attributes::new().with("standard_name", "region").with("long_name", what);
    coordinate(name, &dim, Values::Text(all), about)
}

/// Layers between the interfaces of levels, or between the edges of classes of density, from the top
/// down: their middles, with bounds.
pub(super) fn layers(ocean: &Ocean, classes: Option<&Classes>) -> Coordinate {
    let (name, ends, about) = match classes {
        None => (
            "lev",
            ocean.interfaces(),
            Attributes::new()
                .with("standard_name", "depth")
                .with("units", "m")
                .with("positive", "down")
                .with("axis", "Z"),
        ),
        Some(classes) => (
            "rho",
            classes.edges.as_slice(),
            Attributes::new()
                .with("long_name", format!("{}: potential density less 1000 kg m-3", classes.name))
                .with("units", "kg m-3")
                .with("positive", "down")
                .with("axis", "Z")
                .with("comment", format!("of {}", classes.note)),
        ),
    };
    let n = ends.len() - 1;
    let dim = Dim::new(name, n, Role::Level);
    let middles = ends.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect();
    let both = Variable {
        name: format!("{name}_bnds"),
        dims: vec![dim.clone(), Dim::new("bnds", 2, Role::Other)],
        dtype: DType::F64,
        attributes: Attributes::new(),
    };
    let bounds = Values::F64(ends.windows(2).flat_map(|w| [w[0], w[1]]).collect());
    let mut layers = coordinate(name, &dim, Values::F64(middles), about);
    layers.bounds = Some(Box::new(Coordinate { variable: both, values: bounds, bounds: None }));
    layers
}

/// What results say of how their values belong to space and time: sums along lines, of what the input
/// says of its times, or the mean of these.
pub(super) fn methods(ocean: &Ocean, is_mean: bool) -> Option<String> {
    let time = ocean.sources[0].time_name();
    let own = of_time(ocean.cell_methods().unwrap_or_default(), time);
    let mean = is_mean.then(|| format!("{time}: mean"));
    let all: Vec<String> = own.into_iter().chain(mean).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

/// The methods of an input that are of time: those of space no longer hold.
fn of_time(methods: &str, time: &str) -> Option<String> {
    let mut found: Vec<&str> = Vec::new();
    // Names with a colon begin a method; what follows up to the next belongs to it.
    let mut is_of_time = false;
    let mut depth = 0i32;
    let mut before_was_name = false;
    for word in methods.split_whitespace() {
        let is_name = depth == 0 && word.ends_with(':') && !word.starts_with('(');
        if is_name {
            // Of several names before one method the first tells.
            if !before_was_name {
                is_of_time = false;
            }
            is_of_time |= word.trim_end_matches(':') == time || word == "time:";
        }
        before_was_name = is_name;
        depth += word.matches('(').count() as i32 - word.matches(')').count() as i32;
        if is_of_time && (!is_name || word.trim_end_matches(':') == time || word == "time:") {
            found.push(word);
        }
    }
    (!found.is_empty()).then(|| found.join(" "))
}

#[cfg(test)]
mod tests {
    use super::of_time;

    #[test]
    fn methods_of_time_are_kept() {
        assert_eq!(of_time("area: mean where sea time: mean", "time").as_deref(), Some("time: mean"));
        let with = "time: mean (interval: 1 hour) area: mean";
        assert_eq!(of_time(with, "time").as_deref(), Some("time: mean (interval: 1 hour)"));
        assert_eq!(
            of_time("time: mean within years time: mean over years", "time").as_deref(),
            Some("time: mean within years time: mean over years")
        );
        assert_eq!(of_time("t: maximum", "t").as_deref(), Some("t: maximum"));
        assert_eq!(of_time("lat: lon: mean", "time"), None);
        assert_eq!(of_time("", "time"), None);
    }
}

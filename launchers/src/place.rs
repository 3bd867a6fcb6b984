//! Where and when a value is, in the user's words.

use halocline_core::meta::Dim;
use halocline_io::source::Source;

/// The time of a step, as in `2001-02-03T12:00:00`; none of a variable without any.
pub(crate) fn when(source: &Source, time: usize) -> Option<String> {
    (source.time_name() != Dim::NO_TIME).then(|| source.time().datetime(time).iso())
}

/// As in `at latitude 10, longitude 60 on 2001-02-03`: `cell` counts in C order over the dimensions
/// behind time, `time` is a step. Levels and the like, and cells that have no latitude and longitude,
/// are named by their indices.
pub(crate) fn locate(source: &Source, cell: usize, time: usize) -> String {
    let (grid, dims) = (source.grid(), &source.variable().dims[1..]);
    let on = match when(source, time) {
        Some(_) => format!(" on {}", source.time().datetime(time).date_string()),
        None => String::new(),
    };
    let (mut rest, mut index) = (cell, vec![0; dims.len()]);
    for (d, dim) in dims.iter().enumerate().rev() {
        index[d] = rest % dim.len.max(1);
        rest /= dim.len.max(1);
    }
    let named = |d: usize| format!("{} {}", dims[d].name, index[d]);
    let horizontal = grid.dims.len().min(dims.len());
    let above: Vec<String> = (0..dims.len() - horizontal).map(named).collect();
    let ground = cell % grid.len().max(1);
    let place = match (grid.latitudes(), grid.longitudes()) {
        (Some(lat), Some(lon)) if horizontal > 0 => {
            vec![format!("latitude {}, longitude {}", lat[ground], lon[ground])]
        }
        _ => (dims.len() - horizontal..dims.len()).map(named).collect(),
    };
    let place: Vec<String> = above.into_iter().chain(place).collect();
    if place.is_empty() {
        on.trim_start().to_owned()
    } else {
        format!("at {}{on}", place.join(", "))
    }
}

//! Where maps lie: dimensions and coordinates of one variable in a file that may hold several
//! grids.

use crate::carry;
use halocline_core::meta::{Attributes, Coordinate, Dim};
use halocline_core::Result;
use halocline_io::output::{Pending, Schema};
use halocline_io::source::Source;

/// The horizontal dimensions and coordinates of a variable, under names that are its own if
/// another variable of the file has another grid.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) dims: Vec<Dim>,
    coordinates: Vec<Coordinate>,
    /// `coordinates` and `grid_mapping`, as a map of the variable states them.
    refers: Attributes,
}

impl Place {
    /// That of `source`, names with `suffix`.
    pub(crate) fn of(source: &Source, suffix: &str) -> Self {
        let grid = source.grid();
        let all = source.levels().iter().chain([&grid.lat, &grid.lon].into_iter().flatten());
        let coordinates = all.chain(&grid.extra).chain(source.level()).map(|c| renamed(c, suffix)).collect();
        let mut refers = Attributes::new();
        carry::refer_to_space(&mut refers, source);
        let suffixed =
            |text: &str| text.split(' ').map(|name| format!("{name}{suffix}")).collect::<Vec<_>>().join(" ");
        for name in ["coordinates", "grid_mapping"] {
            if let Some(text) = refers.text(name).map(suffixed) {
                refers.set(name, text);
            }
        }
        let dims = source.variable().dims[1..].iter().map(|d| renamed_dim(d, suffix)).collect();
        Self { dims, coordinates, refers }
    }

    /// Adds them to a file.
    pub(crate) fn add<'a>(&'a self, schema: &mut Schema) -> Result<Vec<Pending<'a>>> {
        for dim in &self.dims {
            schema.add_dim(&dim.name, dim.len)?;
        }
        let mut pending = Vec::new();
        for coordinate in &self.coordinates {
            pending.extend(schema.add_coordinate(coordinate)?);
        }
        Ok(pending)
    }

    /// Names in the attributes of a map what it has beside the coordinates of its dimensions.
    pub(crate) fn refer(&self, attributes: &mut Attributes) {
        for name in ["coordinates", "grid_mapping"] {
            if let Some(text) = self.refers.text(name) {
                attributes.set(name, text.to_owned());
            }
        }
    }

    /// Names of the dimensions.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.dims.iter().map(|d| d.name.clone())
    }
}

/// The places of several sources: those on the grid of an earlier one share its.
pub(crate) fn places(sources: &[(&str, &Source)]) -> (Vec<Place>, Vec<usize>) {
    let mut places: Vec<Place> = Vec::new();
    let mut first: Vec<(&Source, usize)> = Vec::new();
    let mut of = Vec::new();
    for (label, source) in sources {
        let shared = first.iter().find(|(other, _)| is_same(other, source)).map(|(_, place)| *place);
        of.push(shared.unwrap_or(places.len()));
        if shared.is_none() {
            let suffix = if places.is_empty() { String::new() } else { format!("_{label}") };
            first.push((source, places.len()));
            places.push(Place::of(source, &suffix));
        }
    }
    (places, of)
}

fn is_same(a: &Source, b: &Source) -> bool {
    let coordinates = |s: &Source| {
        let grid = s.grid();
        let all = s.levels().iter().chain([&grid.lat, &grid.lon].into_iter().flatten()).chain(s.level());
        all.cloned().collect::<Vec<_>>()
    };
    a.variable().dims[1..] == b.variable().dims[1..] && coordinates(a) == coordinates(b)
}

fn renamed_dim(dim: &Dim, suffix: &str) -> Dim {
    Dim { name: format!("{}{suffix}", dim.name), ..dim.clone() }
}

fn renamed(coordinate: &Coordinate, suffix: &str) -> Coordinate {
    if suffix.is_empty() {
        return coordinate.clone();
    }
    let mut c = coordinate.clone();
    c.variable.name += suffix;
    c.variable.dims = c.variable.dims.iter().map(|d| renamed_dim(d, suffix)).collect();
    if let Some(bounds) = &mut c.bounds {
        bounds.variable.name += suffix;
        // Corners, too: cells of the other grid may have more of them.
        for dim in &mut bounds.variable.dims {
            dim.name += suffix;
        }
        if c.variable.attributes.text("bounds").is_some() {
            c.variable.attributes.set("bounds", bounds.variable.name.clone());
        }
    }
    c
}

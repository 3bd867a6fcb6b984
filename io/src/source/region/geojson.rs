//! Polygons from GeoJSON files (RFC 7946).

use super::ring::{Ring, Use};
use super::shape::{Polygon, Shape, Shapes};
use geojson::{Feature, GeoJson, Geometry, GeometryValue, Position};
use halocline_core::{Error, Result};
use std::io::Read;
use std::path::Path;

/// Larger files are refused: outlines need no millions of positions on any grid.
const MOST_BYTES: u64 = 64 << 20;
/// Edges to be looked at for a cell, on average: coasts in full detail take some dozens. More are
/// a scribble, which would take hours.
const MOST_EDGES: f64 = 3000.0;

/// The polygons of a file, or of one of its features.
///
/// # Errors
/// Data, if the file is absent, malformed, too large, or holds no polygon (of that feature);
/// usage, if there is no such feature; system, if it can't be read.
pub(super) fn read(path: &str, feature: Option<&str>) -> Result<Shapes> {
    let text = text(Path::new(path)).map_err(|e| e.in_file(path))?;
    shapes(&text, feature).map_err(|e| e.in_file(path))
}

fn text(path: &Path) -> Result<String> {
    let system = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => Error::data("there is no such file"),
        std::io::ErrorKind::InvalidData => Error::data("is not GeoJSON: it is no text in UTF-8"),
        _ => Error::system(format!("cannot be read: {e}")),
    };
    let file = std::fs::File::open(path).map_err(system)?;
    if file.metadata().is_ok_and(|about| about.is_dir()) {
        return Err(Error::data("is a directory, not a GeoJSON file"));
    }
    let mut text = String::new();
    // What is no regular file need not tell its length.
    file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(system)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(Error::data("is larger than the 64 MiB that an outline may take")
            .remedy("simplify it: cells are larger than such detail"));
    }
    Ok(text)
}

fn shapes(text: &str, feature: Option<&str>) -> Result<Shapes> {
    let parsed: GeoJson =
        text.parse().map_err(|e: geojson::Error| Error::data(format!("is not GeoJSON: {}", line(&e))))?;
    let mut found = Vec::new();
    match (parsed, feature) {
        (GeoJson::Geometry(_), Some(name)) => {
            return Err(
                Error::usage(format!("has no features, so none is `{name}`")).remedy("name the file alone")
            )
        }
        (GeoJson::Geometry(geometry), None) => collect(&geometry, &mut found)?,
        (GeoJson::Feature(one), name) => of_features(&[one], name, &mut found)?,
        (GeoJson::FeatureCollection(all), name) => of_features(&all.features, name, &mut found)?,
    }
    if found.is_empty() {
        return Err(Error::data("holds no polygon").remedy("a region is made of polygons or multipolygons"));
    }
    let shapes = Shapes(found);
    if shapes.cost() > MOST_EDGES {
        return Err(Error::data(format!(
            "its outlines run to and fro: about {:.0} edges would have to be looked at for each cell",
            shapes.cost()
        ))
        .remedy("simplify them"));
    }
    Ok(shapes)
}

/// One line of an error: what the parser quotes may be long.
fn line(e: &geojson::Error) -> String {
    let text = e.to_string().replace(['\n', '\r'], " ");
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn of_features(features: &[Feature], wanted: Option<&str>, found: &mut Vec<Shape>) -> Result<()> {
    let Some(wanted) = wanted else {
        return features.iter().filter_map(|f| f.geometry.as_ref()).try_for_each(|g| collect(g, found));
    };
    // By name; else by its number, from 1.
    let by_name: Vec<&Feature> = features.iter().filter(|f| names(f).any(|n| n == wanted)).collect();
    let by_number = || wanted.parse::<usize>().ok().and_then(|n| features.get(n.checked_sub(1)?));
    let chosen = if by_name.is_empty() { by_number().into_iter().collect() } else { by_name };
    if chosen.is_empty() {
        let mut all: Vec<String> = features.iter().filter_map(|f| names(f).next()).take(40).collect();
        if all.is_empty() {
            all = vec![format!("1 to {}", features.len())];
        }
        return Err(Error::usage(format!("has no feature `{wanted}`"))
            .remedy(format!("its features are {}", all.join(", "))));
    }
    chosen.into_iter().filter_map(|f| f.geometry.as_ref()).try_for_each(|g| collect(g, found))
}

/// What a feature is called: its property `name`, in any case of letters, and its id.
fn names(feature: &Feature) -> impl Iterator<Item = String> + '_ {
    let properties = feature.properties.iter().flat_map(|p| p.iter());
    let name = properties.filter(|(key, _)| key.eq_ignore_ascii_case("name"));
    let id = feature.id.iter().map(|id| match id {
        geojson::feature::Id::String(text) => text.clone(),
        geojson::feature::Id::Number(number) => number.to_string(),
    });
    name.filter_map(|(_, value)| value.as_str().map(str::to_owned)).chain(id)
}

/// The polygons of a geometry. Points and lines hold no cells.
fn collect(geometry: &Geometry, found: &mut Vec<Shape>) -> Result<()> {
    match &geometry.value {
        GeometryValue::Polygon { coordinates } => found.push(polygon(coordinates)?),
        GeometryValue::MultiPolygon { coordinates } => {
            for rings in coordinates {
                found.push(polygon(rings)?);
            }
        }
        GeometryValue::GeometryCollection { geometries } => {
            geometries.iter().try_for_each(|g| collect(g, found))?;
        }
        _ => {}
    }
    Ok(())
}

fn polygon(rings: &[Vec<Position>]) -> Result<Shape> {
    let positions = |ring: &Vec<Position>| -> Result<Vec<[f64; 2]>> {
        let pair = |p: &Position| match p.as_slice() {
            &[lon, lat, ..] => Ok([lon, lat]),
            _ => Err(Error::data("a position has no latitude")),
        };
        ring.iter().map(pair).collect()
    };
    let Some((outer, holes)) = rings.split_first() else {
        return Err(Error::data("a polygon has no ring"));
    };
    let outer = Ring::new(&positions(outer)?, Use::Outer)?;
    let holes = holes.iter().map(|h| Ring::new(&positions(h)?, Use::Hole)).collect::<Result<_>>()?;
    Ok(Shape::Polygon(Polygon { outer, holes }))
}

#[cfg(test)]
mod tests;

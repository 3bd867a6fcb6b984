//! A mesh that a user describes: `grid.toml`.

use super::names::Names;
use halocline_core::grid::mesh::{Faces, Point, Staggering, TopologyChoice};
use halocline_core::{Error, Result};
use std::path::{Path, PathBuf};

/// What a `grid.toml` says.
#[derive(Debug)]
pub(super) struct Described {
    /// The files that hold the variables, relative to the place of the description.
    pub(super) files: Vec<String>,
    pub(super) names: Names,
    pub(super) topology: Option<TopologyChoice>,
}

/// Bytes of a description, at most.
const LONGEST: u64 = 1 << 20;

/// Reads a description.
///
/// # Errors
/// Data, if it is not there or says what can't be; system, if it can't be read.
pub(super) fn read(path: &Path) -> Result<Described> {
    let about = std::fs::metadata(path).map_err(|e| {
        let kind = if e.kind() == std::io::ErrorKind::NotFound { Error::data } else { Error::system };
        kind(format!("can't read the description of the grid: {e}"))
    })?;
    if about.len() > LONGEST || !about.is_file() {
        return Err(Error::data("is no description of a grid"));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::data(format!("can't read the description of the grid: {e}")))?;
    halocline_io::inputs::note(path);
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
        Error::data(format!("is no TOML: {}", e.message().lines().next().unwrap_or_default()))
    })?;
    describe(&table, path)
}

fn describe(table: &toml::Table, path: &Path) -> Result<Described> {
    let mut described = Described {
        files: Vec::new(),
        names: Names { model: "grid.toml".into(), ..Names::default() },
        topology: None,
    };
    let names = &mut described.names;
    for (key, value) in table {
        let words = || words(key, value);
        match key.as_str() {
            "files" | "file" => {
                let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
                described.files = words()?.iter().map(|f| folder.join(f).display().to_string()).collect();
            }
            "topology" => {
                described.topology = Some(match one(key, value)? {
                    "auto" => TopologyChoice::Auto,
                    "regional" => TopologyChoice::Regional,
                    "periodic" => TopologyChoice::Periodic,
                    "tripolar-t" => TopologyChoice::TripolarT,
                    "tripolar-f" => TopologyChoice::TripolarF,
                    other => return Err(unknown(key, other, "auto, regional, periodic, tripolar-t, tripolar-f")),
                });
            }
            "staggering" => {
                names.staggering = Some(match one(key, value)? {
                    "a" => Staggering::A,
                    "c" => Staggering::C,
                    other => return Err(unknown(key, other, "a, c")),
                });
            }
            "faces" => {
                let faces: Vec<Faces> = words()?.iter().map(|w| faces(key, w)).collect::<Result<_>>()?;
                names.faces = Some(match faces[..] {
                    [both] => [both; 2],
                    [y, x] => [y, x],
                    _ => return Err(unknown(key, "that", "one word for both axes, or two: along y and along x")),
                });
            }
            "inverse" => names.inverse = value.as_bool().ok_or_else(|| unknown(key, "that", "true, false"))?,
            "levels" => names.levels = Some(one(key, value)?.to_owned()),
            "layers" => names.layers = Some(one(key, value)?.to_owned()),
            "depth" => names.depth = Some(one(key, value)?.to_owned()),
            "lat" | "lon" | "dx" | "dy" | "area" | "mask" | "thickness" => {
                let own = value.as_table().ok_or_else(|| unknown(key, "that", "a table, as in { t = \"name\" }"))?;
                for (point, name) in own {
                    let name = one(point, name)?.to_owned();
                    if (key.as_str(), point.as_str()) == ("thickness", "w") {
                        names.thickness_w = Some(name);
                        continue;
                    }
                    let at = Point::ALL.into_iter().find(|p| p.name() == point);
                    let at = at.ok_or_else(|| unknown(key, point, "t, u, v, f"))?.index();
                    let all = match key.as_str() {
                        "lat" => &mut names.lat,
                        "lon" => &mut names.lon,
                        "dx" => &mut names.dx,
                        "dy" => &mut names.dy,
                        "area" => &mut names.area,
                        "mask" => &mut names.mask,
                        _ => &mut names.thickness,
                    };
                    all[at] = Some(name);
                }
            }
            other => {
                return Err(Error::data(format!("`{other}` is no key of a grid")).remedy(
                    "keys: files, topology, staggering, faces, inverse, lat, lon, dx, dy, area, mask, thickness, layers, levels, depth",
                ))
            }
        }
    }
    Ok(described)
}

fn faces(key: &str, word: &str) -> Result<Faces> {
    let all = [Faces::Right, Faces::Left, Faces::Outer, Faces::Inner];
    all.into_iter().find(|f| f.name() == word).ok_or_else(|| unknown(key, word, "right, left, outer, inner"))
}

fn one<'v>(key: &str, value: &'v toml::Value) -> Result<&'v str> {
    value.as_str().ok_or_else(|| unknown(key, "that", "a text"))
}

fn words(key: &str, value: &toml::Value) -> Result<Vec<String>> {
    match value {
        toml::Value::Array(all) => all.iter().map(|v| one(key, v).map(str::to_owned)).collect(),
        one_only => Ok(vec![one(key, one_only)?.to_owned()]),
    }
}

fn unknown(key: &str, word: &str, known: &str) -> Error {
    Error::data(format!("`{key}` can't be `{word}`")).remedy(format!("known: {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Described> {
        describe(&text.parse().expect("TOML"), Path::new("/data/grid.toml"))
    }

    #[test]
    fn descriptions() {
        let text = "files = 'mesh.nc'\ntopology = 'tripolar-f'\nfaces = ['outer', 'right']\n[dx]\nt = 'e1t'\nu = 'e1u'\n[thickness]\nw = 'e3w'\n";
        let described = read(text).expect("a description");
        assert_eq!(described.files, ["/data/mesh.nc"]);
        assert_eq!(described.names.faces, Some([Faces::Outer, Faces::Right]));
        assert_eq!(described.names.dx[1].as_deref(), Some("e1u"));
        assert_eq!(described.names.thickness_w.as_deref(), Some("e3w"));
        for wrong in [
            "faces = 'north'",
            "colour = 'red'",
            "dx = 'e1t'",
            "[dx]\nq = 'e1q'",
            "topology = 3",
            "faces = []",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

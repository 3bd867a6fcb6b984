//! Pictures of transports: a panel for each basin, sections with their paths.

use super::command::{label, Picture};
use super::{Figure, MapPanel, Panel};
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Role, Variable};
use halocline_core::Result;
use halocline_io::as_stored::Library;

/// Most parts of a picture: more would be too small to read.
const MOST: usize = 4;
/// Columns and rows of an empty map: more than half a circle between two would turn back.
const EMPTY: usize = 4;
/// Least half height of the map of a path, in degrees.
const LEAST: f64 = 4.0;

/// A part of a variable that has a panel of its own, such as a basin.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) dim: String,
    pub(super) k: usize,
    pub(super) name: String,
}

impl Picture<'_> {
    /// The picture of a transport that has parts, basins or sections; `None` if it has none.
    pub(super) fn of_transport(&self, name: Option<&str>) -> Result<Option<Figure>> {
        let Some(name) = self.carried(name) else { return Ok(None) };
        let variable = self.dataset.variable(&name)?.variable.clone();
        let Some(parts) = self.parts(&variable)?.filter(|_| variable.dtype.is_numeric()) else {
            return Ok(None);
        };
        let is_section = self.dataset.variable("path_lon").is_ok();
        let has = |role| variable.dims.iter().any(|d| d.role == role && d.len > 1);
        if !is_section && (has(Role::X) || !has(Role::Y)) {
            return Ok(None);
        }
        let count = parts.len();
        let mut subtitle = String::new();
        let mut panels = Vec::new();
        for part in parts.into_iter().take(MOST) {
            let (k, name) = (part.k, part.name.clone());
            let own = Picture { part: Some(part), ..*self };
            if is_section {
                panels.push(Panel::Map(self.path(k, &name)?));
                let mut series = own.series(&variable)?;
                series.title = if count > 1 { label(&variable) } else { String::new() };
                panels.push(Panel::Series(series));
                continue;
            }
            let Some(mut panel) = own.of_latitudes(&variable)? else { return Ok(None) };
            if let Panel::Plane(super::PlanePanel { title, .. })
            | Panel::Curves(super::CurvesPanel { title, .. }) = &mut panel
            {
                if count > 1 {
                    subtitle = std::mem::replace(title, name);
                }
            }
            panels.push(panel);
        }
        if is_section {
            subtitle = format!("{}, positive to the right of the path", label(&variable));
        }
        if count > MOST {
            subtitle = format!("{subtitle} (the first {MOST} of {count})");
        }
        let title = self.dataset.attributes().text("title").unwrap_or(&variable.name).to_owned();
        Ok(Some(Figure { title, subtitle, panels }))
    }

    /// The variable that is asked for, or what a file of transports is about.
    fn carried(&self, name: Option<&str>) -> Option<String> {
        if let Some(name) = name {
            return Some(name.to_owned()).filter(|name| self.dataset.variable(name).is_ok());
        }
        let data = || self.dataset.data_variables().map(|v| &v.variable);
        if self.dataset.attributes().text("halocline_transport_options").is_none() {
            let mut all = data();
            return all.next().filter(|_| all.next().is_none()).map(|v| v.name.clone());
        }
        let first = ["hfbasin", "sltbasin", "fwbasin", "volume"];
        let named = first.iter().find(|name| self.dataset.variable(name).is_ok());
        named.map(|name| (*name).to_owned()).or_else(|| data().next().map(|v| v.name.clone()))
    }

    /// The parts of a variable along the dimension whose places have names; `None` if it has no such.
    fn parts(&self, variable: &Variable) -> Result<Option<Vec<Part>>> {
        for dim in variable.dims.iter().filter(|d| !matches!(d.role, Role::Time | Role::Level) && d.len > 0) {
            let is_text = |v: &Variable| matches!(v.dtype, DType::Char | DType::String);
            let named = |v: &Variable| is_text(v) && v.dims.first().is_some_and(|d| d.name == dim.name);
            let Some(names) = self.dataset.variables().iter().find(|v| named(&v.variable)) else { continue };
            let shape = names.variable.shape();
            let file = Library::open(self.dataset.files()[0].path.as_ref())?;
            let cells = file.text(names, &IndexBox::whole(&shape))?;
            let each = (cells.len() / dim.len).max(1);
            let name = |cells: &[Vec<u8>]| {
                let text = String::from_utf8_lossy(&cells.concat()).into_owned();
                text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned()
            };
            let parts = cells.chunks(each).enumerate();
            let parts = parts.map(|(k, cells)| Part { dim: dim.name.clone(), k, name: name(cells) });
            return Ok(Some(parts.take(dim.len).collect()));
        }
        Ok(None)
    }

    /// A map of the path of section number `k`, with an arrow where flow counts as positive.
    fn path(&self, k: usize, name: &str) -> Result<MapPanel> {
        let of = self.values("path_section")?;
        let (lon, lat) = (self.values("path_lon")?, self.values("path_lat")?);
        let own = of.iter().zip(lon.iter().zip(&lat)).filter(|(n, _)| **n == (k + 1) as f64);
        let mut path: Vec<(f64, f64)> = own.map(|(_, (lon, lat))| (*lon, *lat)).collect();
        path.retain(|(lon, lat)| lon.is_finite() && lat.is_finite());
        unwrap(&mut path);
        let mut panel = empty_map(&path);
        name.clone_into(&mut panel.title);
        // Over a tenth of it, as single steps go along faces.
        let of = |share: f64| (path.len() as f64 * share) as usize;
        let ends = path.get(of(0.45)).zip(path.get(of(0.55).max(of(0.45) + 1)));
        if let Some((from, to)) = ends {
            let across = (to.0 - from.0) * from.1.to_radians().cos();
            let length = across.hypot(to.1 - from.1);
            if length > 0.0 {
                let at = (0.5 * (from.0 + to.0), 0.5 * (from.1 + to.1));
                panel.arrows.push((at, ((to.1 - from.1) / length, -across / length)));
            }
        }
        panel.paths = vec![path];
        Ok(panel)
    }
}

/// Longitudes without jumps by a turn.
fn unwrap(path: &mut [(f64, f64)]) {
    for n in 1..path.len() {
        let step = path[n].0 - path[n - 1].0;
        path[n].0 -= 360.0 * (step / 360.0).round();
    }
}

/// A map without values around a path.
fn empty_map(path: &[(f64, f64)]) -> MapPanel {
    let ends = |of: fn(&(f64, f64)) -> f64| {
        path.iter().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
    };
    let ((west, east), (south, north)) = (ends(|p| p.0), ends(|p| p.1));
    if west > east {
        return MapPanel::default();
    }
    let half = (0.65 * (east - west) / 1.5).max(0.65 * (north - south)).max(LEAST);
    let window = |(a, b): (f64, f64), half: f64, most: f64| {
        let middle = 0.5 * (a + b);
        let half = half.min(most);
        (middle - half, middle + half)
    };
    let (west, east) = window((west, east), 1.5 * half, 180.0);
    let (south, north) = window((south, north), half, 180.0);
    let (south, north) = (south.max(-90.0), north.min(90.0));
    let at = |(a, b): (f64, f64), k: usize| a + (b - a) * (k as f64 + 0.5) / EMPTY as f64;
    let cells = || (0..EMPTY * EMPTY).map(|cell| (cell / EMPTY, cell % EMPTY));
    MapPanel {
        lat: cells().map(|(j, _)| at((south, north), j)).collect(),
        lon: cells().map(|(_, i)| at((west, east), i)).collect(),
        values: vec![f64::NAN; EMPTY * EMPTY],
        shape: (EMPTY, EMPTY),
        rectilinear: true,
        ..MapPanel::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_over_the_date_line_is_one_piece_on_its_map() {
        let mut path = vec![(178.0, -10.0), (-178.0, -10.0), (-170.0, 10.0)];
        unwrap(&mut path);
        assert_eq!(path[2], (190.0, 10.0));
        let map = empty_map(&path);
        assert!(map.lon.iter().all(|lon| (160.0..210.0).contains(lon)));
        assert!(map.lat.iter().all(|lat| lat.abs() < 13.0));
        assert_eq!(empty_map(&[]).values.len(), 0);
    }
}

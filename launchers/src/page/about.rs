//! What a file is: size, dimensions, times, grid, variables.

use super::numbers::Numbers;
use super::words::{fact, number};
use crate::common::bytes_text;
use halocline_core::grid::{Grid, GridKind};
use halocline_core::meta::{Coordinate, Dim, Role};
use halocline_io::dataset::{Dataset, VariableInfo};
use minijinja::{context, Value};
use std::fmt::Write as _;

/// Attributes of a file that say what it is.
const TOLD: [(&str, &str); 6] = [
    ("title", "Title"),
    ("institution", "Institution"),
    ("source", "Source"),
    ("references", "References"),
    ("comment", "Comment"),
    ("Conventions", "Conventions"),
];
/// Cells of coordinates over two dimensions that are looked at for their ends, at most.
const MOST_CELLS: usize = 1 << 24;

/// The title of a file, or else its name.
pub(super) fn title(dataset: &Dataset, name: &str) -> String {
    let title = dataset.attributes().text("title").map(one_line);
    title.filter(|t| !t.is_empty()).unwrap_or_else(|| name.to_owned())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Facts in order; the title only where it does not stand above them.
pub(super) fn facts(dataset: &Dataset, path: &str, with_title: bool) -> Vec<Value> {
    let bytes: u64 = dataset.files().iter().map(|f| f.bytes).sum();
    let mut all = vec![fact("File", &format!("{path} ({}, {})", dataset.format(), bytes_text(bytes)))];
    for (name, label) in TOLD.into_iter().filter(|(name, _)| with_title || *name != "title") {
        if let Some(text) = dataset.attributes().text(name).map(one_line).filter(|t| !t.is_empty()) {
            all.push(fact(label, &text));
        }
    }
    let dims: Vec<String> = dataset.dims().iter().map(|d| format!("{} {}", d.name, d.len)).collect();
    all.push(fact("Dimensions", &if dims.is_empty() { "none".to_owned() } else { dims.join(", ") }));
    if let Some(time) = dataset.time().filter(|t| !t.values.is_empty()) {
        let last = time.values.len() - 1;
        let text = format!(
            "{} to {}, {}, {} (calendar {})",
            time.datetime(0).iso(),
            time.datetime(last).iso(),
            crate::folding::plural(last + 1, "step"),
            time.step_text(),
            time.calendar.name()
        );
        all.push(fact("Time", &text));
    }
    if let Some(problem) = dataset.time_problem() {
        all.push(fact("Time", &format!("can't be used: {problem}")));
    }
    all.extend(grids(dataset).iter().map(|text| fact("Grid", text)));
    all
}

/// Each horizontal grid that data variables are on, once.
fn grids(dataset: &Dataset) -> Vec<String> {
    let mut seen: Vec<Vec<&Dim>> = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    for info in dataset.data_variables().filter(|v| v.variable.dtype.is_numeric()) {
        let horizontal: Vec<&Dim> =
            info.variable.dims.iter().filter(|d| matches!(d.role, Role::Y | Role::X)).collect();
        let cells = horizontal.iter().fold(1usize, |n, d| n.saturating_mul(d.len));
        if horizontal.is_empty() || seen.contains(&horizontal) {
            continue;
        }
        // Any dimension that is not known may be one of cells, or of frequencies.
        let told = |grid: &Grid| grid.kind != GridKind::Unknown || grid.dims.len() == 2;
        // Coordinates over both dimensions are as large as a map.
        let text = if cells > MOST_CELLS {
            format!("{cells} cells")
        } else {
            match dataset.grid(&info.variable.name) {
                Ok(grid) if told(&grid) => grid_text(&grid),
                Ok(_) => continue,
                Err(e) => format!("can't be read: {e}"),
            }
        };
        seen.push(horizontal);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

fn grid_text(grid: &Grid) -> String {
    let kind = match grid.kind {
        GridKind::Rectilinear => "rectilinear",
        GridKind::Curvilinear => "curvilinear",
        GridKind::Unstructured => "unstructured",
        GridKind::Unknown => "without latitude and longitude",
    };
    let shape: Vec<String> = grid.dims.iter().map(|d| format!("{} {}", d.name, d.len)).collect();
    let mut text = format!("{kind}, {}", shape.join(" × "));
    for (name, coordinate) in [("latitude", &grid.lat), ("longitude", &grid.lon)] {
        if let Some((low, high)) = coordinate.as_ref().and_then(ends) {
            let _ = write!(text, ", {name} {} to {}", number(low), number(high));
        }
    }
    text
}

fn ends(coordinate: &Coordinate) -> Option<(f64, f64)> {
    let values = coordinate.values.to_f64();
    let finite = values.iter().filter(|v| v.is_finite());
    let both = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
    (both.0 <= both.1).then_some(both)
}

/// A row of the table of numbers; without `numbers`, it says why there are none.
pub(super) fn row(info: &VariableInfo, numbers: std::result::Result<Numbers, String>) -> Value {
    let variable = &info.variable;
    let text = |name| variable.attributes.text(name).map(one_line).filter(|t| !t.is_empty());
    let said = text("long_name").or_else(|| text("standard_name")).unwrap_or_default();
    let shape: Vec<String> = variable.dims.iter().map(|d| format!("{}\u{a0}{}", d.name, d.len)).collect();
    let shape = if shape.is_empty() { "one number".to_owned() } else { shape.join(" × ") };
    let units = variable.units().filter(|u| !u.is_empty()).unwrap_or("–").to_owned();
    let name = variable.name.clone();
    match numbers {
        Ok(n) => {
            let all = n.present + n.missing;
            let missing = match n.missing {
                0 => "0".to_owned(),
                some => format!("{some} ({} %)", percent(some, all)),
            };
            let of = |v: f64| if n.present == 0 { "–".to_owned() } else { number(v) };
            let (min, mean, max) = (of(n.min), of(n.mean()), of(n.max));
            context! { name, said, shape, units, min, mean, max, missing, why => "" }
        }
        Err(why) => context! { name, said, shape, units, why },
    }
}

/// With one decimal, but 0 and 100 only where it is all or nothing.
fn percent(part: u64, all: u64) -> String {
    let percent = 100.0 * part as f64 / all as f64;
    match format!("{percent:.1}").as_str() {
        "0.0" => "< 0.1".to_owned(),
        "100.0" if part < all => "> 99.9".to_owned(),
        "100.0" => "100".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn shares_are_not_rounded_to_nothing_or_all() {
        assert_eq!(percent(1, 3), "33.3");
        assert_eq!(percent(1, 1_000_000), "< 0.1");
        assert_eq!(percent(999_999, 1_000_000), "> 99.9");
        assert_eq!(percent(7, 7), "100");
    }
}

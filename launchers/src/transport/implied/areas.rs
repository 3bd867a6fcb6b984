//! Areas of cells, and the strips between lines that they belong to.

use super::ImpliedHeatArgs;
use crate::transport::ocean::{find, Places};
use halocline_algorithms::transport::NO_STRIP;
use halocline_core::comm::Comm;
use halocline_core::grid::GridKind;
use halocline_core::{Error, Result};
use halocline_io::{Dataset, Source};
use std::collections::HashMap;
use std::path::PathBuf;

const AREAS: [&str; 8] = ["areacello", "area_t", "TAREA", "tarea", "rA", "area", "cell_area", "areat"];

/// Areas of cells in m², and how they were found.
///
/// # Collective
/// Every rank calls this.
pub(super) fn areas(
    comm: &Comm,
    (sets, source): (&[Dataset], &Source),
    args: &ImpliedHeatArgs,
    files: &mut Vec<PathBuf>,
) -> Result<(Vec<f64>, String)> {
    let cells = source.grid().len();
    let mut look = |asked: Option<&str>, names: &[&str]| {
        let found = find::fixed_in(comm, sets, (asked, false), (names, &[cells]), files)?;
        found.map(|found| in_metres(&found)).transpose()
    };
    if let Some(found) = look(args.area.as_deref(), &AREAS)? {
        return Ok(found);
    }
    if let Some(((e1, one), (e2, two))) = look(None, &["e1t"])?.zip(look(None, &["e2t"])?) {
        let areas = e1.iter().zip(&e2).map(|(a, b)| a * b).collect();
        return Ok((areas, format!("{one} times {two}")));
    }
    if let Some(areas) = source.cell_areas(comm)? {
        return Ok((areas, "areas: by cell_measures".to_owned()));
    }
    let unit = source.grid().areas().map_err(|e| e.remedy("name areas with --area"))?;
    let square = args.radius * args.radius;
    let text = format!("areas: from bounds, on a sphere of {} m", args.radius);
    Ok((unit.iter().map(|a| a * square).collect(), text))
}

/// In units of metres.
fn in_metres(found: &find::Static) -> Result<(Vec<f64>, String)> {
    let units = found.units.as_deref().unwrap_or("m2").replace(['^', '*', ' '], "");
    let factor = match units.as_str() {
        "m2" | "m" | "meter" | "meters" | "metre" | "metres" | "meter2" | "meters2" | "metre2" => 1.0,
        "km2" => 1e6,
        "cm2" | "centimeter2" | "centimeters2" | "centimetre2" => 1e-4,
        _ => {
            return Err(Error::data(format!("areas in `{units}` are not understood"))
                .in_variable(&found.name)
                .remedy("give areas in m2 with --area"))
        }
    };
    let all: Vec<f64> = found.values.to_f64().iter().map(|a| a * factor).collect();
    if let Some(bad) = all.iter().find(|a| **a < 0.0 || a.is_infinite()) {
        return Err(Error::data(format!("an area is {bad}")).in_variable(&found.name));
    }
    Ok((all, format!("areas: {}", found.name)))
}

/// Takes away the areas of cells that are there twice, as on the seam and the fold of NEMO's grids: the
/// first of them counts that has an area and a value, as what `there` finds (it is asked only if there
/// are such cells), else the first with an area. How many are taken away.
pub(super) fn once(
    places: &Places,
    areas: &mut [f64],
    there: impl FnOnce() -> Result<Vec<bool>>,
) -> Result<usize> {
    let mut first = HashMap::with_capacity(areas.len());
    let mut twins = Vec::new();
    for (k, (lat, lon)) in places.lat.iter().zip(&places.lon).enumerate() {
        // A ten-thousandth of a degree is 11 m.
        let whole = |v: f64| (v * 1e4).round() as i64;
        let place = (whole(*lat), whole(*lon).rem_euclid(3_600_000));
        if lat.is_finite() && lon.is_finite() {
            let first = *first.entry(place).or_insert(k);
            twins.extend((first != k).then_some((first, k)));
        }
    }
    if twins.is_empty() {
        return Ok(0);
    }
    let there = there()?;
    // Columns and rows that are repeated are often left empty on one side.
    let worth = |area: f64, k: usize| if area > 0.0 { 1 + u8::from(there[k]) } else { 0 };
    let mut best: HashMap<usize, usize> = HashMap::new();
    for (first, k) in &twins {
        let best = best.entry(*first).or_insert(*first);
        if worth(areas[*k], *k) > worth(areas[*best], *best) {
            areas[*best] = 0.0;
            *best = *k;
        } else {
            areas[*k] = 0.0;
        }
    }
    Ok(twins.len())
}

/// Latitudes of lines from south to north, and the strip between two of them that each cell is in.
pub(super) fn strips(source: &Source, places: &Places, bins: Option<f64>) -> Result<(Vec<f64>, Vec<u32>)> {
    if let Some(step) = bins {
        return of_circles(&places.lat, step);
    }
    let (rows, columns) = (places.rows, places.columns);
    let lat: Vec<f64> = places.lat.chunks_exact(columns).map(mean).collect();
    // Rows of land may have no latitudes.
    let told = || lat.iter().filter(|l| l.is_finite());
    let downwards = told().next_back().zip(told().next()).is_some_and(|(last, first)| last < first);
    let strip = |k: usize| {
        let row = k / columns;
        (if downwards { rows - 1 - row } else { row }) as u32
    };
    let strips = (0..rows * columns).map(strip).collect();
    let centres: Vec<f64> = if downwards { lat.into_iter().rev().collect() } else { lat };
    let grid = source.grid();
    let edges = (grid.kind == GridKind::Rectilinear).then(|| grid.cell_edges().ok()).flatten();
    let lines = match edges.map(|e| e.lat).filter(|e| e.len() == rows) {
        Some(mut pairs) => {
            if downwards {
                pairs.reverse();
            }
            let south = pairs.iter().map(|[a, b]| a.min(*b));
            south.chain(pairs.last().map(|[a, b]| a.max(*b))).collect()
        }
        None => between(&centres),
    };
    Ok((lines, strips))
}

/// Half-way between rows, and as far beyond the first and the last.
fn between(centres: &[f64]) -> Vec<f64> {
    let n = centres.len();
    let inner = centres.windows(2).map(|w| 0.5 * (w[0] + w[1]));
    let ends = if n > 1 { (centres[1] - centres[0], centres[n - 1] - centres[n - 2]) } else { (0.0, 0.0) };
    let first = (centres[0] - 0.5 * ends.0).max(-90.0);
    let last = (centres[n - 1] + 0.5 * ends.1).min(90.0);
    std::iter::once(first).chain(inner).chain([last]).collect()
}

/// Circles of latitude that are multiples of a step from the south pole, around all cells; a cell that
/// is on one is north of it.
fn of_circles(lat: &[f64], step: f64) -> Result<(Vec<f64>, Vec<u32>)> {
    let there = || lat.iter().copied().filter(|l| l.is_finite());
    let (least, most) = (there().fold(f64::INFINITY, f64::min), there().fold(f64::NEG_INFINITY, f64::max));
    if least > most {
        return Err(Error::data("its grid has no latitudes"));
    }
    let count = (180.0 / step).ceil() as i64;
    let all: Vec<f64> = (0..=count).map(|k| (-90.0 + step * k as f64).min(90.0)).collect();
    let first = all.partition_point(|edge| *edge <= least).saturating_sub(1);
    let last = all.partition_point(|edge| *edge <= most).min(all.len() - 1);
    let lines = all[first..=last.max(first + 1).min(all.len() - 1)].to_vec();
    let strip = |lat: &f64| {
        if lat.is_nan() {
            return NO_STRIP;
        }
        let at = lines.partition_point(|edge| *edge <= *lat);
        at.clamp(1, lines.len() - 1) as u32 - 1
    };
    let strips = lat.iter().map(strip).collect();
    Ok((lines, strips))
}

/// The mean of what is there.
fn mean(values: &[f64]) -> f64 {
    let there: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    there.iter().sum::<f64>() / there.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_around_all_cells_and_take_those_on_them_to_the_north() {
        let (lines, strips) = of_circles(&[-12.0, -10.0, 3.0, 10.0, f64::NAN], 10.0).unwrap();
        assert_eq!(lines, [-20.0, -10.0, 0.0, 10.0, 20.0]);
        assert_eq!(strips, [0, 1, 2, 3, NO_STRIP]);
        let (lines, strips) = of_circles(&[-90.0, 90.0], 45.0).unwrap();
        assert_eq!((lines.len(), strips), (5, vec![0, 3]));
        let (lines, strips) = of_circles(&[89.0, 90.0], 70.0).unwrap();
        assert_eq!((lines, strips), (vec![50.0, 90.0], vec![0, 0]));
        assert!(of_circles(&[f64::NAN], 10.0).is_err());
    }

    #[test]
    fn areas_are_told_in_square_metres() {
        let found = |units: &str| find::Static {
            name: "a".to_owned(),
            values: halocline_core::meta::Values::F64(vec![2e4]),
            units: Some(units.to_owned()),
            file: String::new(),
            flags: Vec::new(),
            dims: Vec::new(),
        };
        assert_eq!(in_metres(&found("centimeter^2")).unwrap().0, [2.0]);
        assert_eq!(in_metres(&found("m2")).unwrap().0, [2e4]);
        assert!(in_metres(&found("acre")).is_err());
    }

    #[test]
    fn cells_at_one_place_count_once() {
        let places = Places { rows: 1, columns: 4, lat: vec![10.0; 4], lon: vec![0.0, 180.0, 360.0, -180.0] };
        let mut areas = [1.0; 4];
        assert_eq!(once(&places, &mut areas, || Ok(vec![true; 4])).unwrap(), 2);
        assert_eq!(areas, [1.0, 1.0, 0.0, 0.0]);
        // One that has no area, or no value, gives way to one that has.
        let mut areas = [0.0, 1.0, 2.0, 3.0];
        assert_eq!(once(&places, &mut areas, || Ok(vec![true, false, false, true])).unwrap(), 2);
        assert_eq!(areas, [0.0, 0.0, 2.0, 3.0]);
        let alone = Places { rows: 1, columns: 2, lat: vec![10.0; 2], lon: vec![0.0, 1.0] };
        let unasked = || Err(Error::internal("nothing is there twice"));
        assert_eq!(once(&alone, &mut [1.0; 2], unasked).unwrap(), 0);
        assert_eq!(between(&[-89.9, -89.0, 0.0]), [-90.0, -89.45, -44.5, 44.5]);
    }
}

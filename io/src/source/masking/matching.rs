//! Which cell of a mask is which cell of the data, by where they lie.

use crate::source::lonlat::Cut;
use halocline_core::grid::{Grid, GridKind};
use halocline_core::meta::{Coordinate, Role};

/// Where the cells of the data are in a plane of the mask.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Match {
    /// By row and by column.
    RowsAndColumns(Vec<usize>, Vec<usize>),
    /// Cell by cell.
    Cells(Vec<usize>),
}

impl Match {
    /// The number of the mask's cell, in C order, for each cell of the data.
    pub(super) fn each(&self, width: usize) -> Box<dyn Iterator<Item = usize> + '_> {
        match self {
            Self::RowsAndColumns(rows, columns) => {
                Box::new(rows.iter().flat_map(move |j| columns.iter().map(move |i| j * width + i)))
            }
            Self::Cells(cells) => Box::new(cells.iter().copied()),
        }
    }
}

/// Degrees within which places are the same: a hundredth of the spacing, and what single
/// precision makes of longitudes.
fn tolerance(sorted: &[(f64, usize)]) -> f64 {
    let gaps = sorted.windows(2).map(|w| w[1].0 - w[0].0).filter(|gap| *gap > 1e-6);
    let least = gaps.fold(f64::INFINITY, f64::min);
    if least.is_finite() {
        (0.01 * least).max(2e-5)
    } else {
        2e-5
    }
}

/// For each wanted value, the index of the same one among `have`; else a value that only
/// one of them has.
fn along(wanted: &[f64], have: &[f64], turn: bool) -> Result<Vec<usize>, f64> {
    let place = |v: f64| if turn { v.rem_euclid(360.0) } else { v };
    let mut sorted: Vec<(f64, usize)> = have.iter().enumerate().map(|(i, &v)| (place(v), i)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let near = tolerance(&sorted);
    let find = |v: f64| {
        let at = place(v);
        let next = sorted.partition_point(|s| s.0 < at);
        // The neighbours on either side; of longitudes over the seam too.
        let candidates = [next.checked_sub(1), Some(next), Some(0), sorted.len().checked_sub(1)];
        let apart = |s: &(f64, usize)| {
            let d = (s.0 - at).abs();
            if turn {
                d.min(360.0 - d)
            } else {
                d
            }
        };
        let found = candidates.into_iter().flatten().filter_map(|k| sorted.get(k));
        found.min_by(|a, b| apart(a).total_cmp(&apart(b))).filter(|s| apart(s) <= near).map(|s| s.1)
    };
    let found: Vec<usize> = wanted.iter().map(|&v| find(v).ok_or(v)).collect::<Result<_, _>>()?;
    // Neighbours are neighbours, or a finer mask would be sampled; over the seam they are not.
    let skips = |w: &[usize]| {
        let step = w[1].abs_diff(w[0]);
        step > 1 && !(turn && step + 2 >= have.len())
    };
    match found.windows(2).position(skips) {
        Some(k) => Err(have[usize::midpoint(found[k], found[k + 1])]),
        None => Ok(found),
    }
}

/// Finds the cells of `data` (after the cut) in `mask`, a whole grid; `whole` are the lengths of
/// the horizontal dimensions of the data's file.
///
/// # Errors
/// In words, what does not match.
pub(super) fn find(
    data: &Grid,
    cut: &Cut,
    whole: &[usize],
    mask: &Grid,
) -> Result<(Match, Option<&'static str>), String> {
    let by_index = |flip: bool| by_index(cut, whole, flip);
    let same_shape = mask.shape() == whole;
    let without = [data, mask].map(|g| g.lat.is_none() || g.lon.is_none());
    if without.contains(&true) {
        if !same_shape {
            return Err(
                "one of them has no latitudes and longitudes to match by, and their shapes differ".into()
            );
        }
        let note =
            "has no latitudes and longitudes to match by: taken cell by cell, as it is of the same shape";
        return Ok((Match::Cells(by_index(false)), Some(note)));
    }
    if data.kind == GridKind::Rectilinear && mask.kind == GridKind::Rectilinear {
        let values = |c: &Option<Coordinate>| c.as_ref().map_or_else(Vec::new, |c| c.values.to_f64());
        let none = |what: &'static str| move |v: f64| format!("only one of them has cells at {what} {v}");
        let rows = along(&values(&data.lat), &values(&mask.lat), false).map_err(none("latitude"))?;
        let columns = along(&values(&data.lon), &values(&mask.lon), true).map_err(none("longitude"))?;
        return Ok((Match::RowsAndColumns(rows, columns), None));
    }
    if !same_shape {
        return Err("their shapes differ".into());
    }
    let (Some(lat), Some(lon)) = (data.latitudes(), data.longitudes()) else {
        return Err("the coordinates of the data don't fit their dimensions".into());
    };
    let (Some(mask_lat), Some(mask_lon)) = (mask.latitudes(), mask.longitudes()) else {
        return Err("the coordinates of the mask don't fit its dimensions".into());
    };
    let mut first = None;
    for flip in [false, true] {
        let cells = by_index(flip && whole.len() == 2);
        let apart =
            cells.iter().enumerate().find(|(c, &m)| !same([lat[*c], lon[*c]], [mask_lat[m], mask_lon[m]]));
        let Some((c, &m)) = apart else { return Ok((Match::Cells(cells), None)) };
        first.get_or_insert_with(|| {
            format!(
                "where the data have latitude {}, longitude {} the mask has {}, {}",
                lat[c], lon[c], mask_lat[m], mask_lon[m]
            )
        });
    }
    Err(first.unwrap_or_default())
}

/// Whether two places, latitude and longitude, are the same. Where one is not known (land that a
/// model left out), it is.
fn same(a: [f64; 2], b: [f64; 2]) -> bool {
    // Curvilinear cells are kilometres wide, also where coordinates are rounded to a few digits.
    const NEAR: f64 = 1e-3;
    if a.iter().chain(&b).any(|v| !v.is_finite()) {
        return true;
    }
    let turns = ((a[1] - b[1]) / 360.0).round() * 360.0;
    // A degree of longitude is short near the poles.
    let east = (a[1] - b[1] - turns).abs() * a[0].to_radians().cos().abs();
    (a[0] - b[0]).abs() <= NEAR && east <= NEAR
}

/// Numbers of the selected cells in the whole file, rows counted from the other end if `flip`.
fn by_index(cut: &Cut, whole: &[usize], flip: bool) -> Vec<usize> {
    let columns: Vec<usize> = cut.x.iter().cloned().flatten().collect();
    let (ny, nx) = match whole {
        [ny, nx] => (*ny, *nx),
        [nx] => (1, *nx),
        _ => (1, 1),
    };
    let row = |j: usize| if flip { ny - 1 - j } else { j };
    cut.y.clone().flat_map(|j| columns.iter().map(move |i| (j, i))).map(|(j, i)| row(j) * nx + i).collect()
}

/// A grid in a few words, for a message.
pub(super) fn describe(grid: &Grid) -> String {
    let shape: Vec<String> = grid.dims.iter().map(|d| format!("{} {}", d.len, d.name)).collect();
    let range = |role: Role| {
        let coordinate = if role == Role::Y { &grid.lat } else { &grid.lon };
        let values = coordinate.as_ref()?.values.to_f64();
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let (least, most) =
            (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        (least <= most).then(|| format!("{least} to {most}"))
    };
    match (range(Role::Y), range(Role::X)) {
        (Some(lat), Some(lon)) => format!("{}, latitudes {lat}, longitudes {lon}", shape.join(" x ")),
        _ => format!("{}, no latitudes and longitudes", shape.join(" x ")),
    }
}

/// For each level wanted the index of the same one among `have`, to a thousandth.
///
/// # Errors
/// The first one that has none.
pub(super) fn levels(wanted: &[f64], have: &[f64]) -> Result<Vec<usize>, f64> {
    let same = |a: f64, b: f64| (a - b).abs() <= 1e-3 * a.abs().max(b.abs());
    let nearest = |v: f64| {
        let apart = |k: &usize| (have[*k] - v).abs();
        (0..have.len()).min_by(|a, b| apart(a).total_cmp(&apart(b))).filter(|&k| same(have[k], v))
    };
    wanted.iter().map(|&v| nearest(v).ok_or(v)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_in_any_order_and_convention() {
        assert_eq!(along(&[-10.0, 0.0, 10.0], &[20.0, 10.0, 0.0, -10.0, -20.0], false), Ok(vec![3, 2, 1]));
        assert_eq!(along(&[350.0, 0.0, 10.0], &[-180.0, -10.0, 0.0, 10.0], true), Ok(vec![1, 2, 3]));
        assert_eq!(along(&[359.99999, 0.1], &[0.0, 0.1, 180.0], true), Ok(vec![0, 1]));
        assert_eq!(along(&[5.0], &[0.0, 10.0, 20.0], false), Err(5.0));
        assert_eq!(along(&[f64::from(0.1f32)], &[0.1, 0.2], false), Ok(vec![0]));
        assert_eq!(along(&[1.0], &[], true), Err(1.0));
        assert_eq!(along(&[0.0, 2.0, 4.0], &[0.0, 1.0, 2.0, 3.0, 4.0], false), Err(1.0));
        assert!(along(&[f64::NAN], &[1.0, 2.0], false).is_err());
    }

    #[test]
    fn places_over_the_seam_and_at_poles() {
        assert!(same([10.0, 359.9999], [10.0, -0.0001]));
        assert!(same([90.0, 12.0], [90.0, 250.0]));
        assert!(!same([0.0, 1.0], [0.0, 1.5]));
        assert!(same([f64::NAN, 0.0], [3.0, 4.0]));
    }

    #[test]
    fn levels_are_found() {
        assert_eq!(levels(&[1000.0, 500.0], &[500.0, 850.0, 1000.0]), Ok(vec![2, 0]));
        assert_eq!(levels(&[0.0], &[0.0, 1.0]), Ok(vec![0]));
        assert_eq!(levels(&[700.0], &[500.0, 850.0]), Err(700.0));
    }
}

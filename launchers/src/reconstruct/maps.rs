//! From the maps of an EOF file to those that make the field.

use crate::eof_file::{EofFile, Mode, Weighting, MONTHS};
use halocline_algorithms::eof::Anomaly;
use halocline_algorithms::projection::Addend;
use halocline_core::grid::{Grid, GridKind};
use halocline_core::memory::filled;
use halocline_core::{Error, Result};

/// Lengths that differ from 1 by more are not those of unit EOFs.
const NORM: f64 = 1e-3;

/// What one variable is made of.
pub(super) struct Maps {
    /// Modes × cells: what the principal components, as the file has them, are multiplied by.
    pub(super) values: Vec<f64>,
    pub(super) addend: Option<Addend>,
    /// Σ v² of each mode, as far as it is of this variable; none if the weights are not known.
    pub(super) squares: Option<Vec<f64>>,
}

/// Bytes of the maps of a variable while they are made: with its means if they are added.
pub(super) fn bytes(file: &EofFile, cells: usize, modes: usize, add_mean: bool) -> u64 {
    let means = match file.recorded.anomaly {
        Anomaly::Climatology if add_mean => MONTHS,
        _ => usize::from(add_mean),
    };
    ((modes + means + 3) as u64).saturating_mul(cells as u64).saturating_mul(size_of::<f64>() as u64)
}

/// Reads the maps of a variable: σ / w · vₖ over the scaling of the principal components.
///
/// # Errors
/// Data, if the file lacks what is needed for that.
pub(super) fn read(file: &EofFile, name: &str, modes: &[Mode], grid: &Grid, cells: usize) -> Result<Maps> {
    let scaling = file.recorded.scaling;
    let factor = file.factor(name)?;
    let weights =
        weights(file, grid, cells)?.map(|all| all.into_iter().map(|w| w * factor).collect::<Vec<_>>());
    let deviation = match scaling.standardize || scaling.needs_deviation() {
        false => None,
        true if file.result("standard_deviation", name).is_none() => {
            let what = if scaling.standardize { "of a standardized field" } else { "correlations" };
            return Err(Error::data(format!("its EOFs are {what}, and the standard deviation is not in it"))
                .remedy("make it anew with this version of `halocline eof`, without --standardize or with another --eof-scaling if it still lacks it"));
        }
        true => Some(file.map("standard_deviation", name, None)?),
    };
    let mut values = filled(modes.len() * cells, 0.0f64);
    let mut squares = weights.as_ref().map(|_| Vec::with_capacity(modes.len()));
    for (mode, out) in modes.iter().zip(values.chunks_mut(cells.max(1))) {
        let map = file.map("eof", name, Some(mode.index))?;
        let (unit, pc) = (scaling.unit_factor(mode.eigenvalue), scaling.pc_factor(mode.eigenvalue));
        let mut square = 0.0;
        for (c, (o, e)) in out.iter_mut().zip(&map).enumerate() {
            let weight = weights.as_ref().map_or(f64::NAN, |w| w[c]);
            let spread = deviation.as_ref().filter(|_| scaling.needs_deviation()).map_or(1.0, |d| d[c]);
            // The unit EOF of the weighted field, and what it is of the field itself.
            let (weighted, plain) = if scaling.is_unweighted() {
                (weight * spread * unit * e, spread * unit * e)
            } else {
                // Where the weight is zero, nothing is known of the field.
                (unit * e, if weight > 0.0 { unit * e / weight } else { f64::NAN })
            };
            if !weighted.is_nan() {
                square += weighted * weighted;
            }
            let restored = deviation.as_ref().filter(|_| scaling.standardize).map_or(1.0, |d| d[c]);
            *o = plain * restored / pc;
        }
        if let Some(squares) = &mut squares {
            squares.push(square);
        }
    }
    Ok(Maps { values, addend: None, squares })
}

/// Refuses modes whose EOFs, over all variables, are not of unit length: scalings or weights are
/// not what the file says.
pub(super) fn check_unit(file: &EofFile, modes: &[Mode], all: &[Maps]) -> Result<()> {
    let Some(squares) = all.iter().map(|m| m.squares.as_ref()).collect::<Option<Vec<_>>>() else {
        return Ok(());
    };
    for (k, mode) in modes.iter().enumerate() {
        let norm = squares.iter().map(|s| s[k]).sum::<f64>().sqrt();
        // Of small eigenvalues few digits hold.
        let near = NORM + 1e3 * f64::EPSILON * file.first_eigenvalue() / mode.eigenvalue;
        if norm.is_nan() || (norm - 1.0).abs() > near {
            return Err(Error::data(format!("the length of EOF {} comes out as {norm}, not 1", mode.number))
                .remedy("its EOFs are not those that its options and coordinates tell: it was cut, rotated or rewritten"));
        }
    }
    Ok(())
}

/// The mean, or the climatology of each month that is needed.
pub(super) fn addend(file: &EofFile, name: &str, months: &[u8]) -> Result<Addend> {
    if file.recorded.anomaly != Anomaly::Climatology {
        return Ok(Addend { maps: file.map("mean", name, None)?, part: vec![0; months.len()] });
    }
    let mut maps = Vec::new();
    for month in 0..MONTHS {
        maps.extend(file.map("mean", name, Some(month))?);
    }
    Ok(Addend { maps, part: months.iter().map(|&m| u32::from(m) - 1).collect() })
}

/// The weights of all cells; none if they can't be known and are not needed.
fn weights(file: &EofFile, grid: &Grid, cells: usize) -> Result<Option<Vec<f64>>> {
    let needed = !file.recorded.scaling.is_unweighted();
    if needed
        && matches!(file.recorded.weights, Weighting::Area | Weighting::Polygon)
        && file.recorded.is_boxed
        && !tells_edges(grid)
    {
        return Err(Error::data(
            "its EOFs are of a box of an uneven grid without bounds, whose areas at the rim are not known any more",
        )
        .remedy("make it anew with --eof-scaling covariance"));
    }
    match file.recorded.weights.of(grid) {
        Ok(ground) => {
            let width = ground.len().max(1);
            Ok(Some((0..cells).map(|c| ground[c % width]).collect()))
        }
        Err(e) if needed => Err(e),
        Err(_) => Ok(None),
    }
}

/// Whether areas are those of the whole grid: from bounds, or of even steps.
fn tells_edges(grid: &Grid) -> bool {
    if grid.kind != GridKind::Rectilinear {
        return true;
    }
    let known = |c: &halocline_core::meta::Coordinate| {
        let v = c.values.to_f64();
        let steps: Vec<f64> = v.windows(2).map(|w| w[1] - w[0]).collect();
        c.bounds.is_some() || steps.iter().all(|s| (s - steps[0]).abs() <= 1e-4 * steps[0].abs())
    };
    [&grid.lat, &grid.lon].into_iter().flatten().all(known)
}

//! Grids on which lines of faces are known to have the right signs, and to close.

use halocline_algorithms::transport::Mesh;
use halocline_core::grid::mesh::{recognise, EdgeNorth, TopologyChoice};
use halocline_core::{Error, Result};

/// Whether columns go from west to east.
fn goes_east(mesh: &Mesh) -> bool {
    let row = &mesh.lon[..mesh.shape.1];
    let step = |pair: &[f64]| (pair[1] - pair[0] + 540.0).rem_euclid(360.0) - 180.0;
    let all: f64 = row.windows(2).map(step).filter(|d| d.is_finite()).sum();
    mesh.shape.1 < 2 || all > 0.0
}

/// Whether the last row meets itself across the north pole.
fn is_folded(mesh: &Mesh) -> bool {
    let shape = [mesh.shape.0, mesh.shape.1];
    recognise(shape, &mesh.lat, &mesh.lon, TopologyChoice::Auto)
        .is_ok_and(|topology| topology.north != EdgeNorth::Wall)
}

/// Refuses lines of faces that follow places instead of rows, where signs or the way across a fold
/// would not be right.
pub(super) fn check_lines(mesh: &Mesh, option: &str) -> Result<()> {
    if !goes_east(mesh) {
        return Err(Error::data(format!("{option} wants longitudes from west to east"))
            .remedy("turn the axis round first, as with `ncpdq -a -lon`"));
    }
    if is_folded(mesh) {
        return Err(Error::data(format!("{option} can't cross the north fold of a tripolar grid"))
            .remedy("cut the rows of the Arctic off, or leave it out and sum along the model's rows"));
    }
    Ok(())
}

/// Refuses to begin a streamfunction at an edge that is none.
pub(super) fn check_edge(mesh: &Mesh, from: &str) -> Result<()> {
    let remedy = "begin at the south: --from south";
    match from {
        "west" | "east" if !goes_east(mesh) => {
            Err(Error::data(format!("--from {from} wants longitudes from west to east")).remedy(remedy))
        }
        "west" | "east" if mesh.periodic => {
            Err(Error::data(format!("the grid goes round the globe: it has no edge in the {from}"))
                .remedy(remedy))
        }
        "north" if is_folded(mesh) => {
            Err(Error::data("the grid is folded in the north: it has no edge there").remedy(remedy))
        }
        _ => Ok(()),
    }
}

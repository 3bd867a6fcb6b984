use super::*;
use halocline_core::meta::{Attributes, DType, Dim, Variable};

fn coordinate(name: &str, dims: &[Dim], values: Vec<f64>) -> Coordinate {
    let variable =
        Variable { name: name.into(), dims: dims.to_vec(), dtype: DType::F64, attributes: Attributes::new() };
    Coordinate { variable, values: Values::F64(values), bounds: None }
}

fn rectilinear(lat: Vec<f64>, lon: Vec<f64>) -> Grid {
    let dims = vec![Dim::new("lat", lat.len(), Role::Y), Dim::new("lon", lon.len(), Role::X)];
    let (y, x) = (dims[..1].to_vec(), dims[1..].to_vec());
    let (lat, lon) = (coordinate("lat", &y, lat), coordinate("lon", &x, lon));
    Grid {
        kind: GridKind::Rectilinear,
        dims,
        lat: Some(lat),
        lon: Some(lon),
        extra: vec![],
        edges: None,
        excluded: vec![],
    }
}

fn globe(first: f64) -> Grid {
    rectilinear(
        (0..19).map(|j| 90.0 - 10.0 * f64::from(j)).collect(),
        (0..36).map(|i| first + 10.0 * f64::from(i)).collect(),
    )
}

/// The longitudes that a box leaves, as they will be written.
fn longitudes(grid: &Grid, sides: [f64; 4]) -> Vec<f64> {
    let cut = LonLatBox::new(sides).unwrap().cut(grid).unwrap();
    let all = grid.lon.as_ref().unwrap().values.to_f64();
    let picked: Vec<f64> = cut.x.iter().flat_map(|r| all[r.clone()].to_vec()).collect();
    let dims = [Dim::new("lon", picked.len(), Role::X)];
    let mut lon = coordinate("lon", &dims, picked);
    shift_longitudes(&mut lon, &cut);
    lon.values.to_f64()
}

#[test]
fn a_box_inside_keeps_its_longitudes() {
    assert_eq!(longitudes(&globe(0.0), [120.0, 140.0, -20.0, 20.0]), [120.0, 130.0, 140.0]);
    assert_eq!(longitudes(&globe(0.0), [-60.0, -40.0, -20.0, 20.0]), [300.0, 310.0, 320.0]);
    assert_eq!(longitudes(&globe(-180.0), [190.0, 205.0, -20.0, 20.0]), [-170.0, -160.0]);
    assert_eq!(longitudes(&globe(-280.0), [75.0, 90.0, 0.0, 0.0]), [-280.0, -270.0]);
}

#[test]
fn a_box_over_the_seam_runs_from_west_to_east() {
    assert_eq!(longitudes(&globe(0.0), [-15.0, 15.0, 0.0, 0.0]), [-10.0, 0.0, 10.0]);
    assert_eq!(longitudes(&globe(0.0), [345.0, 15.0, 0.0, 0.0]), [350.0, 360.0, 370.0]);
    assert_eq!(longitudes(&globe(-180.0), [165.0, 195.0, 0.0, 0.0]), [170.0, 180.0, 190.0]);
    assert_eq!(longitudes(&globe(-280.0), [60.0, 90.0, 0.0, 0.0]), [60.0, 70.0, 80.0, 90.0]);
}

#[test]
fn a_turn_takes_everything_once() {
    let all = longitudes(&globe(0.0), [-180.0, 180.0, -90.0, 90.0]);
    assert_eq!(all.len(), 36);
    assert_eq!((all[0], all[35]), (-180.0, 170.0));
    assert_eq!(longitudes(&globe(0.0), [0.0, 360.0, -90.0, 90.0])[..2], [0.0, 10.0]);
    let cyclic = rectilinear(vec![0.0, 1.0], (0..37).map(|i| 10.0 * f64::from(i)).collect());
    assert_eq!(longitudes(&cyclic, [-15.0, 15.0, 0.0, 1.0]), [-10.0, 0.0, 10.0]);
    assert_eq!(longitudes(&cyclic, [0.0, 360.0, 0.0, 1.0]).len(), 36);
}

#[test]
fn westward_longitudes_keep_their_direction() {
    let grid = rectilinear(vec![0.0, 1.0], (0..36).map(|i| 350.0 - 10.0 * f64::from(i)).collect());
    assert_eq!(longitudes(&grid, [100.0, 120.0, 0.0, 1.0]), [120.0, 110.0, 100.0]);
    assert_eq!(longitudes(&grid, [-10.0, 10.0, 0.0, 1.0]), [10.0, 0.0, -10.0]);
}

#[test]
fn rows_in_either_order() {
    let rows = |grid: &Grid| LonLatBox::new([0.0, 10.0, 30.0, 55.0]).unwrap().cut(grid).unwrap().y;
    assert_eq!(rows(&globe(0.0)), 4..7);
    assert_eq!(rows(&rectilinear(vec![20.0, 30.0, 40.0, 60.0], vec![0.0, 5.0])), 1..3);
}

#[test]
fn a_box_on_a_curvilinear_grid_leaves_cells_out() {
    let dims = vec![Dim::new("y", 3, Role::Y), Dim::new("x", 4, Role::X)];
    let lat = coordinate("lat", &dims, vec![0., 0., 0., 0., 1., 2., 1., 1., 3., 3., 3., f64::NAN]);
    let lon = coordinate("lon", &dims, vec![0., 1., 2., 3., 359., 1., 2., 3., 0., 1., 2., 3.]);
    let grid = Grid {
        kind: GridKind::Curvilinear,
        dims,
        lat: Some(lat),
        lon: Some(lon),
        extra: vec![],
        edges: None,
        excluded: vec![],
    };
    let cut = LonLatBox::new([-1.0, 2.0, 1.0, 3.0]).unwrap().cut(&grid).unwrap();
    assert_eq!((cut.y.clone(), cut.x[0].clone()), (1..3, 0..3));
    assert!(cut.excluded.is_empty());
    let cut = LonLatBox::new([1.0, 2.0, 0.0, 1.0]).unwrap().cut(&grid).unwrap();
    assert_eq!((cut.y.clone(), cut.x[0].clone()), (0..2, 1..3));
    assert_eq!(cut.excluded, [false, false, true, false]);
}

#[test]
fn boxes_that_are_none() {
    for bad in [
        [0.0, 10.0, 20.0, 10.0],
        [0.0, 10.0, -91.0, 10.0],
        [f64::NAN, 10.0, 0.0, 10.0],
        [0.0, 1000.0, 0.0, 10.0],
    ] {
        assert_eq!(LonLatBox::new(bad).unwrap_err().exit_code(), 2, "{bad:?}");
    }
    let empty = LonLatBox::new([1.0, 2.0, 0.0, 10.0]).unwrap().cut(&globe(0.0)).unwrap_err();
    assert_eq!(empty.exit_code(), 2);
    assert!(empty.to_string().contains("from 0 to 350 degrees east"), "{empty}");
}

#[test]
fn monotonic_or_not() {
    assert_eq!(first_turn(&[1.0, 2.0, 3.0], f64::INFINITY), None);
    assert_eq!(first_turn(&[3.0, 2.0, 1.0], f64::INFINITY), None);
    assert_eq!(first_turn(&[1.0, 3.0, 2.0], f64::INFINITY), Some(2));
    assert_eq!(first_turn(&[1.0, 1.0], f64::INFINITY), Some(1));
    assert_eq!(first_turn(&[1.0, f64::NAN], f64::INFINITY), Some(1));
    assert_eq!(first_turn(&[0.0, 90.0, 179.0, -179.0, -90.0], 360.0), None);
    assert_eq!(first_turn(&[0.0, 90.0, 179.0, -179.0, -90.0, 10.0], 360.0), Some(5));
    assert_eq!(first_turn(&[10.0, 0.0, 350.0, 340.0], 360.0), None);
    assert_eq!(first_turn(&[5.0], 360.0), None);
}

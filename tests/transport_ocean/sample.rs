//! Small files of currents, whose values are given by functions.

use std::path::{Path, PathBuf};

/// Times, levels, rows, columns.
pub(crate) const SHAPE: [usize; 4] = [4, 3, 4, 10];
/// Metres.
pub(crate) const LAYERS: [f64; 3] = [10.0, 20.0, 60.0];

pub(crate) const V: [&str; 3] = ["vo", "sea_water_y_velocity", "m s-1"];
pub(crate) const U: [&str; 3] = ["uo", "sea_water_x_velocity", "m s-1"];
pub(crate) const T: [&str; 3] = ["thetao", "sea_water_potential_temperature", "degC"];

/// A file with times and levels, and coordinates that [`Sample::axes`] adds.
pub(crate) struct Sample(pub(crate) netcdf::FileMut, PathBuf);

impl Sample {
    pub(crate) fn new(path: &Path, shape: [usize; 4]) -> Self {
        let mut sample = Self::without_bounds(path, shape);
        let ends: Vec<f64> = (0..=shape[1]).map(|k| LAYERS[..k].iter().sum()).collect();
        let bounds: Vec<f64> = ends.windows(2).flat_map(|w| [w[0], w[1]]).collect();
        sample.add(&["lev", "bnds"], ["lev_bnds", "", ""], &bounds);
        sample.about_levels("bounds", "lev_bnds");
        sample
    }

    /// Of levels in the middle of layers that are not told.
    pub(crate) fn without_bounds(path: &Path, [nt, nz, ny, nx]: [usize; 4]) -> Self {
        let mut file = netcdf::create(path).expect("a test file");
        for (name, len) in [("time", nt), ("lev", nz), ("y", ny), ("x", nx), ("bnds", 2)] {
            file.add_dimension(name, len).expect("a dimension");
        }
        let mut sample = Self(file, path.to_owned());
        let months: Vec<f64> = (0..nt).map(|t| 15.0 + 30.0 * t as f64).collect();
        sample.add(&["time"], ["time", "time", "days since 2000-01-01"], &months);
        let ends: Vec<f64> = (0..=nz).map(|k| LAYERS[..k].iter().sum()).collect();
        let middles: Vec<f64> = ends.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect();
        sample.add(&["lev"], ["lev", "depth", "m"], &middles);
        sample.about_levels("positive", "down");
        sample
    }

    pub(crate) fn about_levels(&mut self, key: &str, text: &str) {
        let mut lev = self.0.variable_mut("lev").expect("levels");
        lev.put_attribute(key, text).expect("an attribute");
    }

    pub(crate) fn add(&mut self, dims: &[&str], [name, standard, units]: [&str; 3], values: &[f64]) {
        let mut variable = self.0.add_variable::<f64>(name, dims).expect("a variable");
        for (key, text) in [("standard_name", standard), ("units", units)] {
            if !text.is_empty() {
                variable.put_attribute(key, text).expect("an attribute");
            }
        }
        variable.put_values(values, ..).expect("written");
    }

    /// A variable at all times, levels, rows and columns, on its own latitudes and longitudes.
    pub(crate) fn field(
        &mut self,
        about: [&str; 3],
        [lat, lon]: [&str; 2],
        shape: [usize; 4],
        value: impl Fn([usize; 4]) -> f64,
    ) {
        let [_, nz, ny, nx] = shape;
        let place = |c: usize| [c / (nz * ny * nx), c / (ny * nx) % nz, c / nx % ny, c % nx];
        let all: Vec<f64> = (0..shape.iter().product()).map(|c| value(place(c))).collect();
        self.add(&["time", "lev", "y", "x"], about, &all);
        let mut variable = self.0.variable_mut(about[0]).expect("the variable");
        variable.put_attribute("coordinates", format!("{lat} {lon}")).expect("an attribute");
        variable.put_attribute("cell_methods", "area: mean where sea time: mean").expect("an attribute");
    }

    /// Latitudes and longitudes along rows and columns, or of each cell.
    pub(crate) fn places(&mut self, [lat, lon]: [&str; 2], [lats, lons]: [&[f64]; 2], plane: bool) {
        let (of_lat, of_lon): (&[&str], &[&str]) =
            if plane { (&["y", "x"], &["y", "x"]) } else { (&["y"], &["x"]) };
        self.add(of_lat, [lat, "latitude", "degrees_north"], lats);
        self.add(of_lon, [lon, "longitude", "degrees_east"], lons);
    }

    pub(crate) fn done(self) -> PathBuf {
        self.0.close().expect("closed");
        self.1
    }
}

/// Whether a cell of the sample is land.
pub(crate) fn is_land([_, k, _, i]: [usize; 4]) -> bool {
    i == 0 || (i == 1 && k == 2)
}

/// Velocities in the middle of cells of 10 by 36 degrees, rows at -15 to 15 degrees, with columns from
/// the west or from the east.
pub(crate) fn currents(path: &Path, westward: bool, value: impl Fn([usize; 4]) -> [f64; 3]) -> PathBuf {
    let nx = SHAPE[3];
    let column = |i: usize| if westward { nx - 1 - i } else { i };
    let lats = [-15.0, -5.0, 5.0, 15.0];
    let lons: Vec<f64> = (0..nx).map(|i| column(i) as f64 * 36.0).collect();
    let mut sample = Sample::new(path, SHAPE);
    sample.places(["lat", "lon"], [&lats, &lons], false);
    for (d, about) in [V, U, T].into_iter().enumerate() {
        sample.field(about, ["lat", "lon"], SHAPE, |[t, k, j, i]| {
            let place = [t, k, j, column(i)];
            if is_land(place) {
                f64::NAN
            } else {
                value(place)[d]
            }
        });
    }
    sample.done()
}

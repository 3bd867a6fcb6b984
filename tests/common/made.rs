//! Data sets that tests make up.

use std::path::Path;

/// How the values lie in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Layout {
    Classic,
    Contiguous,
    /// Lengths of a chunk, level of deflate.
    Chunked([usize; 3], Option<i32>),
}

/// Single-precision values in time, lat, lon, monthly in a `360_day` calendar from 2000 on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    pub(crate) shape: [usize; 3],
    pub(crate) layout: Layout,
    /// Months before the first time.
    pub(crate) since: usize,
}

const FILL: f32 = 1e20;

/// A value, NaN for missing: land everywhere in some cells, gaps elsewhere.
pub(crate) fn value(t: usize, cell: usize) -> f32 {
    let mixed = (t * 7919 + cell * 104_729 + t * cell * 31) % 1009;
    if cell % 11 == 0 || mixed % 17 == 0 {
        f32::NAN
    } else {
        mixed as f32 * 0.037 + 250.0
    }
}

/// Defines times in a `360_day` calendar, latitudes and longitudes.
pub(crate) fn define_axes(file: &mut netcdf::FileMut, [nt, ny, nx]: [usize; 3]) {
    for (name, len) in [("time", nt), ("lat", ny), ("lon", nx)] {
        file.add_dimension(name, len).expect("a dimension");
    }
    for (name, units) in
        [("time", "days since 2000-01-01"), ("lat", "degrees_north"), ("lon", "degrees_east")]
    {
        let mut variable = file.add_variable::<f64>(name, &[name]).expect("a variable");
        variable.put_attribute("units", units).expect("an attribute");
        if name == "time" {
            variable.put_attribute("calendar", "360_day").expect("an attribute");
        }
    }
}

impl Made {
    pub(crate) fn write(&self, path: &Path) {
        let [nt, ny, nx] = self.shape;
        let classic = matches!(self.layout, Layout::Classic);
        let format = if classic { netcdf::Options::empty() } else { netcdf::Options::NETCDF4 };
        let mut file = netcdf::create_with(path, format).expect("a test file");
        define_axes(&mut file, self.shape);
        let mut data = file.add_variable::<f32>("tos", &["time", "lat", "lon"]).expect("a variable");
        data.put_attribute("units", "K").expect("an attribute");
        data.set_fill_value(FILL).expect("a fill value");
        if let Layout::Chunked(chunks, level) = self.layout {
            data.set_chunking(&chunks).expect("chunks");
            if let Some(level) = level {
                data.set_compression(level, true).expect("a filter");
            }
        }
        if classic {
            file.enddef().expect("definitions end");
        }
        let times: Vec<f64> = (0..nt).map(|t| 15.0 + 30.0 * (t + self.since) as f64).collect();
        let lat: Vec<f64> = (0..ny).map(|j| -80.0 + 160.0 * j as f64 / ny as f64).collect();
        let lon: Vec<f64> = (0..nx).map(|i| 360.0 * i as f64 / nx as f64).collect();
        for (name, values) in [("time", &times), ("lat", &lat), ("lon", &lon)] {
            file.variable_mut(name).expect("defined").put_values(values, ..).expect("written");
        }
        // Several steps at once, so that chunks in time are not compressed again and again.
        let batch = match self.layout {
            Layout::Chunked([steps, ..], _) => steps,
            _ => nt,
        };
        for first in (0..nt).step_by(batch) {
            let last = nt.min(first + batch);
            let stored = |v: f32| if v.is_nan() { FILL } else { v };
            let values: Vec<f32> = (first..last)
                .flat_map(|t| (0..ny * nx).map(move |c| stored(value(t + self.since, c))))
                .collect();
            let place = [first..last, 0..ny, 0..nx];
            file.variable_mut("tos").expect("defined").put_values(&values, place).expect("written");
        }
    }

    /// Sum of the values of a cell, and how many there are.
    pub(crate) fn sum(&self, cell: usize) -> (f64, usize) {
        let all = (self.since..self.since + self.shape[0]).map(|t| f64::from(value(t, cell)));
        all.filter(|v| !v.is_nan()).fold((0.0, 0), |(sum, n), v| (sum + v, n + 1))
    }
}

/// To where monthly means are dated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dated {
    /// To the middle of the month, without bounds.
    Middle,
    /// To its end, without bounds that would say so.
    End,
    /// To its end, with bounds.
    EndOfBounds,
}

/// A series of one place in a `360_day` calendar: months (counted from January 2000 on) and their values.
pub(crate) fn monthly(path: &Path, series: &[(usize, f64)], dated: Dated) {
    let mut file = netcdf::create(path).expect("a test file");
    define_axes(&mut file, [series.len(), 1, 1]);
    file.add_variable::<f64>("v", &["time", "lat", "lon"]).expect("a variable");
    let starts: Vec<f64> = series.iter().map(|(month, _)| 30.0 * *month as f64).collect();
    let times: Vec<f64> =
        starts.iter().map(|start| start + if dated == Dated::Middle { 15.0 } else { 30.0 }).collect();
    let values: Vec<f64> = series.iter().map(|(_, value)| *value).collect();
    let mut all = vec![("time", times), ("v", values), ("lat", vec![0.0]), ("lon", vec![0.0])];
    if dated == Dated::EndOfBounds {
        let mut time = file.variable_mut("time").expect("defined");
        time.put_attribute("bounds", "time_bnds").expect("an attribute");
        file.add_dimension("bnds", 2).expect("a dimension");
        file.add_variable::<f64>("time_bnds", &["time", "bnds"]).expect("a variable");
        all.push(("time_bnds", starts.iter().flat_map(|start| [*start, start + 30.0]).collect()));
    }
    for (name, values) in all {
        file.variable_mut(name).expect("defined").put_values(&values, ..).expect("written");
    }
}

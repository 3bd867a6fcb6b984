//! EOF files with what is to be taken off a field in them.

use super::{run_well, text, values, Launch};
use std::path::{Path, PathBuf};

/// What of a field is analysed: dimensions (time, lat, lon), missing as NaN.
pub(crate) struct Part {
    pub(crate) values: Vec<f64>,
    pub(crate) times: usize,
    pub(crate) cells: usize,
    pub(crate) months: Vec<usize>,
}

/// The cells of `variable` in `input` that the grid of `file` has, at the first times.
pub(crate) fn part(input: &Path, variable: &str, file: &Path) -> Part {
    let (all, lat, lon) = (values(input, variable), values(input, "lat"), values(input, "lon"));
    let index = |name: &str, all: &[f64]| -> Vec<usize> {
        let find = |v: &f64| all.iter().position(|w| (v - w).abs() < 1e-4).expect("is on the grid");
        values(file, name).iter().map(find).collect()
    };
    let (rows, columns) = (index("lat", &lat), index("lon", &lon));
    let times = values(file, "time").len();
    let mut kept = Vec::new();
    for t in 0..times {
        for j in &rows {
            kept.extend(columns.iter().map(|i| all[(t * lat.len() + j) * lon.len() + i]));
        }
    }
    // The sample begins in January.
    let months = (0..times).map(|t| t % 12).collect();
    Part { values: kept, times, cells: rows.len() * columns.len(), months }
}

impl Part {
    /// Means of the parts that `group` tells for each time.
    pub(crate) fn means(&self, groups: usize, group: impl Fn(usize) -> usize) -> Vec<f64> {
        let (mut sums, mut counts) = (vec![0.0; groups * self.cells], vec![0.0; groups]);
        for (t, row) in self.values.chunks(self.cells).enumerate() {
            counts[group(t)] += 1.0;
            let sums = &mut sums[group(t) * self.cells..][..self.cells];
            sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
        }
        for (sums, n) in sums.chunks_mut(self.cells).zip(counts) {
            sums.iter_mut().for_each(|s| *s /= n);
        }
        sums
    }

    /// What is left when the mean (of each month) and, if so, straight lines are taken off.
    pub(crate) fn anomalies(&self, monthly: bool, detrend: bool) -> Vec<f64> {
        let group = |t: usize| if monthly { self.months[t] } else { 0 };
        let means = self.means(if monthly { 12 } else { 1 }, group);
        let mut x = self.values.clone();
        for (t, row) in x.chunks_mut(self.cells).enumerate() {
            let means = &means[group(t) * self.cells..][..self.cells];
            row.iter_mut().zip(means).for_each(|(v, m)| *v -= m);
        }
        for c in (0..self.cells).filter(|_| detrend) {
            let n = self.times as f64;
            let tau = |t: usize| t as f64 - 0.5 * (n - 1.0);
            let at = |t: usize| t * self.cells + c;
            let mean = (0..self.times).map(|t| x[at(t)]).sum::<f64>() / n;
            let squares: f64 = (0..self.times).map(|t| tau(t) * tau(t)).sum();
            let slope = (0..self.times).map(|t| tau(t) * (x[at(t)] - mean)).sum::<f64>() / squares;
            (0..self.times).for_each(|t| x[at(t)] -= mean + slope * tau(t));
        }
        x
    }
}

/// Adds `mean` and `standard_deviation` to a file of `halocline eof` that does not have them.
pub(crate) fn complete(input: &Path, variable: &str, file: &Path, monthly: bool, detrend: bool) {
    let part = part(input, variable, file);
    let there = |name: &str| netcdf::open(file).expect("opens").variable(name).is_some();
    let (has_mean, has_spread) = (there("mean"), there("standard_deviation"));
    let mean = if monthly { part.means(12, |t| part.months[t]) } else { part.means(1, |_| 0) };
    let x = part.anomalies(monthly, detrend);
    let freedom = part.times as f64 - 1.0;
    let spread = (0..part.cells).map(|c| {
        let squares = x.iter().skip(c).step_by(part.cells).map(|v| v * v).sum::<f64>();
        (squares / freedom).sqrt()
    });
    let spread: Vec<f64> = spread.collect();
    edit(file, |file| {
        if !has_mean {
            let mut dims = vec!["lat", "lon"];
            if monthly {
                file.add_dimension("month", 12).expect("a dimension");
                dims.insert(0, "month");
            }
            put(file, "mean", &dims, &mean);
        }
        if !has_spread {
            put(file, "standard_deviation", &["lat", "lon"], &spread);
        }
    });
}

/// Changes a file: as a copy, whose copy takes its place. A process that another test starts
/// inherits what is open here, and with it HDF5's lock.
pub(crate) fn edit(path: &Path, change: impl FnOnce(&mut netcdf::FileMut)) {
    let (copy, changed) = (path.with_extension("copy"), path.with_extension("changed"));
    std::fs::copy(path, &copy).expect("copied");
    let mut file = netcdf::append(&copy).expect("opens");
    change(&mut file);
    drop(file);
    std::fs::copy(&copy, &changed).expect("copied");
    std::fs::rename(&changed, path).expect("renamed");
    std::fs::remove_file(&copy).expect("removed");
}

fn put(file: &mut netcdf::FileMut, name: &str, dims: &[&str], values: &[f64]) {
    const FILL: f64 = 9.969_209_968_386_869e36;
    let mut variable = file.add_variable::<f64>(name, dims).expect("a variable");
    variable.set_fill_value(FILL).expect("a fill value");
    variable.put_attribute("units", "degC").expect("an attribute");
    let stored: Vec<f64> = values.iter().map(|v| if v.is_nan() { FILL } else { *v }).collect();
    variable.put_values(&stored, ..).expect("written");
}

/// Runs `halocline eof` on a variable and completes its file; `name` is that of the file.
pub(crate) fn eof(folder: &Path, input: &Path, variable: &str, name: &str, options: &[&str]) -> PathBuf {
    let file = folder.join(name);
    let words = [&["eof", text(input), "--var", variable, "-o", text(&file), "--quiet"], options].concat();
    run_well(Launch::Plain(2), &words);
    let has = |word: &str| options.contains(&word);
    complete(input, variable, &file, has("climatology"), has("--detrend"));
    file
}

/// From a file of the EOFs of `sst` one of the EOFs of `sst` and `sst2`, which is the same field
/// once more, both multiplied by a half: the maps and unit-variance series are the same, the
/// eigenvalues half as large.
pub(crate) fn doubled(one: &Path, two: &Path) {
    std::fs::copy(one, two).expect("copied");
    edit(two, |file| {
        let options = match file.attribute("halocline_eof_options").expect("is there").value() {
            Ok(netcdf::AttributeValue::Str(text)) => text.replace("variable=sst;", "variable=sst,sst2;"),
            other => panic!("options: {other:?}"),
        };
        file.add_attribute("halocline_eof_options", options).expect("replaced");
        let mut eigenvalue = file.variable_mut("eigenvalue").expect("is there");
        let values: Vec<f64> = eigenvalue.get_values(..).expect("values");
        eigenvalue.put_values(&values.iter().map(|l| 0.5 * l).collect::<Vec<_>>(), ..).expect("written");
        for (from, dims) in [("eof", &["mode", "lat", "lon"][..]), ("mean", &["lat", "lon"])] {
            let values: Vec<f64> = file.variable(from).expect("is there").get_values(..).expect("values");
            for to in ["sst", "sst2"] {
                put(file, &format!("{from}_{to}"), dims, &values);
                let mut variable = file.variable_mut(&format!("{from}_{to}")).expect("was put");
                variable.put_attribute("field_factor", 0.5).expect("an attribute");
            }
        }
    });
}

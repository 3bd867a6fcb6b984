//! Times without a tracer.

use super::common::{close, values};
use super::mesh::plain;
use super::sample::{currents, SHAPE};

#[test]
fn what_has_no_temperature_has_no_density_and_no_heat() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, file) = (folder.path().join("out.nc"), folder.path().join("in.nc"));
    // No temperature at the third time.
    let input = currents(&file, false, |[t, ..]| [0.1, 0.0, if t == 2 { f64::NAN } else { 10.0 }]);
    let mut all = netcdf::append(&input).expect("the file");
    let mut salinity = all.add_variable::<f64>("so", &["time", "lev", "y", "x"]).expect("a variable");
    salinity.put_attribute("units", "0.001").expect("an attribute");
    salinity.put_values(&vec![35.0; SHAPE.iter().product()], ..).expect("written");
    all.close().expect("closed");
    let missing = |kind: &str, options: &[&str], name: &str| -> Vec<bool> {
        plain(kind, &input, options, &out);
        let all = values(&out, name);
        all.chunks_exact(all.len() / SHAPE[0]).map(|one| one.iter().all(|v| v.is_nan())).collect()
    };
    let third = [false, false, true, false];
    let sigma = ["--vertical", "sigma2"];
    assert_eq!(missing("overturning", &sigma, "msftmrho"), third);
    plain("overturning", &input, &[&sigma[..], &["--mean"]].concat(), &out);
    let mean = values(&out, "msftmrho");
    plain("overturning", &input, &sigma, &out);
    let first = &values(&out, "msftmrho")[..mean.len()];
    close(&mean, first, 1e-12, 1e9, "the mean of three times");
    let way = ["--through", "way=40,-9/200,-9/320,9"];
    assert_eq!(missing("section", &way, "heat"), third);
    assert!(values(&out, "volume").iter().all(|v| v.abs() > 0.0));
    for name in ["volume", "heat", "salt"] {
        assert_eq!(missing("section", &[&way[..], &sigma].concat(), name), third, "{name}");
    }
}

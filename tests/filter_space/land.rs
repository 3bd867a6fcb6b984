//! Tripolar grids whose files tell no land from sea, and what outputs record to do the same again.

use crate::common::{contents, run_well, shared, text, values, Launch};

#[test]
fn cells_of_no_width_are_taken_for_land_and_all_is_recorded() {
    let Some(path) = shared("ocean/nemo_eorca1/nemo_1m_20150101-20150201_grid-T.nc") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [input, one, other] = ["in.nc", "one.nc", "other.nc"].map(|name| folder.path().join(name));
    // Land is 0, as of models that write no missing values; cells at the ends of the fold are 2 m wide.
    std::fs::copy(&path, &input).expect("copied");
    let mut permissions = std::fs::metadata(&input).expect("there").permissions();
    #[allow(clippy::permissions_set_readonly_false)] // of a copy in a folder of our own
    permissions.set_readonly(false);
    std::fs::set_permissions(&input, permissions).expect("set");
    {
        let mut file = netcdf::append(&input).expect("a copy");
        let mut tos = file.variable_mut("tos").expect("there");
        let all: Vec<f32> = tos.get_values(..).expect("numbers");
        let filled: Vec<f32> = all.iter().map(|v| if v.abs() > 1e19 { 0.0 } else { *v }).collect();
        tos.put_values(&filled, ..).expect("written");
    }
    let words = ["filter", "space", text(&input), "--var", "tos", "--scale", "100km", "-o"];
    let told = run_well(Launch::Plain(2), &[&words[..], &[text(&one)]].concat());
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains("are taken for land"), "{told}");
    let written = values(&one, "tos");
    let left_out = written.iter().filter(|v| v.is_nan() || v.abs() > 1e3).count();
    assert!((1..2000).contains(&left_out), "{left_out}");
    // With what is recorded nothing is left to the grid.
    let recorded = contents(&one)[":halocline_filter_options"].clone();
    let of = |key: &str| -> String {
        let rest = recorded.split(&format!("{key}=")).nth(1).expect(key);
        rest.split([';', '"']).next().unwrap_or_default().trim().to_owned()
    };
    let (steps, spacing, topology) = (of("n_steps"), of("dx_min"), of("topology"));
    let more = ["--n-steps", &steps, "--dx-min", &spacing, "--topology", &topology, "-q"];
    run_well(Launch::Plain(1), &[&words[..], &[text(&other)], &more].concat());
    assert_eq!(contents(&one), contents(&other));
}

//! The EOF command against solutions of the Python package `eofs` in double precision.

mod common;

use common::{data, run_well, shared, text, values, Launch};
use std::path::{Path, PathBuf};

/// A text attribute of a file.
fn attribute(path: &Path, name: &str) -> String {
    let file = netcdf::open(path).expect("reference solutions open");
    match file.attribute(name).map(|a| a.value()) {
        Some(Ok(netcdf::AttributeValue::Str(text))) => text,
        other => panic!("attribute {name} of {}: {other:?}", path.display()),
    }
}

fn has(path: &Path, name: &str) -> bool {
    netcdf::open(path).expect("reference solutions open").variable(name).is_some()
}

/// Compares relative to the largest number: of each `stride`-th column if given, as PCs are
/// stored (time, mode), else of each of `count` blocks.
fn close(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}: lengths");
    let largest = theirs.iter().filter(|v| v.is_finite()).fold(0.0f64, |m, v| m.max(v.abs()));
    assert!(largest > 0.0, "{what}: the reference is empty");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        if a.is_nan() && b.is_nan() {
            continue;
        }
        assert!((a - b).abs() <= tolerance * largest, "{what}: at {i} {a} against {b}");
    }
}

fn columns(values: &[f64], count: usize) -> Vec<Vec<f64>> {
    (0..count).map(|k| values.iter().skip(k).step_by(count).copied().collect()).collect()
}

fn blocks(values: &[f64], count: usize) -> Vec<Vec<f64>> {
    values.chunks(values.len() / count).map(<[f64]>::to_vec).collect()
}

/// Runs the case with one pair of scalings and compares everything.
fn compare(
    reference: &Path,
    input: &Path,
    arguments: &[&str],
    pc: Option<&str>,
    eof: Option<&str>,
    launch: Launch,
) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let scalings = ["--pc-scaling", pc.unwrap_or("1"), "--eof-scaling", eof.unwrap_or("covariance")];
    let all = [&["eof", text(input)], arguments, &scalings, &["-o", text(&out), "--quiet"]].concat();
    run_well(launch, &all);
    for name in ["eigenvalue", "variance_fraction", "north_error", "total_variance"] {
        for (ours, theirs) in values(&out, name).iter().zip(values(reference, name)) {
            assert!((ours - theirs).abs() <= 1e-8 * theirs.abs(), "{name}: {ours} against {theirs}");
        }
    }
    let modes = values(reference, "eigenvalue").len();
    if let Some(pc) = pc {
        let name = format!("pc_scaling{pc}");
        let pairs =
            columns(&values(&out, "pc"), modes).into_iter().zip(columns(&values(reference, &name), modes));
        for (k, (ours, theirs)) in pairs.enumerate() {
            close(&format!("{name}, mode {}", k + 1), &ours, &theirs, 1e-8);
        }
    }
    if let Some(eof) = eof {
        let name = if eof.len() == 1 { format!("eof_scaling{eof}") } else { format!("eof_{eof}") };
        let pairs =
            blocks(&values(&out, "eof"), modes).into_iter().zip(blocks(&values(reference, &name), modes));
        for (k, (ours, theirs)) in pairs.enumerate() {
            close(&format!("{name}, mode {}", k + 1), &ours, &theirs, 1e-8);
        }
    }
}

/// Every scaling that the reference solution of a case holds.
fn case(name: &str) {
    let reference =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/reference/case_{name}_eofs.nc"));
    let input = data(&attribute(&reference, "input"));
    let arguments = attribute(&reference, "arguments");
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let mut compared = 0;
    for pc in ["0", "1", "2"] {
        if has(&reference, &format!("pc_scaling{pc}")) {
            compare(&reference, &input, &arguments, Some(pc), None, Launch::Plain(2));
            compared += 1;
        }
    }
    for eof in ["0", "1", "2", "covariance", "correlation"] {
        let variable = if eof.len() == 1 { format!("eof_scaling{eof}") } else { format!("eof_{eof}") };
        if has(&reference, &variable) {
            compare(&reference, &input, &arguments, None, Some(eof), Launch::ThreadRanks(3));
            compared += 1;
        }
    }
    assert!(compared >= 4, "the reference of {name} holds little");
}

#[test]
fn a_box_of_real_data() {
    case("box");
}

#[test]
fn a_monthly_climatology_and_coslat_weights() {
    case("climatology");
}

#[test]
fn packed_netcdf3_with_a_360_day_calendar() {
    case("packed");
}

#[test]
fn more_times_than_cells() {
    case("spatial");
}

#[test]
fn area_weights_from_bounds() {
    case("area");
}

#[test]
fn detrended_and_standardized() {
    case("trend");
}

#[test]
fn a_curvilinear_grid() {
    case("curvilinear");
}

/// Known answers over larger real data: eigenvalues, PCs and EOFs of modes that stand apart.
fn answer(input: &str, answer: &str, arguments: &[&str]) {
    let (Some(input), Some(answer)) = (shared(input), shared(&format!("answers/eof/{answer}"))) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let eigenvalues = values(&answer, "eigenvalue");
    let spectrum = values(&answer, "all_eigenvalues");
    let modes = eigenvalues.len();
    for (scaling, name) in [("0", "eof"), ("covariance", "eof_covariance_pc1")] {
        let out = folder.path().join(format!("{name}.nc"));
        let pc_scaling = if scaling == "0" { "0" } else { "1" };
        let scalings = ["--pc-scaling", pc_scaling, "--eof-scaling", scaling, "--modes", "10", "--quiet"];
        run_well(
            Launch::ThreadRanks(2),
            &[&["eof", text(&input)], arguments, &scalings, &["-o", text(&out)]].concat(),
        );
        for variable in ["eigenvalue", "variance_fraction", "north_error"] {
            for (ours, theirs) in values(&out, variable).iter().zip(values(&answer, variable)) {
                assert!((ours / theirs - 1.0).abs() < 1e-8, "{variable}: {ours} against {theirs}");
            }
        }
        let ours = blocks(&values(&out, "eof"), modes);
        let theirs = blocks(&values(&answer, name), modes);
        let (our_pcs, their_pcs) =
            (columns(&values(&out, "pc"), modes), columns(&values(&answer, "pc"), modes));
        for k in 0..modes {
            let gap = |other: usize| (spectrum[other] - spectrum[k]).abs() / spectrum[k];
            if gap(k + 1) > 0.01 && (k == 0 || gap(k - 1) > 0.01) {
                // Covariance maps are stored in single precision there.
                let tolerance = if scaling == "0" { 1e-8 } else { 1e-7 };
                close(&format!("{name}, mode {}", k + 1), &ours[k], &theirs[k], tolerance);
                if scaling == "0" {
                    close(&format!("pc, mode {}", k + 1), &our_pcs[k], &their_pcs[k], 1e-8);
                }
            }
        }
    }
}

#[test]
fn known_answer_pacific_winters() {
    answer("reference/eofs/sst_ndjfm_anom.nc", "eofs_example_sst_sqrtcos.nc", &["--var", "sst"]);
}

#[test]
fn known_answer_global_sst_anomalies() {
    let arguments = ["--var", "sst", "--anomaly", "climatology", "--box", "0,360,-60,60"];
    answer("ocean/ersstv5_sst.mnmean_201001-202008.nc", "ersst_anom_60S60N_sqrtcos.nc", &arguments);
}

#[test]
fn known_answer_tropical_sst() {
    let arguments = ["--var", "sst", "--weights", "none", "--box", "120,290,-20,20"];
    answer("ocean/ersstv5_sst.mnmean_201001-202008.nc", "ersst_raw_20S20N_120E290E_none.nc", &arguments);
}

#[test]
fn known_answer_navy_winds() {
    let arguments = ["--var", "UWND", "--anomaly", "climatology"];
    answer("atmos/monthly_navy_winds.cdf", "navy_uwnd_anom_sqrtcos.nc", &arguments);
}

//! `halocline transport` of the atmosphere against numpy, NCL and CDO: on all ranks, with missing
//! values and bad input.

mod common;

use common::{attribute, close, contents, launches, reference, run, run_well, text, values, Launch};
use std::path::{Path, PathBuf};

fn input() -> PathBuf {
    reference("atmosphere_input.nc")
}
fn answers(name: &str) -> Vec<f64> {
    let missing = |v: f64| if v.abs() > 1e29 { f64::NAN } else { v };
    values(&reference("atmosphere.nc"), name).into_iter().map(missing).collect()
}
fn transport(launch: Launch, kind: &str, files: &[&Path], options: &[&str], out: &Path) {
    let mut words = vec!["transport", kind];
    words.extend(files.iter().map(|f| text(f)));
    words.extend(options);
    words.extend(["-q", "-o", text(out)]);
    run_well(launch, &words);
}

#[test]
fn streamfunctions_are_those_of_ncl_and_cdo() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    // CDO knows of no ground, whether or not a surface pressure is there.
    for (convention, ps, answer) in
        [("ncl", "ps", "ncl_psi"), ("cdo", "none", "cdo_psi"), ("cdo", "ps", "cdo_psi")]
    {
        let options = ["--convention", convention, "--ps", ps];
        transport(Launch::Plain(2), "mass-streamfunction", &[&input()], &options, &out);
        let theirs = answers(answer);
        let peak = theirs.iter().filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()));
        close(&values(&out, "mass_streamfunction"), &theirs, 1e-12, peak, convention);
    }
    assert_eq!(attribute(&out, "mass_streamfunction", "units").as_deref(), Some("kg s-1"));
    // The mean of all is the mean of each, the wind in a file of its own.
    transport(Launch::Plain(1), "mass-streamfunction", &[&input()], &["--v", "va"], &out);
    let each = values(&out, "mass_streamfunction");
    let mean = folder.path().join("mean.nc");
    transport(Launch::ThreadRanks(3), "mass-streamfunction", &[&input()], &["--mean"], &mean);
    let n = each.len() / 3;
    for (i, v) in values(&mean, "mass_streamfunction").iter().enumerate() {
        let all: Vec<f64> = (0..3).map(|t| each[t * n + i]).filter(|v| v.is_finite()).collect();
        let ours = all.iter().sum::<f64>() / all.len() as f64;
        assert!((v - ours).abs() <= 1e-12 * ours.abs() || v.is_nan() && all.is_empty());
    }
}

#[test]
fn the_transformed_mean_is_that_of_numpy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    for (kind, names) in [
        ("tem", &["vtem", "omegatem", "psitem"][..]),
        ("ep-flux", &["epfy", "epfp", "epfdiv", "utendepfd"][..]),
    ] {
        transport(Launch::Plain(2), kind, &[&input()], &[], &out);
        for name in names {
            let theirs = answers(&format!("tem_{name}"));
            let peak = theirs.iter().filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()));
            close(&values(&out, name), &theirs, 1e-10, peak, name);
        }
    }
    // Scaled, divergences are the mass-weighted ones: a ratio that latitude alone decides.
    let plain = values(&out, "epfdiv");
    transport(Launch::Plain(2), "ep-flux", &[&input()], &["--scaling", "edmon"], &out);
    let around = std::f64::consts::TAU * 6_371_000f64.powi(2) / 9.806_65;
    let lat = values(&out, "lat");
    for (i, (a, b)) in values(&out, "epfdiv").iter().zip(&plain).enumerate() {
        let cos = lat[i % 9].to_radians().cos();
        assert!((a - b * around * cos).abs() <= 1e-12 * a.abs() || a.is_nan() && b.is_nan());
    }
}

#[test]
fn fluxes_have_their_parts_and_close() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    transport(Launch::Plain(2), "eddy", &[&input()], &["--x", "va", "--y", "ta"], &out);
    for part in ["total", "mean", "stationary", "transient"] {
        close(&values(&out, &format!("va_ta_{part}")), &answers(&format!("ta_{part}")), 1e-11, 1.0, part);
    }
    transport(Launch::Plain(2), "energy", &[&input()], &[], &out);
    energies_are(&out, "", 1e-11);
    let of = |name: &str| values(&out, name);
    let [total, mean, stationary, transient] =
        ["total", "mean", "stationary", "transient"].map(|p| of(&format!("moist_static_{p}")));
    let peak = total.iter().fold(0f64, |m, v| m.max(v.abs()));
    for j in 0..total.len() {
        let sum = mean[j] + stationary[j] + transient[j];
        assert!((sum - total[j]).abs() < 1e-12 * peak, "{sum} is not {}", total[j]);
    }
    // Without net mass it does not matter where height is 0.
    let balanced = folder.path().join("balanced.nc");
    transport(Launch::Plain(2), "energy", &[&input()], &["--mass-balance"], &balanced);
    let same = values(&balanced, "moist_static_transient");
    close(&same, &transient, 0.0, 0.0, "eddies");
    let told = run_well(Launch::Plain(1), &["transport", "energy", text(&input()), "-o", text(&out)]);
    let told = String::from_utf8_lossy(&told.stderr).into_owned() + &String::from_utf8_lossy(&told.stdout);
    assert!(told.contains("closure of moist static energy") && told.contains("net mass"), "{told}");
}

#[test]
fn vapour_is_that_of_numpy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    transport(Launch::Plain(2), "vapour", &[&input()], &[], &out);
    let [u, v] = ["uq", "vq"].map(|n| values(&out, n));
    close(&u, &answers("uq"), 1e-7, 100.0, "uq");
    close(&v, &answers("vq"), 1e-7, 100.0, "vq");
    for (i, ivt) in values(&out, "ivt").iter().enumerate() {
        assert!((ivt - u[i].hypot(v[i])).abs() < 1e-4);
    }
    assert!(values(&out, "divergence").iter().any(|v| v.is_finite()));
}

fn peak(values: &[f64]) -> f64 {
    values.iter().filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()))
}

fn energies_are(out: &Path, answers_of: &str, within: f64) {
    for (ours, theirs) in [("sensible", "ta"), ("potential", "zg"), ("latent", "hus")] {
        for part in ["total", "mean", "stationary", "transient"] {
            let answer = answers(&format!("{answers_of}{theirs}_{part}_flux"));
            let name = format!("{ours}_{part}");
            close(&values(out, &name), &answer, within, peak(&answer), &name);
        }
    }
}

#[test]
fn columns_end_at_the_ground() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    transport(Launch::Plain(2), "mass-streamfunction", &[&input()], &[], &out);
    let psi = answers("psi");
    close(&values(&out, "mass_streamfunction"), &psi, 1e-12, peak(&psi), "psi");
    // Without a surface pressure columns end at the lowest level: less wherever the ground is lower.
    transport(Launch::Plain(2), "vapour", &[&input()], &["--ps", "none"], &out);
    let [all, ends] = [answers("uq"), values(&out, "uq")];
    assert!(all.iter().zip(&ends).any(|(a, b)| (a - b).abs() > 1.0));
}

#[test]
fn what_is_missing_above_the_ground_is_not_lost() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let file = reference("atmosphere_gaps.nc");
    transport(Launch::Plain(2), "energy", &[&file], &[], &out);
    energies_are(&out, "gaps_", 1e-11);
    transport(Launch::Plain(2), "vapour", &[&file], &[], &out);
    for name in ["uq", "vq"] {
        close(&values(&out, name), &answers(&format!("gaps_{name}")), 1e-7, 100.0, name);
    }
    for kind in ["energy", "vapour"] {
        let told = run_well(Launch::ThreadRanks(2), &["transport", kind, text(&file), "-o", text(&out)]);
        let told =
            String::from_utf8_lossy(&told.stderr).into_owned() + &String::from_utf8_lossy(&told.stdout);
        assert!(told.contains("above the ground") && told.contains('%'), "{told}");
    }
    // A streamfunction is missing below a level that is missing all around, and nowhere else.
    transport(Launch::Plain(2), "mass-streamfunction", &[&file], &[], &out);
    let (psi, whole) = (values(&out, "mass_streamfunction"), answers("psi"));
    for (i, psi) in psi.iter().enumerate() {
        let (k, j) = (i / 9 % 6, i % 9);
        let is_behind = j == 3 && k <= 3 || j == 6 && k <= 1;
        assert_eq!(psi.is_nan(), is_behind || whole[i].is_nan(), "level {k}, latitude {j}");
        let other_wind = j == 3 || j == 6 || j == 4;
        assert!(is_behind || other_wind || (psi - whole[i]).abs() < 1e-12 * peak(&whole));
    }
}

#[test]
fn hybrid_levels_are_integrated_as_they_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let file = reference("atmosphere_hybrid.nc");
    let to = ["--to", "20000,60000,95000,100000"];
    transport(Launch::Plain(2), "mass-streamfunction", &[&file], &to, &out);
    let psi = answers("hybrid_psi");
    close(&values(&out, "mass_streamfunction"), &psi, 1e-12, peak(&psi), "psi");
    assert_eq!(attribute(&out, "plev", "units").as_deref(), Some("Pa"));
    transport(Launch::Plain(2), "energy", &[&file], &[], &out);
    energies_are(&out, "hybrid_", 1e-11);
    transport(Launch::Plain(2), "vapour", &[&file], &[], &out);
    for name in ["uq", "vq"] {
        close(&values(&out, name), &answers(&format!("hybrid_{name}")), 1e-7, 100.0, name);
    }
    // The same wind and temperature everywhere: what goes through a circle is the mass above it.
    let constant = ["--v", "vb", "--t", "tb"];
    transport(Launch::Plain(2), "mass-streamfunction", &[&file], &[&to[..], &constant[..2]].concat(), &out);
    let psi = answers("hybrid_psi_barotropic");
    close(&values(&out, "mass_streamfunction"), &psi, 1e-13, peak(&psi), "barotropic");
    transport(Launch::Plain(2), "energy", &[&file], &constant, &out);
    let ps = values(&file, "ps");
    for (j, heat) in values(&out, "sensible_total").iter().enumerate() {
        let mean: f64 =
            (0..3).flat_map(|t| ps[t * 72 + j * 8..t * 72 + j * 8 + 8].to_vec()).sum::<f64>() / 24.0;
        let phi = (-80.0 + 20.0 * j as f64).to_radians();
        let exact = 1004.64 * 256.0 * 2.0 * std::f64::consts::TAU * 6_371_000.0 * phi.cos() * mean / 9.806_65;
        assert!((heat - exact).abs() < 1e-12 * exact.abs(), "{heat} is not {exact}");
    }
    let words = ["--u", "vb", "--v", "vb", "--q", "qb"];
    transport(Launch::Plain(2), "vapour", &[&file], &words, &out);
    for (v, ps) in values(&out, "vq").iter().zip(&ps) {
        let exact = 2.0 * 2f64.powi(-7) * ps / 9.806_65;
        assert!((v - exact).abs() < 1e-7 * exact, "{v} is not {exact}");
    }
    // The fluxes of layers as they are.
    transport(Launch::Plain(2), "eddy", &[&file], &["--x", "va", "--y", "ta"], &out);
    assert!(values(&out, "va_ta_total").iter().all(|v| v.is_finite()));
}

#[test]
fn the_transformed_mean_of_hybrid_levels_is_that_at_pressures() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [out, levels, beside] = ["out.nc", "levels.nc", "beside.nc"].map(|name| folder.path().join(name));
    let file = reference("atmosphere_hybrid.nc");
    let nominal = [1, 3, 5, 7].map(|k| {
        let (a, b) = (values(&file, "hyam"), values(&file, "hybm"));
        (a[k] * 1e5 + 1e5 * b[k]).to_string()
    });
    let kinds = [("tem", &["vtem", "psitem"][..]), ("ep-flux", &["epfy", "epfp", "epfdiv", "utendepfd"][..])];
    for (kind, names) in kinds {
        // At pressures of its own, and at those of levels over a surface of 1000 hPa.
        for (to, of) in [(Some("7000,20000,40000,60000,85000,100000"), "tem_to"), (None, "tem")] {
            let options = to.map_or(vec![], |to| vec!["--to", to]);
            transport(Launch::Plain(2), kind, &[&file], &options, &out);
            for name in names {
                let theirs = answers(&format!("hybrid_{of}_{name}"));
                close(&values(&out, name), &theirs, 1e-10, peak(&theirs), name);
            }
            assert_eq!(attribute(&out, "plev", "units").as_deref(), Some("Pa"));
        }
        assert_eq!(values(&out, "plev").len(), values(&file, "hyam").len());
        // In two steps, the values between them in double precision: the same bits.
        let to = nominal.join(",");
        let words = ["vertical", text(&file), "--var", "ua,va,ta", "--precision", "double", "--to", &to];
        run_well(Launch::Plain(1), &[&words[..], &["-q", "-o", text(&levels)]].concat());
        transport(Launch::Plain(1), kind, &[&levels], &["--mean"], &beside);
        for to in [&to, text(&levels)] {
            transport(Launch::ThreadRanks(2), kind, &[&file], &["--mean", "--levels", to], &out);
            for name in names {
                let bits = |path: &Path| values(path, name).iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&out), bits(&beside), "{kind} {name}");
            }
        }
    }
    let told = run_well(Launch::Plain(1), &["transport", "tem", text(&file), "-o", text(&out)]);
    let told = String::from_utf8_lossy(&told.stderr).into_owned() + &String::from_utf8_lossy(&told.stdout);
    assert!(told.contains("hybrid levels: each column is brought to 8 pressures"), "{told}");
    let done = netcdf::open(&out).expect("a result");
    let options = done.attribute("halocline_transport_options").expect("told").value();
    let Ok(netcdf::AttributeValue::Str(options)) = options else { panic!("no text") };
    assert!(options.contains("levels=hybrid, each column at the pressures of the output"), "{options}");
}

#[test]
fn the_same_flow_on_pressure_and_hybrid_levels() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (levels, out) = (folder.path().join("levels.nc"), folder.path().join("out.nc"));
    let file = reference("atmosphere_hybrid.nc");
    // Means of thin layers of the same columns.
    let edges: Vec<String> = (0..208).map(|k| (500 * k).to_string()).collect();
    let edges = edges.join(",");
    let options = ["--var", "va,vb", "--method", "conservative", "--to", &edges];
    let words = [&["vertical", text(&file)][..], &options, &["-q", "-o", text(&levels)]].concat();
    run_well(Launch::Plain(2), &words);
    for (wind, within) in [("va", [1e-7, 1e-7, 5e-3]), ("vb", [1e-12, 1e-12, 1e-12])] {
        let options = ["--v", wind, "--to", "20250,60250,95250"];
        transport(Launch::Plain(2), "mass-streamfunction", &[&levels, &file], &options[..2], &out);
        let (on_pressure, at) = (values(&out, "mass_streamfunction"), values(&out, "plev"));
        transport(Launch::Plain(2), "mass-streamfunction", &[&file], &options, &out);
        let hybrid = values(&out, "mass_streamfunction");
        for (n, p) in values(&out, "plev").iter().enumerate() {
            let k = at.iter().position(|v| v == p).expect("a level");
            for i in 0..27 {
                let (t, j) = (i / 9, i % 9);
                let [a, b] = [on_pressure[(t * at.len() + k) * 9 + j], hybrid[(t * 3 + n) * 9 + j]];
                assert!((a - b).abs() <= within[n] * peak(&hybrid), "{wind}: {a} is not {b} at {p}");
            }
        }
    }
}

#[test]
fn the_same_bits_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hybrid = reference("atmosphere_hybrid.nc");
    let cases: [(&str, &Path, &[&str]); 10] = [
        ("mass-streamfunction", &input(), &[]),
        ("tem", &input(), &["--mean"]),
        ("energy", &input(), &[]),
        ("vapour", &input(), &[]),
        ("eddy", &input(), &["--x", "va", "--y", "hus", "--decomposition", "lat=1"]),
        ("mass-streamfunction", &hybrid, &[]),
        ("energy", &hybrid, &[]),
        ("vapour", &hybrid, &[]),
        ("tem", &hybrid, &["--to", "20000,50000,70000,90000"]),
        ("ep-flux", &hybrid, &["--mean"]),
    ];
    for (kind, file, options) in cases {
        let mut first = None;
        for (k, launch) in launches().into_iter().enumerate() {
            let options =
                if matches!(launch, Launch::Plain(_)) { options } else { &options[..options.len().min(4)] };
            let out = folder.path().join(format!("{kind}{k}.nc"));
            transport(launch, kind, &[file], options, &out);
            let found = contents(&out);
            assert_eq!(first.get_or_insert_with(|| found.clone()), &found, "{kind} on {launch:?}");
        }
    }
}

#[test]
fn what_can_not_be_done_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out.nc");
    let refused = |words: &[&str], code: i32, message: &str| {
        let mut all = vec!["transport"];
        all.extend(words);
        all.extend(["-q", "-o", text(&out)]);
        let output = run(Launch::ThreadRanks(2), &all);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(message) && told.trim().lines().count() == 1, "{told}");
        assert!(!out.exists());
    };
    let file = input();
    let file = text(&file);
    refused(&["mass-streamfunction", file, "--v", "nothing"], 2, "nothing");
    refused(&["mass-streamfunction", file, "--v", "ps"], 3, "not in m s-1");
    refused(&["mass-streamfunction", file, "--radius", "0"], 2, "--radius");
    refused(&["mass-streamfunction", file, "--level", "85000"], 2, "need all levels");
    refused(&["eddy", file, "--x", "va", "--y", "ta", "--level", "85000"], 2, "--level A/B");
    refused(&["eddy", file, "--x", "va", "--y", "ps"], 3, "grid");
    refused(&["energy", file, "--z", "wap"], 3, "neither m nor m2 s-2");
    refused(&["eddy", file, "--x", "va", "--y", "ta", "--memory", "1MB"], 5, "memory");
    refused(&["mass-streamfunction", file, "--to", "50000"], 2, "hybrid levels");
    for kind in ["mass-streamfunction", "energy", "tem", "vapour"] {
        refused(&[kind, file, "--level", "20000/85000"], 2, "need all levels");
    }
    for kind in ["mass-streamfunction", "energy", "tem"] {
        refused(&[kind, file, "--box", "0,180,-90,90"], 3, "not a whole circle");
    }
    let hybrid = reference("atmosphere_hybrid.nc");
    let hybrid = text(&hybrid);
    refused(&["mass-streamfunction", hybrid, "--to", "5,7,6"], 2, "pressures");
    refused(&["mass-streamfunction", hybrid, "--convention", "cdo"], 3, "pressure levels");
    refused(&["energy", hybrid, "--ps", "none"], 2, "hybrid levels");
    refused(&["tem", hybrid, "--ps", "none"], 2, "hybrid levels");
    refused(&["tem", file, "--to", "50000,20000"], 2, "hybrid levels");
    refused(&["tem", hybrid, "--to", "50000,70000,60000"], 2, "rising or falling");
    refused(&["ep-flux", hybrid, "--to", "50000"], 2, "one pressure");
    refused(&["ep-flux", hybrid, "--to", "50000,-1"], 2, "no list of pressures");
    refused(&["ep-flux", hybrid, "--to", "nothing.nc"], 3, "nothing.nc");
    refused(&["ep-flux", hybrid, "--memory", "1MB"], 5, "memory");
    refused(&["energy", hybrid, "--b", "hybi"], 3, "hybi");
    refused(&["vapour", hybrid, "--p0", "0"], 2, "--p0");
    let sst = common::data("sample.nc");
    if sst.exists() {
        refused(&["tem", text(&sst)], 3, "standard name");
    }
}

#[test]
fn a_surface_pressure_the_other_way_round_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (turned, out) = (folder.path().join("ps.nc"), folder.path().join("out.nc"));
    let hybrid = reference("atmosphere_hybrid.nc");
    let turn = ["-a", "-lat", "-v", "ps", text(&hybrid), text(&turned)];
    if std::process::Command::new("ncpdq").args(turn).status().is_ok_and(|s| s.success()) {
        let words =
            ["vertical", text(&turned), text(&hybrid), "--var", "va", "--to", "50000", "-o", text(&out)];
        let told = String::from_utf8_lossy(&run(Launch::Plain(1), &words).stderr).into_owned();
        assert!(told.contains("another grid than `va`"), "{told}");
    }
}

#[test]
fn sections_and_profiles_are_drawn() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, picture) = (folder.path().join("out.nc"), folder.path().join("out.svg"));
    let drawn = |kind: &str, options: &[&str], words: &[&str]| {
        transport(Launch::Plain(2), kind, &[&input()], options, &out);
        run_well(Launch::Plain(1), &["plot", text(&out), "-q", "-o", text(&picture)]);
        let svg = std::fs::read_to_string(&picture).expect("a picture");
        words.iter().for_each(|word| assert!(svg.contains(word), "{word} is not in the picture"));
    };
    drawn("mass-streamfunction", &[], &["Pressure (hPa)", "1000", "Latitude"]);
    drawn("energy", &[], &["transient eddies", "mean circulation", "total"]);
}

use super::*;
use crate::eof::{EofScaling, PcScaling};
use halocline_core::comm::{run_threads, Comm};
use halocline_core::engine::{Demand, Engine, FoldRun, NumbersMut, StreamPlan, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Dim, Role, Variable};
use halocline_core::{Error, Result};
use std::sync::{Arc, OnceLock};

/// A field in memory that streams.
struct Made {
    variable: Variable,
    values: Vec<f64>,
}

impl Made {
    fn new(shape: [usize; 3], value: impl Fn(usize, usize) -> f64) -> Self {
        let roles = [("time", Role::Time), ("lat", Role::Y), ("lon", Role::X)];
        let dims = roles.iter().zip(shape).map(|(&(name, role), n)| Dim::new(name, n, role)).collect();
        let variable = Variable { name: "v".into(), dims, dtype: DType::F64, attributes: Attributes::new() };
        let cells = shape[1] * shape[2];
        Self { variable, values: (0..shape[0] * cells).map(|i| value(i / cells, i % cells)).collect() }
    }
}

impl StreamSource for Made {
    fn variable(&self) -> &Variable {
        &self.variable
    }
    fn is_single(&self) -> bool {
        false
    }
    fn chunks(&self) -> Vec<usize> {
        vec![1; 3]
    }
    fn is_divisible(&self) -> bool {
        true
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let NumbersMut::F64(out) = out else { return Err(Error::internal("doubles")) };
        IndexBox::whole(&self.variable.shape())
            .for_each_run(block, |from, to, n| out[to..to + n].copy_from_slice(&self.values[from..from + n]));
        Ok(())
    }
}

fn noise(i: usize) -> f64 {
    let mixed = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
    mixed as f64 / (1u64 << 53) as f64 - 0.5
}

fn once<T>(value: T) -> Arc<OnceLock<T>> {
    let cell = OnceLock::new();
    assert!(cell.set(value).is_ok());
    Arc::new(cell)
}

/// Runs the fold on this rank's share.
fn fold(
    comm: &Comm,
    made: &Made,
    patterns: &Arc<OnceLock<Patterns>>,
    centre: &Arc<OnceLock<Centre>>,
    skips: bool,
    room: Option<u64>,
) -> Components {
    let modes = patterns.get().unwrap().modes();
    let fold = Projection::new(&made.variable.dims, modes, skips, Arc::clone(patterns), Arc::clone(centre));
    let demand = Demand { ranks: comm.size(), threads: 1, room, parts: None };
    let plan = StreamPlan::new(made, &fold, demand).unwrap();
    let engine = Engine::new(comm);
    let mut run = FoldRun::stream(&engine, made, &plan, &fold).unwrap();
    while run.advance(usize::MAX).unwrap() {}
    let own: Vec<ProjectionState> = run.finish().unwrap().into_iter().map(|(_, state)| state).collect();
    let states: Vec<ProjectionState> = engine.gather(&own).unwrap().into_iter().flatten().collect();
    Components::new(made.variable.dims[0].len, modes, &states).unwrap()
}

#[test]
fn projections_are_sums_over_cells_on_any_ranks() {
    // Several tiles in space and time.
    let (shape, cells) = ([150, 70, 600], 70 * 600);
    let land = |c: usize| c % 7 == 3;
    let made = Made::new(shape, |t, c| if land(c) { f64::NAN } else { 20.0 + noise(t * cells + c) });
    let pattern = |k: usize, c: usize| if land(c) || c < 5 { f64::NAN } else { noise((k + 1) * 77_777 + c) };
    let values = (0..3).flat_map(|k| (0..cells).map(move |c| pattern(k, c))).collect();
    let metric: Vec<f64> = (0..cells).map(|c| 1.0 + 0.5 * noise(c)).collect();
    let patterns = once(Patterns::new(3, values, metric.clone()).unwrap());
    assert_eq!(patterns.get().unwrap().count(), (5..cells).filter(|&c| !land(c)).count());
    let none = Arc::new(OnceLock::new());
    let plain = run_threads(1, |comm| fold(comm, &made, &patterns, &none, false, None)).remove(0);
    assert!(plain.gap().is_none() && plain.infinite().is_none());
    let series = plain.series(patterns.get().unwrap());
    for t in [0, 63, 64, 149] {
        for k in 0..3 {
            let there = (0..cells).filter(|&c| !pattern(k, c).is_nan());
            let sum: f64 = there.map(|c| pattern(k, c) * metric[c] * made.values[t * cells + c]).sum();
            assert!((series[t * 3 + k] - sum).abs() < 1e-9 * cells as f64, "{t} {k}");
        }
    }
    let demand = Demand { ranks: 1, threads: 1, room: None, parts: None };
    let engine = Engine::new(&Comm::serial());
    let own = patterns.get().unwrap().clone();
    let at_once = project(&engine, &made, own, None, Missing::Refuse, demand).unwrap();
    assert_eq!(at_once, series);
    for (ranks, room) in [(2, None), (3, Some(8 << 20)), (4, Some(4 << 20))] {
        let all = run_threads(ranks, |comm| fold(comm, &made, &patterns, &none, false, room));
        assert!(all.iter().all(|c| *c == plain), "{ranks} ranks");
    }
}

#[test]
fn what_lies_in_the_patterns_is_found_again_whatever_is_missing() {
    let (shape, cells) = ([70, 9, 31], 9 * 31);
    let pattern = |k: usize, c: usize| noise(1 + k * 1000 + c);
    let values = (0..2).flat_map(|k| (0..cells).map(move |c| pattern(k, c))).collect();
    let patterns = once(Patterns::new(2, values, vec![2.0; cells]).unwrap());
    let truth = |t: usize| [noise(9 * t), noise(9 * t + 1)];
    let mean = |part: usize, c: usize| 10.0 * part as f64 + noise(c);
    // 2 (x - mean) is the sum of patterns.
    let field = |t: usize, c: usize| {
        let [a, b] = truth(t);
        let x = mean(t % 2, c) + 0.5 * (a * pattern(0, c) + b * pattern(1, c));
        let gone = match t {
            69 => true,
            68 => c > 0,
            t => t % 3 > 0 && (c * 31 + t * 7) % 10 < 4,
        };
        if gone {
            f64::NAN
        } else {
            x
        }
    };
    let made = Made::new(shape, field);
    let maps = (0..2).flat_map(|part| (0..cells).map(move |c| mean(part, c))).collect();
    let centre = once(Centre { maps, part: (0..70).map(|t| t % 2).collect() });
    let all = run_threads(2, |comm| fold(comm, &made, &patterns, &centre, true, None));
    assert_eq!(all[0], all[1]);
    let (found, p) = (&all[0], patterns.get().unwrap());
    let gap = found.gap().unwrap();
    assert_eq!((gap.first.0, gap.times), (1, 47));
    assert_eq!(gap.values, made.values.iter().filter(|v| v.is_nan()).count() as u64);
    assert_eq!(found.missing()[69], cells as u64);
    let demand = Demand { ranks: 1, threads: 1, room: None, parts: None };
    let (engine, own) = (Engine::new(&Comm::serial()), || Some(centre.get().unwrap().clone()));
    let refused = project(&engine, &made, p.clone(), own(), Missing::Refuse, demand).unwrap_err();
    assert!(refused.exit_code() == 3 && refused.to_string().contains("the first at time 1"), "{refused}");
    let skipped = project(&engine, &made, p.clone(), own(), Missing::Skip, demand).unwrap();
    assert!(skipped.iter().zip(found.series(p)).all(|(a, b)| a.to_bits() == b.to_bits()));
    let gram = [p.product(0, 0), p.product(0, 1), p.product(1, 1)];
    for (t, row) in found.series(p).chunks(2).enumerate() {
        let [a, b] = truth(t);
        let expected = [gram[0] * a + gram[1] * b, gram[1] * a + gram[2] * b];
        for (value, expected) in row.iter().zip(expected) {
            // One cell does not tell two patterns apart.
            let good = if t >= 68 { value.is_nan() } else { (value - expected).abs() < 1e-10 };
            assert!(good, "step {t}: {value}, not {expected}");
        }
    }
}

#[test]
fn infinite_values_and_odd_patterns_are_told() {
    let made = Made::new([3, 1, 4], |t, c| if (t, c) == (2, 1) { f64::INFINITY } else { 1.0 });
    let patterns = once(Patterns::new(1, vec![1.0; 4], vec![1.0, 1.0, f64::NAN, 1.0]).unwrap());
    let none = Arc::new(OnceLock::new());
    // More ranks than there is work for.
    let all = run_threads(3, |comm| fold(comm, &made, &patterns, &none, false, None));
    assert!(all.iter().all(|c| c.infinite() == Some((2, 1)) && c.gap().is_none()));
    assert_eq!(all[0].series(patterns.get().unwrap())[..2], [3.0, 3.0]);
    let of = |values: Vec<f64>| Patterns::new(2, values, vec![1.0; 2]).map_err(|e| e.to_string());
    assert!(of(vec![1.0, f64::NAN, 1.0, 1.0]).unwrap_err().contains("1 cells are missing in some"));
    assert!(of(vec![f64::NAN; 4]).unwrap_err().contains("no values"));
    assert!(of(vec![1.0, f64::INFINITY, 1.0, 1.0]).unwrap_err().contains("infinite"));
    assert!(of(vec![1.0; 3]).is_err());
    let pattern = Patterns::new(1, vec![1.0, f64::NAN, 2.0], vec![1.0, 1.0, 3.0]).unwrap();
    assert_eq!(pattern.project(&[1.0, f64::NAN, 2.0]).unwrap(), [13.0]);
    assert!(pattern.project(&[f64::NAN, 1.0, 2.0]).unwrap_err().to_string().contains("in 1 cells"));
}

#[test]
fn taking_off_commutes_with_projecting() {
    let (times, cells) = (30, 4);
    let months: Vec<u8> = (0..times).map(|t| (t % 12 + 1) as u8).collect();
    let field: Vec<f64> = (0..times * cells).map(|i| noise(i) + 0.1 * (i / cells) as f64).collect();
    let pattern = [0.5, -1.0, 2.0, 0.25];
    let projected = |x: &[f64]| -> Vec<f64> {
        x.chunks(cells).map(|row| row.iter().zip(pattern).map(|(a, b)| a * b).sum()).collect()
    };
    for anomaly in [Anomaly::None, Anomaly::Mean, Anomaly::Climatology] {
        for detrend in [false, true] {
            let removal = Removal { anomaly, detrend };
            let mut first = field.clone();
            remove(&mut first, cells, &months, removal).unwrap();
            let mut last = projected(&field);
            remove(&mut last, 1, &months, removal).unwrap();
            let near = projected(&first).iter().zip(&last).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(near, "{removal:?}");
        }
    }
    let removal = Removal { anomaly: Anomaly::Climatology, detrend: false };
    assert!(remove(&mut [1.0, 2.0], 1, &[1], removal).is_err());
    let mut one = [3.0];
    remove(&mut one, 1, &[], Removal { anomaly: Anomaly::Mean, detrend: true }).unwrap();
    assert_eq!(one, [0.0]);
}

#[test]
fn scalings_are_undone() {
    // v / w = 0.3 at a cell of weight 2 and standard deviation 5, λ = 16, n = 10.
    let (plain, weight, deviation, eigenvalue) = (0.3, 2.0, 5.0, 16.0_f64);
    let (n, root) = (10.0_f64, 4.0);
    for pcs in [PcScaling::Raw, PcScaling::UnitVariance, PcScaling::Multiplied] {
        let factor = match pcs {
            PcScaling::Raw => ((n - 1.0) * eigenvalue).sqrt(),
            PcScaling::UnitVariance => (n - 1.0).sqrt(),
            PcScaling::Multiplied => (n - 1.0).sqrt() * eigenvalue,
        };
        // Σ u x over time.
        let sum = ((n - 1.0) * eigenvalue).sqrt() * plain;
        for (eofs, stored) in [
            (EofScaling::UnitNorm, weight * plain),
            (EofScaling::Divided, weight * plain / root),
            (EofScaling::Multiplied, weight * plain * root),
            (EofScaling::Covariance, factor * sum / (n - 1.0)),
            (EofScaling::Correlation, sum / ((n - 1.0).sqrt() * deviation)),
        ] {
            let scaling = Scaling { eofs, pcs, standardize: false };
            let spread = if scaling.needs_deviation() { deviation } else { 1.0 };
            let weighted = if scaling.is_unweighted() { weight } else { 1.0 };
            let unit = scaling.unit_factor(eigenvalue) * spread * weighted * stored;
            assert!((unit - weight * plain).abs() < 1e-14, "{scaling:?}: {unit}");
            let raw = ((n - 1.0) * eigenvalue).sqrt();
            assert!((scaling.pc_factor(eigenvalue) * raw - factor).abs() < 1e-12);
        }
    }
}

#[test]
fn reconstructions_are_the_same_in_any_blocks() {
    let shape = [5, 3, 700];
    let cells = 2100;
    let made = Made::new(shape, |_, _| 0.0);
    let maps: Vec<f64> = (0..2 * cells).map(|i| if i % cells == 8 { f64::NAN } else { noise(i) }).collect();
    let series: Vec<f64> = (0..10).map(|i| noise(500 + i)).collect();
    let added: Vec<f64> = (0..2 * cells).map(|i| i as f64).collect();
    let part = vec![0, 1, 0, 1, 1];
    let addend = Addend { maps: added.clone(), part: part.clone() };
    let field = Reconstruction::new(
        made.variable.clone(),
        vec![1, 3, 700],
        maps.clone(),
        series.clone(),
        Some(addend),
    )
    .unwrap();
    for block in [vec![0..5, 0..3, 0..700], vec![1..4, 1..3, 17..18], vec![4..5, 0..1, 3..650]] {
        let block = IndexBox::new(block);
        let mut out = vec![0.0; block.len()];
        field.read(&block, NumbersMut::F64(&mut out)).unwrap();
        IndexBox::whole(&shape).for_each_run(&block, |from, to, n| {
            for i in 0..n {
                let (t, c) = ((from + i) / cells, (from + i) % cells);
                let sum = added[part[t] as usize * cells + c] + series[2 * t] * maps[c];
                let sum = sum + series[2 * t + 1] * maps[cells + c];
                assert!(out[to + i].to_bits() == sum.to_bits() || c == 8 && out[to + i].is_nan());
            }
        });
    }
    assert!(Reconstruction::new(made.variable, vec![1; 3], maps, vec![0.0; 9], None).is_err());
}

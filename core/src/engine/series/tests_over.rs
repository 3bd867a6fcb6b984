use super::tests::{value, Made};
use super::*;
use crate::comm::run_threads;
use crate::engine::piece::Numbers;
use crate::engine::stream::Demand;
use crate::engine::Engine;
use crate::ErrorKind;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// A sum in the order of the samples, and the first and the last of them.
struct Work(Vec<Role>);

fn doubles(row: Numbers<'_>, mut each: impl FnMut(f64)) {
    match row {
        Numbers::F32(v) => v.iter().for_each(|v| each(f64::from(*v))),
        Numbers::F64(v) => v.iter().for_each(|v| each(*v)),
    }
}

fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, v| sum * 0.9 + v * 1.000_000_1)
}

impl SeriesWork for Work {
    fn reduces(&self) -> &[Role] {
        &self.0
    }
    fn rows(&self) -> Vec<usize> {
        if self.0.contains(&Role::Time) {
            vec![1, 2]
        } else {
            vec![1]
        }
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        for cell in 0..series.cells() {
            let mut all = Vec::new();
            series.along(cell, |run| doubles(run, |v| all.push(v)));
            assert_eq!(all.len(), series.samples());
            if let Some(rows) = results.get_mut(1) {
                rows[0][cell] = all[0];
                rows[1][cell] = all[all.len() - 1];
            }
            results[0][0][cell] = sum(all.into_iter());
        }
        Ok(())
    }
}

/// What a result should be: C order of what is kept behind one index for time, if that is reduced.
fn expected(shape: &[usize], reduced: &[bool]) -> Vec<f64> {
    let mut series: BTreeMap<Vec<usize>, Vec<f64>> = BTreeMap::new();
    for i in 0..shape.iter().product() {
        let (mut rest, mut at) = (i, vec![0; shape.len()]);
        for d in (0..shape.len()).rev() {
            at[d] = rest % shape[d];
            rest /= shape[d];
        }
        let cell = at.iter().zip(reduced).filter(|(_, r)| !**r).map(|(i, _)| *i).collect();
        series.entry(cell).or_default().push(value(&at));
    }
    series.into_values().map(|all| sum(all.into_iter())).collect()
}

fn run(
    make: &(dyn Fn() -> Made + Sync),
    roles: &[Role],
    ranks: usize,
    room: Option<u64>,
) -> Result<(Vec<f64>, usize, SeriesPlan)> {
    let all = run_threads(ranks, |comm| {
        let (source, work) = (make(), Work(roles.to_vec()));
        let demand = Demand { ranks, threads: 2, room, parts: None };
        let plan = SeriesPlan::new(&source, &work, demand)?;
        let mut parts = Vec::new();
        Engine::new(comm).series(&source, &plan, &work, &mut |results| {
            for (r, &rows) in work.rows().iter().enumerate() {
                assert_eq!(results.block(rows).len(), results.values[r].len());
            }
            parts.push((results.block(1), results.values[0].clone()));
            Ok(())
        })?;
        Ok((parts, source.read.load(Ordering::Relaxed), plan))
    });
    let all = all.into_iter().collect::<Result<Vec<_>>>()?;
    let dims = make().variable.dims;
    let mut shape = vec![if roles.contains(&Role::Time) { 1 } else { dims[0].len }];
    shape.extend(dims.iter().skip(1).filter(|d| !roles.contains(&d.role)).map(|d| d.len));
    let whole = IndexBox::whole(&shape);
    let (mut map, mut read) = (vec![f64::NAN; whole.len()], 0);
    for (parts, more, _) in &all {
        read += more;
        for (block, values) in parts {
            whole.for_each_run(block, |to, from, n| {
                assert!(map[to..to + n].iter().all(|v| v.is_nan()), "no cell is handed on twice");
                map[to..to + n].copy_from_slice(&values[from..from + n]);
            });
        }
    }
    Ok((map, read, all[0].2.clone()))
}

#[test]
fn the_same_bits_over_whatever_is_reduced() {
    let shapes: [(&[usize], &[usize]); 5] = [
        (&[20, 17, 23], &[1, 17, 23]),
        (&[20, 17, 23], &[7, 5, 10]),
        (&[6, 3, 11, 13], &[1, 1, 11, 13]),
        (&[6, 3, 11, 13], &[5, 2, 4, 7]),
        (&[9, 4], &[2, 4]),
    ];
    let mut refused = 0;
    for (shape, chunks) in shapes {
        let all = &Made::new(shape, chunks, true).variable.dims;
        for bits in 1..1usize << shape.len() {
            let reduced: Vec<bool> = (0..shape.len()).map(|d| bits >> d & 1 == 1).collect();
            let roles: Vec<Role> =
                all.iter().zip(&reduced).filter(|(_, r)| **r).map(|(d, _)| d.role).collect();
            let expected = expected(shape, &reduced);
            let values: usize = shape.iter().product();
            for (divisible, single, ranks, part) in [true, false]
                .into_iter()
                .flat_map(|d| (1..=4).flat_map(move |r| [1, 3, 12].map(|p| (d, p % 2 == 1, r, p))))
            {
                let bytes = values * if single { 4 } else { 8 } + expected.len() * 60;
                let room = (part > 1).then(|| (bytes / part) as u64);
                let make =
                    || Made { pieces: divisible && !single, single, ..Made::new(shape, chunks, divisible) };
                match run(&make, &roles, ranks, room) {
                    Ok((map, read, plan)) => {
                        assert_eq!(
                            map, expected,
                            "{shape:?} {chunks:?} {roles:?} {divisible} {ranks} {part}"
                        );
                        assert!(room.is_none_or(|room| plan.estimate() <= room));
                        if divisible || part == 1 {
                            assert_eq!(read, values, "read once: {shape:?} {roles:?} {ranks} {part}");
                        }
                    }
                    Err(e) => {
                        assert!(e.kind == ErrorKind::Memory && part > 1, "{e}");
                        refused += 1;
                    }
                }
            }
        }
    }
    // Of what is reduced wholly, there are no smaller batches.
    assert!(refused > 0);
}

#[test]
fn what_is_reduced_is_not_divided() {
    let source = Made::new(&[4, 6, 6], &[1, 6, 6], true);
    let plan = |parts: &[usize]| {
        let demand = Demand { ranks: 2, threads: 1, room: None, parts: Some(parts) };
        SeriesPlan::new(&source, &Work(vec![Role::Y, Role::X]), demand)
    };
    let error = plan(&[1, 2, 1]).unwrap_err();
    assert!(error.kind == ErrorKind::Usage && error.to_string().contains("can't divide it"), "{error}");
    assert_eq!(plan(&[2, 1, 1]).unwrap().tiling().rule(), "series-3");
    let demand = Demand { ranks: 1, threads: 1, room: Some(100), parts: None };
    let error = SeriesPlan::new(&source, &Work(vec![Role::Y, Role::X]), demand).unwrap_err();
    assert!(error.to_string().contains("1 cell with all 36 values"), "{error}");
}

#[test]
fn maps_are_read_a_few_steps_at_a_time() {
    for divisible in [true, false] {
        let source = Made::new(&[1200, 360, 720], &[1, 360, 720], divisible);
        let demand = Demand { ranks: 1, threads: 2, room: Some(1 << 40), parts: None };
        let plan = SeriesPlan::new(&source, &Work(vec![Role::Y, Role::X]), demand).unwrap();
        assert_eq!((plan.batches(), plan.passes()), (38, 1), "{}", plan.describe());
        assert!(plan.describe().ends_with("read one ahead") && plan.estimate() < 70_000_000);
        // Rows of whole maps, all times: of what must be decoded whole all is read at once.
        let plan = SeriesPlan::new(&source, &Work(vec![Role::Time, Role::X]), demand).unwrap();
        assert_eq!((plan.batches() == 1, plan.passes()), (!divisible, 1), "{}", plan.describe());
        assert!(plan.estimate() < if divisible { 700_000_000 } else { 1_400_000_000 });
    }
}

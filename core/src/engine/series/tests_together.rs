use super::tests::{value, Made};
use super::*;
use crate::comm::run_threads;
use crate::engine::piece::Numbers;
use crate::engine::stream::{Demand, StreamSource};
use crate::engine::Engine;
use crate::ErrorKind;

/// Σ a b over the steps of two variables.
struct Products;

fn doubles(row: Numbers<'_>) -> Vec<f64> {
    match row {
        Numbers::F32(v) => v.iter().map(|&v| f64::from(v)).collect(),
        Numbers::F64(v) => v.to_vec(),
    }
}

impl SeriesWork for Products {
    fn rows(&self) -> Vec<usize> {
        vec![1]
    }
    fn work(&self, series: &Series<'_>, results: &mut [Vec<&mut [f64]>]) -> Result<()> {
        let other = series.with(1)?;
        assert!(series.with(2).is_err() && series.tile().is_some());
        results[0][0].fill(0.0);
        for step in series.steps() {
            let both = doubles(series.step(step)).into_iter().zip(doubles(other.step(step)));
            results[0][0].iter_mut().zip(both).for_each(|(sum, (a, b))| *sum += a * b);
        }
        Ok(())
    }
}

#[test]
fn two_variables_are_read_in_lockstep() {
    let shape = [24, 6, 10];
    let expected: Vec<f64> = (0..60)
        .map(|c| (0..24).map(|t| value(&[t, c / 10, c % 10])).fold(0.0, |sum, v| sum + v * v))
        .collect();
    for (ranks, divisible, single) in
        [(1, true, true), (1, false, false), (2, false, true), (3, true, false), (4, false, false)]
    {
        for room in [None, Some(24 * 60 * 6)] {
            let all = run_threads(ranks, |comm| {
                let first = Made { pieces: divisible, ..Made::new(&shape, &[4, 3, 10], divisible) };
                let second = Made { pieces: true, single, ..Made::new(&shape, &[6, 6, 5], true) };
                let sources: [&dyn StreamSource; 2] = [&first, &second];
                let demand = Demand { ranks, threads: 2, room, parts: None };
                let plan = SeriesPlan::together(&sources, &Products, demand)?;
                let mut map = vec![f64::NAN; 60];
                let whole = IndexBox::whole(&[1, 6, 10]);
                let engine = Engine::new(comm);
                engine.series_together(&sources, &plan, &Products, &mut |results| {
                    whole.insert(&mut map, &results.block(1), &results.values[0]);
                    Ok(())
                })?;
                // A plan of two does not run on one.
                let alone = engine.series(&first, &plan, &Products, &mut |_| Ok(()));
                assert_eq!(alone.expect_err("one").kind, ErrorKind::Internal);
                Ok::<_, crate::Error>(map)
            });
            let mut whole = vec![f64::NAN; 60];
            for map in all {
                let map: Vec<f64> = match map {
                    Ok(map) => map,
                    Err(e) if e.kind == ErrorKind::Memory && room.is_some() => return,
                    Err(e) => panic!("{e}"),
                };
                whole.iter_mut().zip(map).filter(|(_, b)| !b.is_nan()).for_each(|(a, b)| *a = b);
            }
            assert_eq!(whole, expected, "{ranks} {divisible} {single} {room:?}");
        }
    }
}

#[test]
fn shapes_must_agree() {
    let (first, second) = (Made::new(&[8, 2, 3], &[1, 2, 3], true), Made::new(&[8, 3, 2], &[1, 3, 2], true));
    let demand = Demand { ranks: 1, threads: 1, room: None, parts: None };
    let refused = SeriesPlan::together(&[&first, &second], &Products, demand);
    assert_eq!(refused.expect_err("other shapes").kind, ErrorKind::Data);
}

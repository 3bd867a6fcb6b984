use super::*;
use crate::statistics::Groups;

fn run(work: &Percentiles, steps: usize, values: &[f64]) -> Vec<Vec<f64>> {
    let cells = values.len() / steps.max(1);
    let mut out: Vec<Vec<f64>> = work.rows().iter().map(|&n| vec![f64::NAN; n * cells]).collect();
    let mut rows: Vec<Vec<&mut [f64]>> = out.iter_mut().map(|o| o.chunks_mut(cells).collect()).collect();
    work.work(&Series::of_steps(steps, values), &mut rows).unwrap();
    out
}

fn mixed(i: usize) -> f64 {
    ((i * 7919 + 13) % 1009) as f64 * 0.25 - 120.0
}

/// The definition: sort everything.
fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = values.filter(|v| !v.is_nan()).collect();
    all.sort_by(f64::total_cmp);
    all
}

#[test]
fn choosing_gives_what_sorting_gives() {
    let percents = [0.0, 2.5, 10.0, 50.0, 90.0, 99.9, 100.0];
    for (steps, cells) in [(1, 3), (2, 1), (30, 40), (257, 300), (1000, 5)] {
        let values: Vec<f64> = (0..steps * cells)
            .map(|i| if i % 7 == 3 || i % cells == 1 { f64::NAN } else { mixed(i) })
            .collect();
        for method in QuantileMethod::ALL {
            let work = Percentiles::new(&percents).unwrap().method(method);
            let out = run(&work, steps, &values);
            for cell in 0..cells {
                let all = sorted((0..steps).map(|t| values[t * cells + cell]));
                for (r, p) in percents.iter().enumerate() {
                    let expected = match all.len() {
                        0 => f64::NAN,
                        n => {
                            let place = method.place(n, p / 100.0);
                            place.value(all[place.low], all[place.high])
                        }
                    };
                    assert_eq!(out[r][cell].to_bits(), expected.to_bits(), "{method:?} {p} {cell}");
                }
            }
        }
    }
}

#[test]
fn pools_may_overlap_and_groups_leave_steps_out() {
    let (steps, cells) = (60, 20);
    let values: Vec<f64> = (0..steps * cells).map(mixed).collect();
    let pools: Vec<Vec<u32>> =
        (0..12).map(|g| (0..60).filter(|t| (t + 12 - g) % 12 <= 2).collect()).collect();
    let out = run(&Percentiles::new(&[50.0]).unwrap().pooled(pools.clone()), steps, &values);
    let months: Vec<u32> = (0..60).map(|t| if t < 6 { u32::MAX } else { t % 12 }).collect();
    let groups = Groups::new(months.clone(), 12).unwrap();
    let grouped = run(&Percentiles::new(&[50.0]).unwrap().pooled(groups.members()), steps, &values);
    for cell in 0..cells {
        for g in 0..12 {
            let median = |of: &mut dyn Iterator<Item = usize>| {
                let all = sorted(of.map(|t| values[t * cells + cell]));
                let place = QuantileMethod::Linear.place(all.len(), 0.5);
                place.value(all[place.low], all[place.high])
            };
            assert_eq!(out[0][g * cells + cell], median(&mut pools[g].iter().map(|&t| t as usize)));
            let of_month = |t: &usize| months[*t] == g as u32;
            assert_eq!(grouped[0][g * cells + cell], median(&mut (0..steps).filter(of_month)));
        }
    }
    assert!(Groups::new(vec![0, 3], 3).is_err());
}

#[test]
fn a_result_needs_enough_values() {
    let nan = f64::NAN;
    let values = [1.0, nan, nan, 2.0, 5.0, nan, 3.0, 6.0, 9.0];
    let of = |needed| run(&Percentiles::new(&[50.0]).unwrap().missing(needed), 3, &values).remove(0);
    let missing = |v: Vec<f64>| v.iter().map(|v| v.is_nan()).collect::<Vec<_>>();
    assert_eq!(of(Missing::AtLeast(0)), [2.0, 5.5, 9.0]);
    assert_eq!(missing(of(Missing::AtLeast(2))), [false, false, true]);
    assert_eq!(missing(of(Missing::Propagate)), [false, true, true]);
    assert!(Percentiles::new(&[101.0]).is_err() && Percentiles::new(&[nan]).is_err());
    assert!(Percentiles::new(&[]).is_err());
}

#[test]
fn infinities_and_signed_zeros_sort_as_numbers() {
    let values = [0.0, f64::INFINITY, -0.0, -1.0, f64::NEG_INFINITY, 1.0];
    let out = run(&Percentiles::new(&[0.0, 20.0, 100.0]).unwrap(), 6, &values);
    assert_eq!([out[0][0], out[1][0], out[2][0]], [f64::NEG_INFINITY, -1.0, f64::INFINITY]);
}

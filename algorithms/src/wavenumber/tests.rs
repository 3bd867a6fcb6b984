//! Spectra of waves that are known.

use super::*;
use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Dim, Role, Variable};
use halocline_core::Result;

/// Values that tell where they stand.
struct Places(Variable, bool);

impl StreamSource for Places {
    fn variable(&self) -> &Variable {
        &self.0
    }
    fn is_single(&self) -> bool {
        false
    }
    fn chunks(&self) -> Vec<usize> {
        vec![2, 3, 4]
    }
    fn is_divisible(&self) -> bool {
        self.1
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let NumbersMut::F64(out) = out else { unreachable!() };
        let mut out = out.iter_mut();
        for t in block.range(0) {
            for y in block.range(1) {
                for x in block.range(2) {
                    *out.next().unwrap() = (t * 10_000 + y * 100 + x) as f64;
                }
            }
        }
        Ok(())
    }
}

#[test]
fn rows_meet_their_mirror() {
    let dims =
        vec![Dim::new("time", 5, Role::Time), Dim::new("lat", 9, Role::Y), Dim::new("lon", 4, Role::X)];
    let variable = Variable { name: "u".into(), dims, dtype: DType::F64, attributes: Attributes::new() };
    for (divisible, rows) in [(true, 0..9), (false, 0..9), (true, 1..7), (false, 2..7), (true, 4..5)] {
        let inner = Places(variable.clone(), divisible);
        let paired = PairedRows::new(&inner, rows.clone(), 2).unwrap();
        let pairs = rows.len().div_ceil(2);
        assert_eq!(paired.variable().shape(), [5, pairs, 8]);
        for range in [0..pairs, pairs - 1..pairs, 0..1] {
            let block = IndexBox::new(vec![1..4, range.clone(), 0..8]);
            let mut out = vec![f64::NAN; block.len()];
            paired.read(&block, NumbersMut::F64(&mut out)).unwrap();
            let mut values = out.iter();
            for t in 1..4 {
                for pair in range.clone() {
                    for y in [rows.start + pair, rows.end - 1 - pair] {
                        for x in 0..4 {
                            assert_eq!(*values.next().unwrap(), (t * 10_000 + y * 100 + x) as f64);
                        }
                    }
                }
            }
        }
    }
    let inner = Places(variable, true);
    assert!(PairedRows::new(&inner, 3..3, 1).is_err() && PairedRows::new(&inner, 3..10, 1).is_err());
}

#[test]
fn what_does_not_fit_is_refused() {
    let of = |shape, window, overlap| WheelerKiladis::new(shape, 1.0, (window, overlap), 10).map(drop);
    assert!(of((100, 36), 96, 65).is_ok());
    for (shape, window, overlap) in
        [((90, 36), 96, 65), ((100, 36), 96, 96), ((100, 36), 3, 0), ((100, 3), 96, 0)]
    {
        assert!(of(shape, window, overlap).unwrap_err().remedy.is_some() || shape.1 == 3);
    }
    assert_eq!(WheelerKiladis::new((3650, 360), 1.0, (96, 65), 500).unwrap().waves(), 180);
    assert_eq!(WheelerKiladis::new((3650, 360), 1.0, (96, 65), 15).unwrap().windows(), 115);
}

#[test]
fn cross_spectra_of_nothing_are_missing_and_limits_are_known() {
    assert!(CrossWaves::new((90, 36), 1.0, (96, 65), 10).is_err());
    let work = CrossWaves::new((250, 24), 1.0, (16, 6), 5).unwrap();
    assert_eq!((work.windows(), work.waves(), work.frequencies().len()), (24, 5, 9));
    assert!((work.limit_of_ncl(0.95) - 0.203_865).abs() < 1e-6);
    let plane = 9 * 11;
    let zeros = [(); 4].map(|()| vec![0.0; plane]);
    let part = work.finish(zeros, 3);
    assert!(part.coherence_squared.iter().chain(&part.phase).chain(&part.v1).all(|v| v.is_nan()));
    assert!(part.power_x.iter().all(|v| *v == 0.0));
    // x = y, a quarter of a period later by Q alone.
    let sums = [4.0, 4.0, 0.0, -4.0].map(|v| vec![24.0 * 3.0 * v; plane]);
    let part = work.finish(sums, 3);
    assert_eq!((part.power_x[0], part.quadrature[20], part.coherence_squared[50]), (4.0, -4.0, 1.0));
    assert!(part.phase.iter().all(|p| (p + std::f64::consts::FRAC_PI_2).abs() < 1e-12));
    assert!(part.v1.iter().all(|v| *v == 1.0) && part.v2.iter().all(|v| *v == 0.0));
}

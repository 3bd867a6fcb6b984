use super::*;
use crate::statistics::Groups;
use halocline_core::engine::{Fold, Piece};
use halocline_core::index::IndexBox;
use halocline_core::tiling::{Tile, Tiling};

fn dims(shape: &[usize; 4]) -> Vec<Dim> {
    let roles = [Role::Time, Role::Level, Role::Y, Role::X];
    roles.iter().zip(shape).map(|(&r, &n)| Dim::new(format!("{r:?}"), n, r)).collect()
}

/// All passes over tiles that are absorbed step by step and merged, the last two first.
fn counted(
    mut work: CountedPercentiles,
    shape: &[usize; 4],
    tiling: &Tiling,
    values: &[f64],
) -> Vec<Vec<f64>> {
    let whole = IndexBox::whole(shape);
    let roles = work.reduces().to_vec();
    let leaves = tiling.leaves(&roles);
    let (mut passes, most) = (0, work.passes());
    while !work.is_done() {
        let mut found = Vec::new();
        for column in 0..tiling.len() / leaves {
            let absorbed = |leaf: usize| {
                let tile = tiling.tile(tiling.at_place(column, leaf, &roles));
                let mut state = work.start(column);
                for step in tile.block.range(0) {
                    let block = tile.block.with_range(0, step..step + 1);
                    let mut own = Vec::new();
                    whole.extract(values, &block, &mut own);
                    let one = Tile { id: tile.id, block };
                    work.absorb(&mut state, &Piece::whole(&one, &own)).unwrap();
                }
                state
            };
            let mut merged = work.start(column);
            for leaf in (0..leaves).rev() {
                merged = work.merge(absorbed(leaf), merged).unwrap();
            }
            let first = tiling.tile(tiling.at_place(column, 0, &roles));
            found.extend(work.found(&first, &merged));
        }
        work = work.advance(found).unwrap();
        passes += 1;
    }
    assert_eq!(passes, most);
    work.values()
}

/// By sorting all that a cell has.
fn sorted(
    work: (&[f64], QuantileMethod, Missing),
    shape: &[usize; 4],
    roles: &[Role],
    groups: &Groups,
    values: &[f64],
) -> Vec<Vec<f64>> {
    let dims = dims(shape);
    let kept: Vec<usize> = (1..4).filter(|&d| !roles.contains(&dims[d].role)).collect();
    let cells: usize = kept.iter().map(|&d| shape[d]).product();
    let mut all = vec![Vec::new(); groups.len() * cells];
    let mut possible = vec![0u64; all.len()];
    for (i, &v) in values.iter().enumerate() {
        let at = [
            i / (shape[1] * shape[2] * shape[3]),
            i / (shape[2] * shape[3]) % shape[1],
            i / shape[3] % shape[2],
            i % shape[3],
        ];
        let cell = kept.iter().fold(0, |n, &d| n * shape[d] + at[d]);
        let slot = groups.of(at[0]).unwrap() as usize * cells + cell;
        possible[slot] += 1;
        if !v.is_nan() {
            all[slot].push(v);
        }
    }
    let one = |q: f64, (all, possible): (&Vec<f64>, &u64)| {
        let mut all = all.clone();
        all.sort_by(f64::total_cmp);
        if all.len() < work.2.least(*possible) as usize {
            return f64::NAN;
        }
        let place = work.1.place(all.len(), q);
        place.value(all[place.low], all[place.high])
    };
    work.0.iter().map(|p| all.iter().zip(&possible).map(|of| one(p / 100.0, of)).collect()).collect()
}

fn same(a: &[Vec<f64>], b: &[Vec<f64>]) -> bool {
    let bits = |maps: &[Vec<f64>]| -> Vec<Vec<u64>> {
        maps.iter()
            .map(|map| map.iter().map(|v| if v.is_nan() { 0 } else { v.to_bits() }).collect())
            .collect()
    };
    bits(a) == bits(b)
}

#[test]
fn counting_gives_what_sorting_gives() {
    let shape = [12, 2, 7, 9];
    let dims = dims(&shape);
    let n: usize = shape.iter().product();
    let odd = |i: usize| match i % 97 {
        3 | 40..50 => f64::NAN,
        5 => f64::INFINITY,
        6 => -0.0,
        7 => 0.0,
        8 => f64::NEG_INFINITY,
        9 => -1e-310,
        _ => ((i * 7919 + 13) % 1009) as f64 * 0.3 - 120.0,
    };
    let values: Vec<f64> = (0..n).map(odd).collect();
    let tiling = Tiling::stream(&dims, Some(&[4, 1, 3, 9]));
    let percents = [0.0, 10.0, 50.0, 99.9, 100.0];
    let months = Groups::new((0..12).map(|t| t / 5).collect(), 3).unwrap();
    for groups in [Groups::all(12), months] {
        for bits in 0..8usize {
            let mut roles = vec![Role::Time];
            roles.extend((1..4).filter(|d| bits >> (d - 1) & 1 == 1).map(|d| dims[d].role));
            let possible =
                dims[1..].iter().filter(|d| roles.contains(&d.role)).map(|d| d.len as u64).product();
            for (digits, method, missing) in [
                (16, QuantileMethod::Linear, Missing::Skip),
                (11, QuantileMethod::Hazen, Missing::AtLeast(5)),
                (7, QuantileMethod::InvertedCdf, Missing::Propagate),
            ] {
                let work = CountedPercentiles::new(&percents, &dims, &roles, &groups, false).unwrap();
                // Few values for many counters take long.
                let digits = if bits.count_ones() < 2 { digits.min(8) } else { digits };
                let work = work.rules(method, missing, possible).digits(digits);
                let ours = counted(work, &shape, &tiling, &values);
                let theirs = sorted((&percents, method, missing), &shape, &roles, &groups, &values);
                assert!(same(&ours, &theirs), "{roles:?} {digits}\n{ours:?}\n{theirs:?}");
            }
        }
    }
}

#[test]
fn states_are_as_large_as_was_said() {
    let shape = [12, 2, 7, 9];
    let tile = Tile { id: 0, block: IndexBox::whole(&shape) };
    let work =
        CountedPercentiles::new(&[10.0, 50.0], &dims(&shape), &[Role::Time, Role::X], &Groups::all(12), true);
    let work = work.unwrap().digits(8);
    assert_eq!((work.passes(), work.counters(&tile)), (4, 14 * 256));
    assert_eq!(work.largest().counters(&tile), 4 * 14 * 256);
    assert_eq!(work.state_bytes(&tile), 8 * work.counters(&tile));
    let over_space = CountedPercentiles::new(&[10.0], &dims(&shape), &[Role::X], &Groups::each(12), true);
    assert!(over_space.is_err());
}

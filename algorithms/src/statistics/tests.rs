//! The fold beside plain sums over all values, two passes and compensated.

use super::*;
use halocline_core::comm::Comm;
use halocline_core::engine::{Demand, Engine, FoldRun, NumbersMut, StreamPlan, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Dim, Role, Variable};
use halocline_core::Result;
use std::collections::BTreeMap;

/// Values in memory.
pub(super) struct Memory {
    pub(super) variable: Variable,
    single: bool,
    chunks: Vec<usize>,
    values: Vec<f64>,
}

impl Memory {
    pub(super) fn new(
        shape: &[usize],
        single: bool,
        chunks: &[usize],
        value: impl Fn(&[usize]) -> f64,
    ) -> Self {
        let all = [Role::Time, Role::Level, Role::Y, Role::X];
        let roles =
            if shape.len() == 4 { all.to_vec() } else { [&all[..1], &all[5 - shape.len()..]].concat() };
        let dims = roles.iter().zip(shape).map(|(&r, &n)| Dim::new(format!("{r:?}"), n, r)).collect();
        let variable =
            Variable { name: "made".into(), dims, dtype: DType::F64, attributes: Attributes::new() };
        let values = (0..shape.iter().product()).map(|i| value(&place(i, shape)));
        let values = values.map(|v| if single { f64::from(v as f32) } else { v }).collect();
        Self { variable, single, chunks: chunks.to_vec(), values }
    }
    fn shape(&self) -> Vec<usize> {
        self.variable.shape()
    }
}

fn place(i: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = i;
    let mut at: Vec<usize> = shape
        .iter()
        .rev()
        .map(|n| {
            let here = rest % n;
            rest /= n;
            here
        })
        .collect();
    at.reverse();
    at
}

impl StreamSource for Memory {
    fn variable(&self) -> &Variable {
        &self.variable
    }
    fn is_single(&self) -> bool {
        self.single
    }
    fn chunks(&self) -> Vec<usize> {
        self.chunks.clone()
    }
    fn is_divisible(&self) -> bool {
        true
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let mut values = Vec::new();
        IndexBox::whole(&self.shape()).extract(&self.values, block, &mut values);
        match out {
            NumbersMut::F32(out) => out.iter_mut().zip(&values).for_each(|(o, v)| *o = *v as f32),
            NumbersMut::F64(out) => out.copy_from_slice(&values),
        }
        Ok(())
    }
}

/// All results of some quantities, C order over groups and what is not reduced.
pub(super) fn run(
    source: &Memory,
    fold: &Reduction,
    quantities: &[Quantity],
    rules: &Rules,
) -> Vec<Vec<f64>> {
    let engine = Engine::new(&Comm::serial());
    let demand = Demand { ranks: 1, threads: 1, room: None, parts: None };
    let plan = StreamPlan::new(source, fold, demand).unwrap();
    let mut run = FoldRun::stream(&engine, source, &plan, fold).unwrap();
    while run.advance(3).unwrap() {}
    let whole = fold.result_box(&IndexBox::whole(&source.shape()));
    let mut all = vec![vec![f64::NAN; whole.len()]; quantities.len()];
    for (column, state) in run.finish().unwrap() {
        use halocline_core::engine::Fold;
        let first = plan.tiling().tile(plan.tiling().at_place(column, 0, fold.reduces()));
        let block = fold.result_box(&first.block);
        for (quantity, out) in quantities.iter().zip(&mut all) {
            let values = fold.finish(&state, *quantity, rules).unwrap();
            for (k, &group) in state.groups().iter().enumerate() {
                let block = block.with_range(0, group as usize..group as usize + 1);
                whole.insert(out, &block, &values[k * state.cells()..(k + 1) * state.cells()]);
            }
        }
    }
    all
}

/// A sum that is exact to the last bit or two (Neumaier).
fn exact(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0f64);
    for v in values {
        let t = sum + v;
        lost += if sum.abs() >= v.abs() { (sum - t) + v } else { (v - t) + sum };
        sum = t;
    }
    sum + lost
}

fn plainly(values: &[(f64, f64)], quantity: Quantity, weighted: bool) -> f64 {
    let valid: Vec<(f64, f64)> = values.iter().copied().filter(|(v, _)| !v.is_nan()).collect();
    let n = valid.len() as f64;
    if quantity == Quantity::Count {
        return n;
    }
    if valid.is_empty() {
        return f64::NAN;
    }
    let w = |w: f64| if weighted { w } else { 1.0 };
    let total = exact(valid.iter().map(|(_, f)| w(*f)));
    let mean = exact(valid.iter().map(|(v, f)| w(*f) * v)) / total;
    let least = valid.iter().fold(f64::INFINITY, |m, v| m.min(v.0));
    let greatest = valid.iter().fold(f64::NEG_INFINITY, |m, v| m.max(v.0));
    match quantity {
        Quantity::Mean => mean,
        Quantity::Sum => exact(valid.iter().map(|v| v.0)),
        Quantity::Min => least,
        Quantity::Max => greatest,
        Quantity::Range => greatest - least,
        Quantity::Rms => (exact(valid.iter().map(|(v, f)| w(*f) * v * v)) / total).sqrt(),
        _ => {
            let squared = exact(valid.iter().map(|(_, f)| w(*f) * w(*f)));
            let divisor = total - squared / total;
            if valid.len() < 2 {
                return f64::NAN;
            }
            let variance = exact(valid.iter().map(|(v, f)| w(*f) * (v - mean) * (v - mean))) / divisor;
            if quantity == Quantity::Std {
                variance.sqrt()
            } else {
                variance
            }
        }
    }
}

const OPS: [Op; 9] = [Op::Mean, Op::Sum, Op::Min, Op::Max, Op::Std, Op::Var, Op::Count, Op::Range, Op::Rms];

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    // Sums of both signs may cancel.
    a.is_nan() && b.is_nan() || (a - b).abs() <= tolerance * b.abs().max(0.1)
}

/// Compares every quantity of `source` over `over` with plain sums.
fn check(source: &Memory, over: &[Role], groups: &Groups, weights: &Weights) {
    let shape = source.shape();
    let dims = &source.variable.dims;
    let fold = Reduction::new(dims, over, &OPS, groups.clone(), weights.clone(), Vec::new()).unwrap();
    let quantities: Vec<Quantity> = OPS.iter().flat_map(|op| op.quantities()).copied().collect();
    let rules = Rules { missing: Missing::Skip, ddof: 1, cells: 1 };
    let got = run(source, &fold, &quantities, &rules);
    let result = fold.result_box(&IndexBox::whole(&shape)).shape();
    let mut plain: BTreeMap<usize, Vec<(f64, f64)>> = BTreeMap::new();
    for (i, &v) in source.values.iter().enumerate() {
        let at = place(i, &shape);
        let Some(group) = groups.of(at[0]) else { continue };
        let mut cell = group as usize;
        for d in 1..shape.len() {
            cell = cell * result[d] + if result[d] == 1 { 0 } else { at[d] };
        }
        let last = shape.len() - 1;
        let mut w = weights.steps.get(at[0]).copied().unwrap_or(1.0);
        for d in 1..shape.len() {
            let along = weights.along.get(d - 1).and_then(|w| w.get(at[d])).copied().unwrap_or(1.0);
            w *= if over.contains(&dims[d].role) { along } else { 1.0 };
        }
        if !weights.ground.is_empty() {
            w *= weights.ground[at[last - 1] * shape[last] + at[last]];
        }
        plain.entry(cell).or_default().push((v, w));
    }
    for (quantity, got) in quantities.iter().zip(&got) {
        for (&cell, values) in &plain {
            let expected = plainly(values, *quantity, !weights.is_none());
            let tolerance = match quantity {
                Quantity::Count | Quantity::Min | Quantity::Max | Quantity::Range => 0.0,
                _ => 1e-12,
            };
            assert!(
                close(got[cell], expected, tolerance),
                "{quantity:?} over {over:?} of {shape:?}, cell {cell}: {} is not {expected}",
                got[cell]
            );
        }
    }
}

fn mixed(at: &[usize]) -> f64 {
    let mixed = at.iter().fold(7usize, |m, &i| (m * 31 + i) * 7919 % 10_007);
    let land = at.last().is_some_and(|x| x % 13 == 5);
    if land || mixed % 11 == 0 {
        f64::NAN
    } else {
        (mixed as f64 - 4000.0) * 1.1e-3
    }
}

fn all_roles() -> Vec<Vec<Role>> {
    let roles = [Role::Time, Role::Level, Role::Y, Role::X];
    (1..16usize).map(|bits| (0..4).filter(|d| bits >> d & 1 == 1).map(|d| roles[d]).collect()).collect()
}

#[test]
fn any_dimensions_with_any_weights() {
    let shape = [67, 3, 4, 19];
    for (single, offset) in [(true, 0.0), (false, 1e7)] {
        let source = Memory::new(&shape, single, &[1, 1, 4, 19], |at| mixed(at) + offset);
        let along = vec![vec![1.0, 2.5, 0.25], vec![0.1, 0.4, 0.5, 0.3], Vec::new()];
        let columns = (0..19).map(|i| 1.0 + f64::from(i) * 0.01).collect();
        let ground = (0..76).map(|i| 0.5 + f64::from(i * 7 % 11)).collect();
        let weighings = [
            Weights::default(),
            Weights { along: along.clone(), ..Weights::default() },
            Weights { along: vec![vec![], along[1].clone(), columns], ..Weights::default() },
            Weights {
                steps: (0..67).map(|t| 28.0 + f64::from(t % 4)).collect(),
                ground,
                ground_width: 19,
                ..Weights::default()
            },
        ];
        // Far from zero, once is enough.
        let few = if single { weighings.len() } else { 2 };
        for over in all_roles() {
            for weights in &weighings[..few] {
                let groups = if over.contains(&Role::Time) { Groups::all(67) } else { Groups::each(67) };
                // Weights on the ground of one cell each would be divided out again.
                let pointless = !over.contains(&Role::X) && !over.contains(&Role::Y);
                if !weights.ground.is_empty() && pointless {
                    continue;
                }
                check(&source, &over, &groups, weights);
            }
        }
    }
}

#[test]
fn times_in_groups() {
    let source = Memory::new(&[150, 2, 3, 11], true, &[1, 2, 3, 11], mixed);
    let cyclic = Groups::new((0..150).map(|t| t % 12).collect(), 12).unwrap();
    let years = Groups::new((0..150).map(|t| if t < 6 { Groups::NONE } else { (t - 6) / 12 }).collect(), 12);
    for groups in [cyclic, years.unwrap(), Groups::each(150)] {
        for over in
            [vec![Role::Time], vec![Role::Time, Role::Y], vec![Role::Time, Role::Level, Role::Y, Role::X]]
        {
            check(&source, &over, &groups, &Weights::default());
            let steps = (0..150).map(|t| f64::from(28 + t % 4)).collect();
            check(&source, &over, &groups, &Weights { steps, ..Weights::default() });
        }
    }
}

#[test]
fn states_of_all_times_merge() {
    // One goes through 256 steps.
    let source = Memory::new(&[600, 1, 3, 11], true, &[1, 1, 3, 11], |at| mixed(at) + 300.0);
    for steps in [Vec::new(), (0..600).map(|t| f64::from(28 + t % 4)).collect()] {
        let weights = Weights { steps, ..Weights::default() };
        check(&source, &[Role::Time], &Groups::all(600), &weights);
    }
}

#[test]
fn moments_beside_a_trend_have_the_same_bits() {
    for steps in [5, 64, 300, 700] {
        let gone = |at: &[usize]| at[2] == 7 && at[0] < 260 || at[2] == 9 && at[0] >= 10;
        let value = |at: &[usize]| if gone(at) { f64::NAN } else { 280.0 + mixed(at) };
        let source = Memory::new(&[steps, 2, 37], true, &[1, 2, 37], value);
        let of = |ops: &[Op]| {
            let (dims, times) = (&source.variable.dims, (0..steps).map(|t| t as f64).collect());
            let fold =
                Reduction::new(dims, &[Role::Time], ops, Groups::all(steps), Weights::default(), times);
            let rules = Rules { missing: Missing::Skip, ddof: 1, cells: 1 };
            run(&source, &fold.unwrap(), &[Quantity::Std, Quantity::Var], &rules)
        };
        let bits = |all: Vec<Vec<f64>>| all.concat().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(of(&[Op::Std])), bits(of(&[Op::Std, Op::Trend])), "{steps} steps");
    }
}

#[test]
fn maps_of_several_tiles() {
    let source = Memory::new(&[67, 70, 600], true, &[1, 35, 600], mixed);
    for over in
        [vec![Role::Time], vec![Role::Y, Role::X], vec![Role::X], vec![Role::Y], vec![Role::Time, Role::Y]]
    {
        let groups = if over.contains(&Role::Time) { Groups::all(67) } else { Groups::each(67) };
        let rows = (0..70).map(|j| (f64::from(j) / 35.0 - 1.0).cos()).collect();
        check(&source, &over, &groups, &Weights { along: vec![rows, vec![]], ..Weights::default() });
    }
}

#[test]
fn what_else_is_asked_changes_no_bit() {
    let source = Memory::new(&[70, 5, 37], true, &[1, 5, 37], mixed);
    for over in [vec![Role::Time], vec![Role::Y, Role::X], vec![Role::Y], vec![Role::X]] {
        let groups = if over.contains(&Role::Time) { Groups::all(70) } else { Groups::each(70) };
        let of = |ops: &[Op]| {
            let fold =
                Reduction::new(&source.variable.dims, &over, ops, groups.clone(), Weights::default(), vec![]);
            let rules = Rules { missing: Missing::Skip, ddof: 0, cells: 1 };
            let wanted: Vec<Quantity> = ops.iter().flat_map(|op| op.quantities()).copied().collect();
            run(&source, &fold.unwrap(), &wanted, &rules)
        };
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let all = of(&OPS);
        for (op, together) in OPS.iter().zip(&all) {
            assert_eq!(bits(&of(&[*op])[0]), bits(together), "{op:?} over {over:?}");
        }
    }
}

#[test]
fn missing_values_by_each_rule() {
    let source = Memory::new(&[4, 1, 3], false, &[1, 1, 3], |at| match (at[0], at[2]) {
        (1, 1) | (_, 2) => f64::NAN,
        (t, _) => t as f64,
    });
    let dims = &source.variable.dims;
    let of = |over: &[Role], groups: Groups, missing, cells| {
        let fold = Reduction::new(dims, over, &[Op::Mean], groups, Weights::default(), vec![]).unwrap();
        let rules = Rules { missing, ddof: 1, cells };
        run(&source, &fold, &[Quantity::Mean, Quantity::Count], &rules)
    };
    let nan = f64::NAN;
    for (missing, mean) in [
        (Missing::Skip, [1.5, 5.0 / 3.0, nan]),
        (Missing::Propagate, [1.5, nan, nan]),
        (Missing::AtLeast(3), [1.5, 5.0 / 3.0, nan]),
        (Missing::AtLeast(4), [1.5, nan, nan]),
    ] {
        let got = of(&[Role::Time], Groups::all(4), missing, 1);
        assert!(got[0].iter().zip(mean).all(|(a, b)| close(*a, b, 1e-15)), "{missing:?} {got:?}");
        assert_eq!(got[1], [4.0, 3.0, 0.0]);
    }
    let got = of(&[Role::Y, Role::X], Groups::each(4), Missing::Propagate, 3);
    assert!(got[0].iter().all(|v| v.is_nan()));
    let got = of(&[Role::Y, Role::X], Groups::each(4), Missing::AtLeast(2), 3);
    assert_eq!(format!("{:?}", got[0]), "[0.0, NaN, 2.0, 3.0]");
}

#[test]
fn trends_are_for_points_over_all_times() {
    let source = Memory::new(&[6, 2, 3], false, &[1, 2, 3], mixed);
    let dims = &source.variable.dims;
    let times: Vec<f64> = (0..6).map(f64::from).collect();
    let make = |over: &[Role], groups: Groups, weights: Weights| {
        Reduction::new(dims, over, &[Op::Trend], groups, weights, times.clone()).map(|_| ())
    };
    make(&[Role::Time], Groups::all(6), Weights::default()).unwrap();
    assert!(make(&[Role::Time, Role::X], Groups::all(6), Weights::default()).is_err());
    assert!(make(&[Role::X], Groups::each(6), Weights::default()).is_err());
    let halves = Groups::new(vec![0, 0, 0, 1, 1, 1], 2).unwrap();
    assert!(make(&[Role::Time], halves, Weights::default()).is_err());
    let steps = Weights { steps: vec![2.0; 6], ..Weights::default() };
    assert!(make(&[Role::Time], Groups::all(6), steps).is_err());
}

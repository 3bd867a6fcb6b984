//! Distributed Fourier transforms against the definition, numpy's numbers and themselves.

use halocline::algorithms::fft::{ComplexField, FftNumber, FftPlan, Normalisation};
use halocline::core::comm::Comm;
use halocline::core::decomposition::Decomposition;
use halocline::core::field::Field;
use halocline::core::index::IndexBox;
use halocline::core::meta::{Attributes, DType, Dim, Role, Variable};
use std::f64::consts::PI;
use std::sync::Arc;

use crate::Test;

type Complex = (f64, f64);

pub(crate) fn all() -> Vec<Test> {
    vec![
        ("fft: transforms are those of the definition", transforms_are_those_of_the_definition),
        ("fft: waves, Parseval, numpy", waves_parseval_and_numpy),
        ("fft: what does not fit is refused", what_does_not_fit_is_refused),
    ]
}

fn variable(shape: &[usize]) -> Variable {
    let dims = shape.iter().enumerate().map(|(d, n)| Dim::new(format!("d{d}"), *n, Role::Other)).collect();
    Variable { name: "x".into(), dims, dtype: DType::F64, attributes: Attributes::new() }
}

/// Divisions of a shape: along each axis, in two axes, uneven by hand, with ranks that own nothing.
fn layouts(shape: &[usize], ranks: usize) -> Vec<Arc<Decomposition>> {
    let dims = variable(shape).dims;
    let whole = IndexBox::whole(shape);
    let mut all: Vec<Decomposition> =
        (0..shape.len()).map(|d| Decomposition::along(&dims, &whole, d, ranks).expect("fits")).collect();
    if ranks >= 4 && shape.len() > 1 {
        let mut parts = vec![1; shape.len()];
        (parts[0], parts[1]) = (2, 2);
        all.push(Decomposition::even(&dims, &whole, &parts, ranks).expect("fits"));
    }
    let mut edges: Vec<Vec<usize>> = shape.iter().map(|n| vec![0, *n]).collect();
    if ranks > 1 {
        edges[0] = vec![0, shape[0] / 4, shape[0]];
    }
    all.push(Decomposition::from_edges(dims.clone(), edges, ranks).expect("fits"));
    let nothing = shape.iter().map(|n| vec![0, *n]).collect();
    all.push(Decomposition::from_edges(dims, nothing, ranks).expect("fits"));
    all.into_iter().map(Arc::new).collect()
}

fn value(i: usize) -> f64 {
    ((i * 7919 + i * i % 97 * 31) % 1009) as f64 / 1009.0 - 0.4
}

/// The place of each value of a block among all.
fn places(block: &IndexBox, shape: &[usize]) -> Vec<usize> {
    let mut all = Vec::new();
    IndexBox::whole(shape).for_each_run(block, |from, _, n| all.extend(from..from + n));
    all
}

fn block_of<T>(all: &[T], block: &IndexBox, shape: &[usize]) -> Vec<T>
where
    T: Copy,
{
    places(block, shape).into_iter().map(|i| all[i]).collect()
}

/// The transform by its definition, axis by axis.
fn defined(all: &[Complex], shape: &[usize], axes: &[usize]) -> Vec<Complex> {
    let mut values = all.to_vec();
    for &axis in axes {
        let (n, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
        let before = values.clone();
        for (at, v) in values.iter_mut().enumerate() {
            let (k, base) = (at / inner % n, at - at / inner % n * inner);
            *v = (0..n).fold((0.0, 0.0), |sum, j| {
                let (re, im) = before[base + j * inner];
                let (sin, cos) = (-2.0 * PI * ((j * k) % n) as f64 / n as f64).sin_cos();
                (sum.0 + re * cos - im * sin, sum.1 + re * sin + im * cos)
            });
        }
    }
    values
}

const CASES: [(&[usize], &[usize]); 7] = [
    (&[6, 5, 8], &[0, 1, 2]),
    (&[7, 4, 9], &[1, 2]),
    (&[3, 8, 5], &[2, 0]),
    (&[5, 12], &[1]),
    (&[9, 2, 3, 4], &[3, 1, 0]),
    (&[1, 7, 1], &[0, 1, 2]),
    (&[16], &[0]),
];

/// Real and complex transforms of all shapes and layouts, forward and back.
fn transforms_are_those_of_the_definition(comm: &Comm) {
    for (shape, axes) in CASES {
        let count: usize = shape.iter().product();
        let real: Vec<f64> = (0..count).map(value).collect();
        let expected = defined(&real.iter().map(|v| (*v, 0.0)).collect::<Vec<_>>(), shape, axes);
        let points: f64 = axes.iter().map(|a| shape[*a] as f64).product();
        let mut bits: Option<Vec<u64>> = None;
        for layout in layouts(shape, comm.size()) {
            let own = block_of(&real, &layout.block(comm.rank()), shape);
            let field = Field::new(variable(shape), Arc::clone(&layout), comm.rank(), own).expect("fits");
            for norm in [Normalisation::Backward, Normalisation::Ortho, Normalisation::Forward] {
                let factor = match norm {
                    Normalisation::Backward => 1.0,
                    Normalisation::Ortho => 1.0 / points.sqrt(),
                    Normalisation::Forward => 1.0 / points,
                };
                let mut plan = FftPlan::<f64>::real(&layout, axes, norm).expect("a plan");
                let mut spectrum = plan.forward(comm, &field).expect("transformed");
                let halved = spectrum.decomposition().shape();
                let last = axes[axes.len() - 1];
                assert_eq!(halved[last], shape[last] / 2 + 1);
                let half: Vec<Complex> = (0..halved.iter().product())
                    .map(|i| {
                        let (mut rest, mut at, mut stride) = (i, 0, 1);
                        for d in (0..shape.len()).rev() {
                            at += rest % halved[d] * stride;
                            rest /= halved[d];
                            stride *= shape[d];
                        }
                        expected[at]
                    })
                    .collect();
                let expected = block_of(&half, spectrum.block(), &halved);
                for (a, e) in spectrum.data().iter().zip(&expected) {
                    let off = (a.re - factor * e.0).hypot(a.im - factor * e.1);
                    assert!(off < 1e-12 * points * factor, "{shape:?} {axes:?} {}", layout.describe());
                }
                if norm == Normalisation::Backward {
                    let all = whole_bits(comm, &spectrum);
                    assert_eq!(bits.get_or_insert_with(|| all.clone()), &all, "{}", layout.describe());
                }
                let back = plan.inverse(comm, &mut spectrum, field.variable()).expect("back");
                assert!(back
                    .data()
                    .iter()
                    .zip(field.data())
                    .all(|(a, b)| (a - b).abs() < 1e-13 * points.sqrt().max(4.0)));
            }
            complex(comm, (shape, axes), &layout);
        }
    }
}

/// A complex array there and back, in single and double precision.
fn complex(comm: &Comm, (shape, axes): (&[usize], &[usize]), layout: &Arc<Decomposition>) {
    let count: usize = shape.iter().product();
    let all: Vec<Complex> = (0..count).map(|i| (value(i), value(3 * i + 1))).collect();
    let expected = defined(&all, shape, axes);
    there_and_back::<f64>(comm, (&all, &expected, axes), layout, 1e-14);
    there_and_back::<f32>(comm, (&all, &expected, axes), layout, 1e-6);
}

fn there_and_back<T: FftNumber>(
    comm: &Comm,
    (all, expected, axes): (&[Complex], &[Complex], &[usize]),
    layout: &Arc<Decomposition>,
    tolerance: f64,
) {
    let shape = layout.shape();
    let own = block_of(all, &layout.block(comm.rank()), &shape);
    let data = own.iter().map(|v| num(T::of(v.0), T::of(v.1))).collect();
    let mut array = ComplexField::new(layout, comm.rank(), data).expect("fits");
    let mut plan = FftPlan::<T>::complex(layout, axes, Normalisation::Ortho).expect("a plan");
    let points: f64 = axes.iter().map(|a| shape[*a] as f64).product();
    // Again and again with the same plan.
    for _ in 0..2 {
        plan.forward_complex(comm, &mut array).expect("transformed");
        assert_eq!(array.decomposition(), plan.output());
        for (a, e) in array.data().iter().zip(block_of(expected, array.block(), &shape)) {
            let (re, im): (f64, f64) = (a.re.into(), a.im.into());
            let off = (re - e.0 / points.sqrt()).hypot(im - e.1 / points.sqrt());
            assert!(off < 4.0 * tolerance * points.sqrt().max(4.0), "{shape:?} {axes:?} {off}");
        }
        plan.inverse_complex(comm, &mut array).expect("back");
    }
    for (a, e) in array.data().iter().zip(&own) {
        let (re, im): (f64, f64) = (a.re.into(), a.im.into());
        assert!((re - e.0).hypot(im - e.1) < 20.0 * tolerance);
    }
}

fn num<T>(re: T, im: T) -> halocline::algorithms::fft::Complex<T> {
    halocline::algorithms::fft::Complex { re, im }
}

/// The bits of all values, on every rank.
fn whole_bits(comm: &Comm, spectrum: &ComplexField<f64>) -> Vec<u64> {
    let shape = spectrum.decomposition().shape();
    let own: Vec<u64> = spectrum.data().iter().flat_map(|v| [v.re.to_bits(), v.im.to_bits()]).collect();
    let mut all = vec![0; 2 * shape.iter().product::<usize>()];
    for (rank, part) in comm.all_gather_v(&own).iter().enumerate() {
        let block = spectrum.decomposition().block(rank);
        for (place, value) in places(&block, &shape).into_iter().zip(part.chunks(2)) {
            all[2 * place..2 * place + 2].copy_from_slice(value);
        }
    }
    all
}

/// Waves have their power where they belong, sums of squares stay, and numbers are numpy's.
fn waves_parseval_and_numpy(comm: &Comm) {
    let shape = [12, 10, 16];
    let layout = &layouts(&shape, comm.size())[0];
    let wave = |at: usize| {
        let (z, y, x) = (at / 160, at / 16 % 10, at % 16);
        (2.0 * PI * (3.0 * z as f64 / 12.0 + 2.0 * y as f64 / 10.0 - 5.0 * x as f64 / 16.0)).cos()
    };
    let block = layout.block(comm.rank());
    let data = places(&block, &shape).into_iter().map(wave).collect();
    let field = Field::new(variable(&shape), Arc::clone(layout), comm.rank(), data).expect("fits");
    let mut plan = FftPlan::<f64>::real(layout, &[0, 1, 2], Normalisation::Forward).expect("a plan");
    let mut spectrum = plan.forward(comm, &field).expect("transformed");
    // (3, 2, -5) and (-3, -2, 5), of which half a plane has the latter.
    for (v, at) in spectrum.data().iter().zip(places(spectrum.block(), &[12, 10, 9])) {
        let expected = if at == (9 * 10 + 8) * 9 + 5 { 0.5 } else { 0.0 };
        assert!((v.re - expected).abs() < 1e-14 && v.im.abs() < 1e-14);
    }
    // Into what is there, again.
    plan.forward_into(comm, &field, &mut spectrum).expect("transformed");
    let mut back = Field::missing(variable(&shape), Arc::clone(layout), comm.rank());
    plan.inverse_into(comm, &mut spectrum, &mut back).expect("back");
    assert!(back.data().iter().zip(field.data()).all(|(a, b)| (a - b).abs() < 1e-14));
    plan.forward_into(comm, &field, &mut spectrum).expect("transformed");

    // numpy.fft.fft(numpy.arange(6) ** 2)
    let layout = &layouts(&[6], comm.size())[0];
    let own = layout.block(comm.rank()).range(0).map(|i| num((i * i) as f64, 0.0)).collect();
    let mut line = ComplexField::new(layout, comm.rank(), own).expect("fits");
    let mut plan = FftPlan::<f64>::complex(layout, &[0], Normalisation::Backward).expect("a plan");
    plan.forward_complex(comm, &mut line).expect("transformed");
    let numpy = [
        (55.0, 0.0),
        (-6.0, 31.176_914_536_239_79),
        (-14.0, 10.392_304_845_413_264),
        (-15.0, 0.0),
        (-14.0, -10.392_304_845_413_264),
        (-6.0, -31.176_914_536_239_79),
    ];
    for (v, at) in line.data().iter().zip(line.block().range(0)) {
        assert!((v.re - numpy[at].0).hypot(v.im - numpy[at].1) < 1e-12);
    }
}

/// What no plan fits is refused on all ranks.
fn what_does_not_fit_is_refused(comm: &Comm) {
    let layout = &layouts(&[4, 6], comm.size())[0];
    for axes in [&[][..], &[0, 0], &[2]] {
        assert!(FftPlan::<f32>::real(layout, axes, Normalisation::Backward).is_err());
    }
    let other = &layouts(&[4, 7], comm.size())[1];
    let mut plan = FftPlan::<f64>::real(layout, &[1], Normalisation::Backward).expect("a plan");
    let field = Field::<f64>::missing(variable(&[4, 7]), Arc::clone(other), comm.rank());
    assert!(plan.forward(comm, &field).is_err());
    let mut array = ComplexField::<f64>::zeros(layout, comm.rank());
    assert!(plan.forward_complex(comm, &mut array).is_err());
    let empty = &layouts(&[0, 6], comm.size())[1];
    assert!(FftPlan::<f64>::real(empty, &[0], Normalisation::Backward).is_err());
    assert!(FftPlan::<f64>::real(empty, &[1], Normalisation::Backward).is_ok());
}

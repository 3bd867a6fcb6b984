//! A cascade of recursive sections at work on some series at once.

#![allow(clippy::inline_always)] // what is dispatched must be compiled for the vectors of its caller

use super::butterworth::Section;
use super::lanes::{Lanes, WIDTH, ZERO};
use pulp::{Arch, NullaryFnOnce};

/// What each section remembers (transposed direct form II) when it has seen ones for ever: what it
/// starts with, times the first value, so that a series seems to have begun long before.
pub(super) fn steady(sections: &[Section]) -> Vec<[f64; 2]> {
    let mut scale = 1.0;
    sections
        .iter()
        .map(|&Section { b, a }| {
            let first = (b[1] + b[2] - b[0] * (a[0] + a[1])) / (1.0 + a[0] + a[1]);
            let second = (1.0 + a[0]) * first - (b[1] - a[0] * b[0]);
            let memory = [scale * first, scale * second];
            scale *= (b[0] + b[1] + b[2]) / (1.0 + a[0] + a[1]);
            memory
        })
        .collect()
}

/// Runs a cascade over the steps of `x`, in place, forwards or backwards; it begins with the
/// steady state of the value that it meets first.
pub(super) fn run(cascade: (&[Section], &[[f64; 2]]), x: &mut [Lanes], backwards: bool) {
    let first = if backwards { x.last() } else { x.first() };
    let Some(first) = first.copied() else { return };
    for (section, steady) in cascade.0.iter().zip(cascade.1) {
        let mut memory = [ZERO; 2];
        for (memory, steady) in memory.iter_mut().zip(steady) {
            *memory = std::array::from_fn(|lane| steady * first[lane]);
        }
        Arch::new().dispatch(Pass { section: *section, memory, x, backwards });
    }
}

/// One section over all steps.
struct Pass<'a> {
    section: Section,
    memory: [Lanes; 2],
    x: &'a mut [Lanes],
    backwards: bool,
}

impl NullaryFnOnce for Pass<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Self { section, mut memory, x, backwards } = self;
        if backwards {
            x.iter_mut().rev().for_each(|row| step(section, &mut memory, row));
        } else {
            x.iter_mut().for_each(|row| step(section, &mut memory, row));
        }
    }
}

#[inline(always)]
fn step(Section { b, a }: Section, [first, second]: &mut [Lanes; 2], row: &mut Lanes) {
    for lane in 0..WIDTH {
        let x = row[lane];
        let y = b[0] * x + first[lane];
        first[lane] = b[1] * x - a[0] * y + second[lane];
        second[lane] = b[2] * x - a[1] * y;
        row[lane] = y;
    }
}

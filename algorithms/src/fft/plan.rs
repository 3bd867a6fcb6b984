//! The plan of a transform, which also carries it out.

use super::field::{ComplexField, FftNumber};
use super::lines::{self, Lines, Rooms};
use super::stages::{Stage, Stages};
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::field::Field;
use halocline_core::index::IndexBox;
use halocline_core::memory::fit;
use halocline_core::meta::Variable;
use halocline_core::redistribution::Redistribution;
use halocline_core::{Error, Result};
use num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};
use std::fmt;
use std::sync::Arc;

/// What sums are multiplied by, as numpy's `norm` says it; N is the product of all lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Normalisation {
    /// 1 forward, 1/N back.
    #[default]
    Backward,
    /// 1/√N both ways: the sum of squares stays.
    Ortho,
    /// 1/N forward, 1 back.
    Forward,
}

impl Normalisation {
    fn factor(self, count: f64, is_forward: bool) -> Option<f64> {
        match (self, is_forward) {
            (Self::Ortho, _) => Some(1.0 / count.sqrt()),
            (Self::Backward, false) | (Self::Forward, true) => Some(1.0 / count),
            _ => None,
        }
    }
}

/// The transforms of one axis.
#[derive(Clone)]
enum Axis<T> {
    Complex([Arc<dyn Fft<T>>; 2]),
    Real(Arc<dyn RealToComplex<T>>, Arc<dyn ComplexToReal<T>>),
}

/// A planned transform of fields of one decomposition.
///
/// The result is left in the decomposition where the last axis was whole ([`Self::output`]), from
/// which the way back starts: an even one, in which the first of the axes is whole.
pub struct FftPlan<T> {
    stages: Stages,
    /// By dimension.
    axes: Vec<Option<Axis<T>>>,
    is_real: bool,
    count: f64,
    normalisation: Normalisation,
    rooms: Rooms<T>,
    complex: Redistribution<Complex<T>>,
    real: Redistribution<T>,
    /// The other of two arrays that data go to and fro between.
    other: Vec<Complex<T>>,
    other_real: Vec<T>,
}

impl<T> fmt::Debug for FftPlan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FftPlan")
            .field("stages", &self.stages.steps)
            .field("is_real", &self.is_real)
            .finish_non_exhaustive()
    }
}

impl<T: FftNumber> FftPlan<T> {
    /// For complex arrays divided like `input`, along these axes (dimensions by number, as
    /// `numpy.fft.fftn`).
    ///
    /// # Errors
    /// Usage, if axes are none, unknown, named twice or of length 0, or `input` divides a part of the
    /// field only.
    pub fn complex(input: &Arc<Decomposition>, axes: &[usize], normalisation: Normalisation) -> Result<Self> {
        Self::new(input, axes, normalisation, false)
    }
    /// For real fields divided like `input`. The last of the axes is halved: wave numbers from 0 to
    /// that of Nyquist, the others being their mirror (as `numpy.fft.rfftn`).
    ///
    /// # Errors
    /// As [`Self::complex`].
    pub fn real(input: &Arc<Decomposition>, axes: &[usize], normalisation: Normalisation) -> Result<Self> {
        Self::new(input, axes, normalisation, true)
    }

    fn new(
        input: &Arc<Decomposition>,
        axes: &[usize],
        normalisation: Normalisation,
        is_real: bool,
    ) -> Result<Self> {
        let stages = Stages::new(input, axes, is_real)?;
        let dims = input.dims();
        let (mut complex, mut real) = (FftPlanner::new(), RealFftPlanner::new());
        let mut all: Vec<Option<Axis<T>>> = vec![None; dims.len()];
        for (k, &axis) in axes.iter().enumerate() {
            let n = dims[axis].len;
            all[axis] = Some(if is_real && k + 1 == axes.len() {
                Axis::Real(real.plan_fft_forward(n), real.plan_fft_inverse(n))
            } else {
                Axis::Complex([complex.plan_fft_forward(n), complex.plan_fft_inverse(n)])
            });
        }
        Ok(Self {
            stages,
            axes: all,
            is_real,
            count: axes.iter().map(|a| dims[*a].len as f64).product(),
            normalisation,
            rooms: Rooms::default(),
            complex: Redistribution::default(),
            real: Redistribution::default(),
            other: Vec::new(),
            other_real: Vec::new(),
        })
    }

    /// How fields are divided that are transformed.
    pub fn input(&self) -> &Arc<Decomposition> {
        &self.stages.layouts[0]
    }
    /// How the result is divided, and of what shape it is.
    pub fn output(&self) -> &Arc<Decomposition> {
        self.stages.output()
    }
    /// How often data change ranks, each way.
    pub fn exchanges(&self) -> usize {
        self.stages.steps.iter().filter(|s| matches!(s, Stage::Exchange)).count()
    }

    /// The transform of a real field.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// Internal, if the plan is for other fields, or another number of ranks.
    pub fn forward(&mut self, comm: &Comm, field: &Field<T>) -> Result<ComplexField<T>> {
        let mut spectrum = ComplexField::zeros(self.output(), comm.rank());
        self.forward_into(comm, field, &mut spectrum)?;
        Ok(spectrum)
    }

    /// The transform of a real field, into memory that is there: of another spectrum of this plan.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_into(
        &mut self,
        comm: &Comm,
        field: &Field<T>,
        spectrum: &mut ComplexField<T>,
    ) -> Result<()> {
        self.check(comm, true, field.decomposition(), self.input())?;
        let mut data = std::mem::take(&mut spectrum.data);
        let mut moved = std::mem::take(&mut self.other_real);
        let mut is_moved = false;
        for k in 0..self.stages.steps.len() {
            match self.stages.steps[k] {
                Stage::Exchange if matches!(self.stages.steps.get(k + 1), Some(Stage::Lines(a)) if self.is_real_axis(*a)) =>
                {
                    let (from, to) = (&self.stages.layouts[k], &self.stages.layouts[k + 1]);
                    self.real.exchange(comm, (from, field.data()), (to, &mut moved));
                    is_moved = true;
                }
                Stage::Lines(axis) if self.is_real_axis(axis) => {
                    let values = if is_moved { moved.as_slice() } else { field.data() };
                    let before = self.stages.layouts[k].block(comm.rank());
                    fit(&mut data, self.stages.layouts[k + 1].block(comm.rank()).len());
                    if let Some(Axis::Real(fft, _)) = &self.axes[axis] {
                        let scale = self.scale(k, true);
                        lines::to_complex((fft, scale), &self.rooms, of(&before, axis), (values, &mut data));
                    }
                }
                _ => self.step(comm, k, true, &mut data),
            }
        }
        self.other_real = moved;
        spectrum.data = data;
        spectrum.become_of(&Arc::clone(self.output()), comm.rank());
        Ok(())
    }

    /// The real field whose transform this is; the spectrum is used up by it.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn inverse(
        &mut self,
        comm: &Comm,
        spectrum: &mut ComplexField<T>,
        variable: &Variable,
    ) -> Result<Field<T>> {
        let mut field = Field::missing(variable.clone(), Arc::clone(self.input()), comm.rank());
        self.inverse_into(comm, spectrum, &mut field)?;
        Ok(field)
    }

    /// [`Self::inverse`] into a field that is there.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn inverse_into(
        &mut self,
        comm: &Comm,
        spectrum: &mut ComplexField<T>,
        field: &mut Field<T>,
    ) -> Result<()> {
        self.check(comm, true, &spectrum.decomposition, self.output())?;
        self.check(comm, true, field.decomposition(), self.input())?;
        let mut data = std::mem::take(&mut spectrum.data);
        let mut moved = std::mem::take(&mut self.other_real);
        for k in (0..self.stages.steps.len()).rev() {
            match self.stages.steps[k] {
                Stage::Exchange if matches!(self.stages.steps.get(k + 1), Some(Stage::Lines(a)) if self.is_real_axis(*a)) =>
                {
                    let (to, from) = (&self.stages.layouts[k], &self.stages.layouts[k + 1]);
                    let mut back = Vec::new();
                    self.real.exchange(comm, (from, &moved), (to, &mut back));
                    field.data_mut().copy_from_slice(&back);
                }
                Stage::Lines(axis) if self.is_real_axis(axis) => {
                    let after = self.stages.layouts[k].block(comm.rank());
                    let out = if k == 0 {
                        field.data_mut()
                    } else {
                        fit(&mut moved, after.len());
                        &mut moved
                    };
                    if let Some(Axis::Real(_, fft)) = &self.axes[axis] {
                        let scale = self.scale(k, false);
                        lines::to_real((fft, scale), &self.rooms, of(&after, axis), (&data, out));
                    }
                }
                _ => self.step(comm, k, false, &mut data),
            }
        }
        self.other_real = moved;
        spectrum.data = data;
        Self::spent(spectrum, self.output(), comm.rank());
        Ok(())
    }

    /// Leaves a spectrum that is used up with as many values as it had.
    fn spent(spectrum: &mut ComplexField<T>, decomposition: &Arc<Decomposition>, rank: usize) {
        fit(&mut spectrum.data, decomposition.block(rank).len());
    }

    /// Transforms a complex array; it is divided like [`Self::output`] then.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_complex(&mut self, comm: &Comm, array: &mut ComplexField<T>) -> Result<()> {
        self.check(comm, false, &array.decomposition, self.input())?;
        let mut data = std::mem::take(&mut array.data);
        (0..self.stages.steps.len()).for_each(|k| self.step(comm, k, true, &mut data));
        array.data = data;
        array.become_of(&Arc::clone(self.output()), comm.rank());
        Ok(())
    }

    /// Transforms a complex array back; it is divided like [`Self::input`] then.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn inverse_complex(&mut self, comm: &Comm, array: &mut ComplexField<T>) -> Result<()> {
        self.check(comm, false, &array.decomposition, self.output())?;
        let mut data = std::mem::take(&mut array.data);
        (0..self.stages.steps.len()).rev().for_each(|k| self.step(comm, k, false, &mut data));
        array.data = data;
        array.become_of(&Arc::clone(self.input()), comm.rank());
        Ok(())
    }

    /// A step of complex values.
    fn step(&mut self, comm: &Comm, k: usize, is_forward: bool, data: &mut Vec<Complex<T>>) {
        match self.stages.steps[k] {
            Stage::Exchange => {
                let (a, b) = (&self.stages.layouts[k], &self.stages.layouts[k + 1]);
                let (from, to) = if is_forward { (a, b) } else { (b, a) };
                self.complex.exchange(comm, (from, data), (to, &mut self.other));
                std::mem::swap(data, &mut self.other);
            }
            Stage::Lines(axis) => {
                if let Some(Axis::Complex(both)) = &self.axes[axis] {
                    let block = self.stages.layouts[k].block(comm.rank());
                    let fft = &both[usize::from(!is_forward)];
                    lines::complex((fft, self.scale(k, is_forward)), &self.rooms, of(&block, axis), data);
                }
            }
        }
    }

    fn is_real_axis(&self, axis: usize) -> bool {
        matches!(self.axes[axis], Some(Axis::Real(..)))
    }

    /// What the values of a step's lines are multiplied by: all at the last one, while they are in
    /// the cache.
    fn scale(&self, k: usize, is_forward: bool) -> Option<T> {
        let is_line = |s: &Stage| matches!(s, Stage::Lines(_));
        let steps = &self.stages.steps;
        let last = if is_forward { steps.iter().rposition(is_line) } else { steps.iter().position(is_line) };
        self.normalisation.factor(self.count, is_forward).filter(|_| last == Some(k)).map(T::of)
    }

    fn check(
        &self,
        comm: &Comm,
        is_real: bool,
        given: &Decomposition,
        planned: &Decomposition,
    ) -> Result<()> {
        if self.is_real != is_real {
            let kind = if self.is_real { "real" } else { "complex" };
            return Err(Error::internal(format!("a transform is planned for {kind} values")));
        }
        if comm.size() != planned.ranks() || given != planned {
            return Err(Error::internal(format!(
                "a transform is planned for {} on {} ranks, not for {} on {}",
                planned.describe(),
                planned.ranks(),
                given.describe(),
                comm.size()
            )));
        }
        Ok(())
    }
}

/// A block as lines along an axis.
fn of(block: &IndexBox, axis: usize) -> Lines {
    let shape = block.shape();
    let (outer, inner) = (shape[..axis].iter().product(), shape[axis + 1..].iter().product());
    // A block without values has no lines, whatever it would have along them.
    Lines { outer: if block.is_empty() { 0 } else { outer }, len: shape[axis], inner }
}

//! Fourier transforms of fields that are divided among ranks: of any number of axes, real and
//! complex, in either precision, of any lengths and decompositions.
//!
//! An [`FftPlan`] is made once for a decomposition and used for as many fields as there are: it knows
//! which axes can be transformed where they lie, when data have to change ranks so that the next axis
//! is whole (*pencils*, or slabs where there are few ranks), and keeps the buffers for that. Axes are
//! transformed from the last to the first, as numpy does it, whatever the decomposition, so a result
//! has the same bits on any ranks and threads.
//!
//! With lengths n and places j along the axes, `X(k) = f Σ x(j) exp(−2πi Σ k j / n)`, and back with
//! the other sign; what the factor f is tells
//! [`Normalisation`].
//!
//! ```
//! use halocline_algorithms::fft::{FftPlan, Normalisation};
//! use halocline_core::comm::Comm;
//! use halocline_core::decomposition::Decomposition;
//! use halocline_core::field::Field;
//! use halocline_core::index::IndexBox;
//! use halocline_core::meta::{Attributes, DType, Dim, Role, Variable};
//! use std::sync::Arc;
//!
//! # fn main() -> halocline_core::Result<()> {
//! let comm = Comm::serial();
//! let dims = vec![Dim::new("y", 4, Role::Y), Dim::new("x", 6, Role::X)];
//! let whole = IndexBox::whole(&[4, 6]);
//! // Rows to ranks: `y` is divided.
//! let rows = Arc::new(Decomposition::along(&dims, &whole, 0, comm.size())?);
//! let variable = Variable { name: "u".into(), dims, dtype: DType::F64, attributes: Attributes::new() };
//! let own = rows.block(comm.rank());
//! let wave = |i: usize| (2.0 * std::f64::consts::PI * (i % 6) as f64 / 6.0).cos();
//! let field = Field::new(variable, Arc::clone(&rows), comm.rank(), (0..own.len()).map(wave).collect())?;
//!
//! let mut plan = FftPlan::<f64>::real(&rows, &[0, 1], Normalisation::Forward)?;
//! let mut spectrum = plan.forward(&comm, &field)?;
//! // Of a real field, wave numbers along the last axis from 0 to that of Nyquist.
//! assert_eq!(spectrum.decomposition().shape(), [4, 4]);
//! assert!((spectrum.data()[1].re - 0.5).abs() < 1e-15);
//! let back = plan.inverse(&comm, &mut spectrum, field.variable())?;
//! assert!(back.data().iter().zip(field.data()).all(|(a, b)| (a - b).abs() < 1e-15));
//! # Ok(())
//! # }
//! ```

mod field;
mod layout;
mod lines;
mod plan;
mod stages;

pub use field::{ComplexField, FftNumber};
pub use num_complex::Complex;
pub use plan::{FftPlan, Normalisation};

//! The conventions: what stored numbers mean, and what coordinates are.

pub(crate) mod axes;
mod decode;
mod malformed;
mod mask;
mod rules;
pub(crate) mod units;

pub(crate) use decode::{Cast, Convert, Masking, Number, Work};
pub use decode::{Decode, Element};
pub(crate) use malformed::malformed;
pub(crate) use mask::Stored;
pub(crate) use rules::{rule, RawAttribute, RawValue};

//! The one thing that the safe interface of the `netcdf` crate has no word for: characters.
#![allow(unsafe_code)]

use netcdf::types::NcVariableType;
use netcdf::NcTypeDescriptor;

/// One byte of a NetCDF `char` variable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct NcChar(pub(super) u8);

// SAFETY: the library hands out and takes one byte per `char`; any byte is a valid `NcChar`,
// which is a transparent byte.
unsafe impl NcTypeDescriptor for NcChar {
    fn type_descriptor() -> NcVariableType {
        NcVariableType::Char
    }
}

// SAFETY: a byte that is zero is a byte.
unsafe impl bytemuck::Zeroable for NcChar {}
// SAFETY: a transparent byte: no padding, every pattern valid.
unsafe impl bytemuck::Pod for NcChar {}

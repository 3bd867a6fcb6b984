//! What the safe interface of the `netcdf` crate has no word for: characters, and HDF5 at exit.
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

extern "C" {
    fn nc_inq_libvers() -> *const std::ffi::c_char;
    fn H5dont_atexit() -> std::ffi::c_int;
}

/// Tells HDF5 not to close what is open when the process exits. After a write has failed (disk
/// full), its exit handler tries that write again and crashes. Files are closed explicitly here,
/// so nothing is lost.
///
/// For programs that own their process, as the first thing they do; a library must not decide
/// this for its host.
pub fn keep_hdf5_from_exit() {
    // SAFETY: sets a flag inside HDF5, which does not initialise itself for it.
    unsafe { H5dont_atexit() };
}

/// The versions of the libraries that files are defined with, by name.
pub fn library_versions() -> Vec<(&'static str, String)> {
    // SAFETY: the library gives a text of its own that ends with NUL and stays.
    let netcdf = unsafe { std::ffi::CStr::from_ptr(nc_inq_libvers()) }.to_string_lossy();
    // Behind the number it tells when it was built.
    let netcdf = netcdf.split(' ').next().unwrap_or_default().to_owned();
    let (mut major, mut minor, mut release) = (0, 0, 0);
    // SAFETY: writes three numbers.
    let known =
        unsafe { hdf5_sys::h5::H5get_libversion(&raw mut major, &raw mut minor, &raw mut release) } >= 0;
    let hdf5 = if known { format!("{major}.{minor}.{release}") } else { String::new() };
    vec![("netcdf-c", netcdf), ("hdf5", hdf5)]
}

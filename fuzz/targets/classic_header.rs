//! The header of a classic NetCDF file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| halocline_io::fuzzing::classic_header(bytes));

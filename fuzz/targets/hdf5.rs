//! Metadata of an HDF5 file, its indexes of chunks, and small variables through them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| halocline_io::fuzzing::hdf5(bytes));

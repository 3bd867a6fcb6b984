//! The chain of filters of a stored chunk.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| halocline_io::fuzzing::codecs(bytes));

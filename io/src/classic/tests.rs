//! Headers written number by number.

use super::*;

/// A file's header, written number by number.
#[derive(Clone)]
struct Bytes(Vec<u8>);
impl Bytes {
    fn new(version: u8) -> Self {
        Self(vec![b'C', b'D', b'F', version])
    }
    fn words(mut self, words: &[u32]) -> Self {
        for w in words {
            self.0.extend(w.to_be_bytes());
        }
        self
    }
    fn name(mut self, text: &str) -> Self {
        self = self.words(&[text.len() as u32]);
        self.0.extend(text.as_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }
    /// The header of a file with `extra` zero bytes after the header.
    fn check(&self, extra: usize) -> Result<Header> {
        let mut all = self.0.clone();
        all.resize(all.len() + extra, 0);
        super::read(all.as_slice(), all.len() as u64)
    }
}

/// `records` records of a short of length 3, and of a byte if `second`.
fn records(records: u32, second: bool) -> Bytes {
    let mut b = Bytes::new(1).words(&[records, DIMENSIONS, 2]);
    b = b.name("t").words(&[0]).name("x").words(&[3]).words(&[0, 0]);
    let begin = if second { 132 } else { 96 };
    b = b.words(&[VARIABLES, 1 + u32::from(second)]);
    b = b.name("s").words(&[2, 0, 1, 0, 0, 3, 8, begin]);
    if second {
        b = b.name("b").words(&[1, 0, 0, 0, 1, 4, begin + 8]);
    }
    b
}

#[test]
fn a_single_record_variable_is_not_padded() {
    let b = records(5, false);
    assert_eq!(b.0.len(), 96);
    assert_eq!(b.check(30).unwrap().promised, 96 + 5 * 6);
    let e = b.check(29).unwrap_err();
    assert!(e.message.contains("truncated"), "{e}");
}

#[test]
fn records_of_several_variables_are_padded() {
    let b = records(5, true);
    assert_eq!(b.0.len(), 132);
    // Four full records of 8 + 4 bytes; the last value needs no padding.
    assert_eq!(b.check(4 * 12 + 9).unwrap().promised, 132 + 4 * 12 + 9);
    assert!(b.check(4 * 12 + 8).is_err());
}

#[test]
fn the_records_of_a_stream_are_counted() {
    let counted = |extra| records(u32::MAX, true).check(extra).unwrap();
    assert_eq!((counted(0).promised, counted(0).dims[0].length), (132, 0));
    assert_eq!(counted(11).dims[0].length, 0);
    assert_eq!((counted(25).promised, counted(25).dims[0].length), (132 + 12 + 9, 2));
    assert_eq!(records(0, false).check(0).unwrap().dims[0].length, 0);
}

#[test]
fn every_cut_of_a_header_is_an_error() {
    let b = records(1, true);
    for n in 4..b.0.len() {
        assert!(super::read(&b.0[..n], n as u64).is_err(), "cut at {n}");
    }
}

#[test]
fn counts_beyond_the_file_are_errors() {
    let huge = Bytes::new(2).words(&[0, DIMENSIONS, 0x8000_0000]);
    assert!(huge.check(64).is_err());
    let attributes = Bytes::new(1).words(&[0, 0, 0, ATTRIBUTES, 1]).name("a").words(&[6, u32::MAX]);
    assert!(attributes.check(64).is_err());
    let wide = Bytes::new(5).words(&[0, 0, DIMENSIONS, 0, 1, 0, 1, 0x7800_0000, u32::MAX, u32::MAX, 0]);
    let wide = wide.words(&[0, 0, VARIABLES, 0, 1, 0, 1, 0x7600_0000, 0, 1, 0, 0, 0, 0, 0, 6, 0, 0, 0, 200]);
    assert!(wide.check(64).is_err());
}

#[test]
fn an_empty_data_set_is_a_data_set() {
    assert_eq!(Bytes::new(1).words(&[0; 7]).check(0).unwrap().promised, 32);
    assert_eq!(Bytes::new(5).words(&[0; 11]).check(0).unwrap().promised, 48);
}

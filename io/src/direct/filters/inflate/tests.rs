use super::*;
use libdeflater::{CompressionLvl, Compressor};

/// Numbers that repeat after 2^64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 16) as usize % n
    }
}

/// Bytes as numbers have them, shuffled: noise with stretches of one value (land), then what varies less.
fn shuffled(len: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let part = 4 * bytes.len() / len;
        match (part, random.below(400)) {
            (_, 0) => bytes.extend(std::iter::repeat_n(random.next() as u8, 1 + random.below(900))),
            // Repetitions from near and far.
            (2.., 1..40) if bytes.len() > 40_000 => {
                let back = [1, 2, 3, 5, 7, 8, 12, 15, 16, 31, 200, 30_000][random.below(12)];
                for _ in 0..3 + random.below(40) {
                    bytes.push(bytes[bytes.len() - back]);
                }
            }
            (0 | 1, _) => bytes.push(random.next() as u8),
            (2, _) => bytes.push((random.next() as u8) & 0x3f),
            _ => bytes.push(66),
        }
    }
    bytes.truncate(len);
    bytes
}

fn deflated(bytes: &[u8], level: i32) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::new(level).expect("a level"));
    let mut packed = vec![0; compressor.zlib_compress_bound(bytes.len())];
    let len = compressor.zlib_compress(bytes, &mut packed).expect("room");
    packed.truncate(len);
    packed
}

#[test]
fn noise_comes_back() {
    let mut inflater = Inflater::default();
    let mut usual = 0;
    for (k, len) in [3, 319, 320, 321, 4_000, 70_000, 120_001, 400_000].into_iter().enumerate() {
        let bytes = shuffled(len, 77 + k as u64);
        for level in [1, 4, 6, 9] {
            let packed = deflated(&bytes, level);
            let mut out = vec![0; len];
            assert_eq!(inflater.zlib(&packed, &mut out), Ok(len));
            assert!(out == bytes, "{len} bytes at level {level}");
            out.fill(0);
            if inflater.usual(&packed, &mut out).is_some() {
                assert!(out == bytes);
                usual += 1;
            }
        }
    }
    // Some noise is stored as it is; what is stored first is left to libdeflate.
    assert!(usual >= 8, "{usual}");
}

#[test]
fn what_is_damaged_is_as_libdeflate_has_it() {
    let (mut inflater, mut careless) = (Inflater::default(), Inflater::default());
    let mut libdeflate = Decompressor::new();
    let bytes = shuffled(60_000, 5);
    let packed = deflated(&bytes, 1);
    let (mut ours, mut theirs) = (vec![0; bytes.len()], vec![0; bytes.len()]);
    let mut same = |packed: &[u8], ours: &mut [u8], theirs: &mut [u8]| {
        let found = inflater.zlib(packed, ours);
        assert_eq!(found, libdeflate.zlib_decompress(packed, theirs));
        if found.is_ok() {
            assert!(ours == theirs);
        }
        found.is_ok()
    };
    assert!(same(&packed, &mut ours, &mut theirs));
    for len in (0..packed.len()).step_by(97).chain(packed.len() - 60..packed.len()) {
        assert!(!same(&packed[..len], &mut ours, &mut theirs));
    }
    let mut random = Random(9);
    for round in 0..1_500 {
        let mut other = packed.clone();
        // The first header most of all.
        let reach = if round % 3 == 0 { 120 } else { other.len() };
        for _ in 0..=random.below(3) {
            other[random.below(reach)] ^= 1 << random.below(8);
        }
        same(&other, &mut ours, &mut theirs);
        // Without the checksum, which finds nearly all, what is nonsense must not do harm.
        let _ = careless.blocks(&other[2..], &mut ours);
    }
    for room in [0, 1, 300, 30_000, bytes.len() - 1] {
        assert!(!same(&packed, &mut vec![0; room], &mut vec![0; room]));
    }
    let mut longer = (vec![0; bytes.len() + 1], vec![0; bytes.len() + 1]);
    same(&packed, &mut longer.0, &mut longer.1);
}

#[test]
fn codes_are_whole() {
    let mut table = [0; 1 << 12];
    let mut build =
        |lengths: &[u8]| codes::build(&mut table, codes::LITERAL_BITS, lengths, &LITERALS).is_some();
    assert!(build(&[1, 1]) && build(&[0, 2, 2, 1]) && build(&[]) && build(&[0, 1]));
    assert!(!build(&[1, 1, 1]) && !build(&[2, 2, 2]) && !build(&[2]) && !build(&[1, 2]));
    // The longest, in tables behind the first.
    let mut long: Vec<u8> = (1..=15).collect();
    long.push(15);
    assert!(build(&long));
    // Eight codes of 15 bits, and others.
    assert!(build(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 15, 15, 15, 15, 15, 15, 15]));
    let mut of_distances = [0; 1 << 10];
    assert!(codes::build(&mut of_distances, codes::DISTANCE_BITS, &long, &DISTANCES).is_some());
}

#[test]
fn blocks_without_codes_of_their_own() {
    let mut codes = Codes::default();
    for text in ["of a few words, of a few words, of words of a few letters", &"a".repeat(300)] {
        let packed = deflated(text.as_bytes(), 9);
        let (body, mut bits) = (&packed[2..], Bits::default());
        assert_eq!((bits.take(1, body), bits.take(2, body)), (1, 1), "a last block with fixed codes");
        codes.fixed();
        let (mut out, mut done) = (vec![0; text.len()], 0);
        codes.decode(false, &mut bits, body, &mut out, &mut done).expect("a block");
        assert!(done == text.len() && out == text.as_bytes() && bits.byte() == body.len() - 4);
    }
}

//! What comes out is read back by another library, whatever goes in.

use super::Deflater;
use libdeflater::Decompressor;

fn round_trip(deflater: &mut Deflater, level: u8, raw: &[u8]) -> usize {
    let mut packed = vec![7; 3];
    deflater.zlib(level, raw, &mut packed).unwrap();
    let mut back = vec![0; raw.len()];
    let len = Decompressor::new().zlib_decompress(&packed, &mut back).unwrap();
    assert!(len == raw.len() && back == raw, "level {level}, {} bytes", raw.len());
    packed.len()
}

/// Numbers that look random, the same ones each time.
fn noise(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::from_fn(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(state)
    })
}

/// A byte from noise and its place.
type Kind = fn(u64, usize) -> u8;

#[test]
fn every_kind_of_bytes_comes_back() {
    let mut deflater = Deflater::default();
    let kinds: [(&str, Kind); 6] = [
        ("equal", |_, _| 3),
        ("random", |r, _| r as u8),
        ("few values", |r, _| (r % 3) as u8),
        ("skewed", |r, _| r.trailing_zeros() as u8),
        ("periodic", |_, k| (k % 1000 / 7) as u8),
        ("runs", |r, k| if k % 4096 < 2000 { 9 } else { r as u8 }),
    ];
    for (name, kind) in kinds {
        for len in [0, 1, 2, 7, 8, 9, 258, 263, 4096, 32_767, 32_768, 32_769, 65_536, 300_001] {
            let raw: Vec<u8> = noise(len as u64 + 1).zip(0..len).map(|(r, k)| kind(r, k)).collect();
            for level in [1, 2, 9] {
                let packed = round_trip(&mut deflater, level, &raw);
                assert!(packed <= len + (len / 32_768 + 1) * 5 + 16, "{name}, {len} bytes: {packed}");
                if matches!(name, "equal" | "periodic") && len > 30_000 {
                    assert!(packed < len / 50, "{name}, {len} bytes: {packed}");
                }
            }
        }
    }
}

#[test]
fn runs_of_every_length_come_back() {
    let mut deflater = Deflater::default();
    let mut raw = Vec::new();
    for (r, len) in noise(5).zip(1..1100usize) {
        raw.extend(std::iter::repeat_n(r as u8, len));
        raw.extend(r.to_le_bytes());
    }
    round_trip(&mut deflater, 1, &raw);
    // Repetitions at every distance, near the end of the window and beyond it.
    for distance in (1..40).chain(32_700..32_800) {
        let mut raw: Vec<u8> = noise(9).take(distance).map(|r| r as u8).collect();
        raw.extend_from_within(..distance.min(300));
        round_trip(&mut deflater, 1, &raw);
    }
}

#[test]
fn random_mixtures_come_back() {
    let mut deflater = Deflater::default();
    for seed in 1..60 {
        let mut numbers = noise(seed);
        let mut next = move |below: u64| (numbers.next().unwrap_or(0) >> 11) % below;
        let mut raw: Vec<u8> = vec![0];
        while raw.len() < 90_000 {
            let bits = 1 + next(11);
            let len = next(1 << bits) as usize;
            match next(3) {
                0 => raw.extend(std::iter::repeat_n(next(256) as u8, len)),
                1 => {
                    let mask = next(256) as u8;
                    raw.extend((0..len).map(|_| next(256) as u8 & mask));
                }
                _ => {
                    let from = next(raw.len() as u64) as usize;
                    let to = (from + len).min(raw.len());
                    raw.extend_from_within(from..to);
                }
            }
        }
        round_trip(&mut deflater, 1, &raw);
    }
}

//! Short stand-ins for bytes and numbers, to tell what has changed.
//!
//! Against accidents, not against malice: whoever can write into the cache is its owner.

use std::hash::Hasher;

/// A hash of these bytes, another one for every `seed`.
pub(crate) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    // Were it to change with the compiler, the cache would only be made anew.
    #[allow(deprecated)]
    let mut hasher = std::hash::SipHasher::new_with_keys(seed, bytes.len() as u64);
    hasher.write(bytes);
    hasher.finish()
}

/// 128 bits that stand for these numbers: their bits, all NaN being one.
pub(crate) fn digest(values: &[f64]) -> [u64; 2] {
    let bits = |v: &f64| if v.is_nan() { f64::NAN } else { *v }.to_bits().to_le_bytes();
    let bytes: Vec<u8> = values.iter().flat_map(bits).collect();
    [hash(1, &bytes), hash(2, &bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_apart() {
        assert_eq!(digest(&[1.0, f64::NAN]), digest(&[1.0, -f64::NAN]));
        assert_ne!(digest(&[1.0, 2.0]), digest(&[2.0, 1.0]));
        assert_ne!(digest(&[]), digest(&[0.0]));
        assert_ne!(hash(1, b"a"), hash(2, b"a"));
        assert_ne!(hash(0, b"a"), hash(0, b"a\0"));
    }
}

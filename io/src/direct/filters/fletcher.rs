//! The checksum of HDF5's fletcher32 filter.

/// Whether the four bytes behind the data are their checksum. Early versions of HDF5 wrote it
/// with the bytes of both halves turned, which counts as right too.
pub(crate) fn holds(data: &[u8], stored: [u8; 4]) -> bool {
    let [a, b, c, d] = stored;
    let sum = checksum(data);
    sum == u32::from_le_bytes([a, b, c, d]) || sum == u32::from_le_bytes([b, a, d, c])
}

/// Fletcher's sum of big-endian words of 16 bits; a last odd byte is the upper half of a word.
fn checksum(data: &[u8]) -> u32 {
    /// Words until the sums are folded: the second stays far below 2^64.
    const BLOCK: usize = 1 << 16;
    let (mut first, mut second) = (0u64, 0u64);
    for block in data.chunks(2 * BLOCK) {
        let words = block.chunks_exact(2);
        let odd = words.remainder();
        for word in words {
            first += u64::from(u16::from_be_bytes([word[0], word[1]]));
            second += first;
        }
        if let [byte] = odd {
            first += u64::from(*byte) << 8;
            second += first;
        }
        (first, second) = (fold(first), fold(second));
    }
    (second << 16 | first) as u32
}

/// Modulo 65535, where what is not zero stays so, as the filter has it.
const fn fold(mut sum: u64) -> u64 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        assert_eq!(checksum(&[0, 1, 0, 2]), 0x0004_0003);
        assert_eq!(checksum(&[0, 1, 2]), 0x0202_0201);
        assert_eq!(checksum(&[0; 9]), 0);
        assert_eq!(checksum(&[0xff; 4]), 0xffff_ffff);
        let long: Vec<u8> = (0..1_000_001u32).map(|k| (k * 31 / 8) as u8).collect();
        // Word by word, folded at each.
        let (mut first, mut second) = (0u64, 0u64);
        for word in long.chunks(2) {
            first = fold(first + (u64::from(word[0]) << 8 | u64::from(*word.get(1).unwrap_or(&0))));
            second = fold(second + first);
        }
        assert_eq!(checksum(&long), (second << 16 | first) as u32);
        let [a, b, c, d] = checksum(&long).to_le_bytes();
        assert!(holds(&long, [a, b, c, d]) && holds(&long, [b, a, d, c]) && !holds(&long, [a, c, b, d]));
    }
}

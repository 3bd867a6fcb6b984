//! Huffman codes as deflate wants them: lengths within a limit, canonical, bits reversed.

/// Code and length of each symbol; length 0 where a symbol has none.
pub(super) type Codes<const N: usize> = [(u16, u8); N];

/// The best codes of at most `limit` bits for symbols of these frequencies. Those with frequency 0
/// get none; if fewer than two remain, others are taken along, since readers want complete codes.
pub(super) fn codes<const N: usize>(frequencies: &[u32; N], limit: u8) -> Codes<N> {
    let mut used: Vec<(u32, u16)> = Vec::with_capacity(N);
    used.extend((0..N).filter(|&s| frequencies[s] > 0).map(|s| (frequencies[s], s as u16)));
    for s in 0..2 {
        if used.len() < 2 && used.iter().all(|&(_, other)| other != s) {
            used.push((1, s));
        }
    }
    used.sort_unstable();
    let mut counts = counts_of_lengths(&used);
    shorten(&mut counts, limit);
    let mut codes = [(0, 0); N];
    // The rarest get the longest.
    let mut lengths =
        (1..=limit).rev().flat_map(|len| std::iter::repeat_n(len, counts[usize::from(len)] as usize));
    for &(_, symbol) in &used {
        codes[usize::from(symbol)].1 = lengths.next().unwrap_or(limit);
    }
    number(&mut codes);
    codes
}

/// How many symbols have codes of each length in a Huffman tree without limit; all beyond 31 bits
/// count as 31. `used` are frequencies in ascending order, two at least.
fn counts_of_lengths(used: &[(u32, u16)]) -> [u32; 32] {
    let leaves = used.len();
    // Inner nodes come out in ascending order, so that the two smallest nodes are always at the
    // front of the leaves or of the inner nodes.
    let mut weights: Vec<u64> = Vec::with_capacity(leaves);
    let mut parents = vec![0usize; 2 * leaves];
    let (mut leaf, mut inner) = (0, 0);
    while weights.len() + 1 < leaves {
        let node = leaves + weights.len();
        let mut sum = 0;
        for _ in 0..2 {
            if leaf < leaves && (inner >= weights.len() || u64::from(used[leaf].0) <= weights[inner]) {
                sum += u64::from(used[leaf].0);
                parents[leaf] = node;
                leaf += 1;
            } else {
                sum += weights[inner];
                parents[leaves + inner] = node;
                inner += 1;
            }
        }
        weights.push(sum);
    }
    let root = leaves + weights.len() - 1;
    let mut depths = vec![0u8; root + 1];
    let mut counts = [0; 32];
    for node in (0..root).rev() {
        depths[node] = (depths[parents[node]] + 1).min(31);
        if node < leaves {
            counts[usize::from(depths[node])] += 1;
        }
    }
    counts
}

/// Brings lengths within `limit`: what is longer is cut, and as many shorter codes are lengthened
/// as it takes for all to fit again.
fn shorten(counts: &mut [u32; 32], limit: u8) {
    let limit = usize::from(limit);
    for len in limit + 1..counts.len() {
        counts[limit] += std::mem::take(&mut counts[len]);
    }
    let mut total: u64 = (1..=limit).map(|len| u64::from(counts[len]) << (limit - len)).sum();
    while total > 1 << limit {
        let Some(shorter) = (1..limit).rev().find(|&len| counts[len] > 0) else { return };
        counts[shorter] -= 1;
        counts[shorter + 1] += 2;
        counts[limit] -= 1;
        total -= 1;
    }
}

/// Numbers codes of known lengths as deflate does, first bit lowest.
fn number<const N: usize>(codes: &mut Codes<N>) {
    let mut next = 0u16;
    for len in 1..=15u8 {
        next <<= 1;
        for (code, _) in codes.iter_mut().filter(|(_, l)| *l == len) {
            *code = next.reverse_bits() >> (16 - len);
            next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_complete_and_within_the_limit() {
        let mut growing = [0u32; 40];
        let (mut a, mut b) = (1, 1);
        // Fibonacci numbers make the deepest trees.
        for f in &mut growing {
            *f = a;
            (a, b) = (b, (a + b).min(1 << 24));
        }
        let mut single = [0u32; 40];
        single[7] = 3;
        for frequencies in [growing, single, [1; 40], [0; 40]] {
            for limit in [6, 7, 14] {
                let codes = codes(&frequencies, limit);
                let kraft: u32 =
                    codes.iter().filter(|c| c.1 > 0).map(|c| 1u32 << (15 - u32::from(c.1))).sum();
                assert_eq!(kraft, 1 << 15);
                for (f, (code, len)) in frequencies.iter().zip(codes) {
                    assert!(len <= limit && (*f == 0 || len > 0) && u32::from(code) < 1 << len);
                }
            }
        }
    }
}

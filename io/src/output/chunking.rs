//! Stored chunks that readers like, where nobody has chosen any.

/// Chunk lengths for a variable of this shape with cells of `size` bytes: whole maps (the last two
/// dimensions), cut to 1 MiB, so that threads share the work on one of them; more than one if they are
/// small.
pub fn default_chunks(shape: &[usize], size: usize) -> Vec<usize> {
    const LARGEST: usize = 1 << 20;
    // Below this, chunks cost more to find than to read.
    const SMALLEST: usize = 256 << 10;
    let mut chunks = vec![1; shape.len()];
    let mut bytes = size;
    for d in (0..shape.len()).rev() {
        let limit = if shape.len() - d <= 2 { LARGEST } else { SMALLEST };
        let len = shape[d].max(1);
        let most = (limit / bytes).max(1);
        // Slabs of about the same thickness: no thin rest at the end.
        chunks[d] = if most >= len { len } else { len.div_ceil(len.div_ceil(most)) };
        if chunks[d] < len {
            break;
        }
        bytes *= len;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_chunks_are_maps_of_a_sensible_size() {
        assert_eq!(default_chunks(&[100, 360, 720], 4), [1, 360, 720]);
        // 2160 x 4320 doubles are 71 MiB: cut into equal slabs of rows.
        assert_eq!(default_chunks(&[100, 2160, 4320], 8), [1, 30, 4320]);
        assert_eq!(default_chunks(&[1000, 10, 10], 8), [250, 10, 10]);
        assert_eq!(default_chunks(&[7], 8), [7]);
        assert_eq!(default_chunks(&[5, 3_000_000], 8), [1, 130_435]);
        assert_eq!(default_chunks(&[0, 4], 8), [1, 4]);
        for shape in [vec![3, 5000, 7000], vec![9, 9, 9, 9], vec![1, 1, 1]] {
            let chunks = default_chunks(&shape, 8);
            assert!(chunks.iter().product::<usize>() * 8 <= 1 << 20, "{chunks:?}");
        }
    }
}

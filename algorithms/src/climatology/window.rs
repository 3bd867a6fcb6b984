//! Windows over neighbouring parts of a cycle.

/// For each of `parts` parts, the parts within a window of `width` (odd) around it, in the order
/// of time; the cycle closes, so that the first part neighbours the last.
pub fn window(parts: usize, width: usize) -> Vec<Vec<u32>> {
    let width = width.min(parts);
    let before = width.saturating_sub(1) / 2;
    (0..parts).map(|k| (0..width).map(|i| ((k + parts - before + i) % parts) as u32).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_close_the_year() {
        let all = window(365, 5);
        assert_eq!(all[0], [363, 364, 0, 1, 2]);
        assert_eq!(all[364], [362, 363, 364, 0, 1]);
        assert_eq!(window(12, 1)[7], [7]);
        // A window longer than the cycle holds each part once.
        assert_eq!(window(3, 9)[1].len(), 3);
    }
}

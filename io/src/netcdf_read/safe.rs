//! Requests that the NetCDF library answers right.
//!
//! A NetCDF-4 variable may be stored with fewer steps of an unlimited dimension than the file
//! has, because another variable was written further. The library then gives fill values for
//! the rest, but it puts them behind what is stored, as many as the missing lengths multiplied:
//! right only if that dimension is the slowest and the only unlimited one. Else it gives values
//! in wrong places and leaves others unset, without an error. So such requests are cut into ones
//! for which it is right.

use halocline_core::index::IndexBox;
use std::ops::Range;

/// The boxes to ask for, in place of `ranges`: that box itself where `unlimited` (per dimension)
/// is of the first dimension only.
pub(super) fn requests(ranges: &[Range<usize>], unlimited: &[bool]) -> Vec<IndexBox> {
    let whole = IndexBox::new(ranges.to_vec());
    let grown: Vec<usize> = (0..ranges.len()).filter(|&d| unlimited[d] && ranges[d].len() > 1).collect();
    let many = unlimited.iter().filter(|u| **u).count() > 1;
    let cut: Vec<usize> = match grown.as_slice() {
        // One step of every unlimited dimension is right anywhere.
        [] => return vec![whole],
        all if many => all.to_vec(),
        &[only] => {
            // Behind slower dimensions: one index of each of these, or one of its own.
            let slower: usize = ranges[..only].iter().map(ExactSizeIterator::len).product();
            if slower < ranges[only].len() {
                (0..only).collect()
            } else {
                vec![only]
            }
        }
        all => all.to_vec(),
    };
    let mut boxes = vec![whole];
    for d in cut {
        boxes = boxes.iter().flat_map(|b| b.range(d).map(move |i| b.with_range(d, i..i + 1))).collect();
    }
    boxes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_must_be_is_cut() {
        let ask = |unlimited: &[bool]| requests(&[0..4, 2..5, 1..3], unlimited).len();
        assert_eq!(ask(&[false; 3]), 1);
        assert_eq!(ask(&[true, false, false]), 1);
        assert_eq!(ask(&[false, true, false]), 3);
        assert_eq!(ask(&[false, false, true]), 2);
        assert_eq!(ask(&[true, true, false]), 12);
        assert_eq!(requests(&[0..2, 0..9], &[false, true]).len(), 2);
        assert_eq!(requests(&[0..1, 0..9], &[true, true]).len(), 9);
        assert_eq!(requests(&[], &[]).len(), 1);
    }
}

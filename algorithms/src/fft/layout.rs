//! Decompositions in which some axes are whole.

use halocline_core::decomposition::Decomposition;
use halocline_core::index::IndexBox;
use halocline_core::meta::Dim;
use halocline_core::Result;

/// Whether axis `d` is divided.
pub(super) fn is_cut(decomposition: &Decomposition, d: usize) -> bool {
    decomposition.edges(d).len() != 2
}

/// The most even division of `dims` among `ranks` that leaves the `whole` axes whole: the largest
/// block is as small as can be; of divisions that are as even, that with the most edges in common
/// with `like`, so that the least has to travel.
pub(super) fn with_whole(
    dims: &[Dim],
    whole: &[usize],
    ranks: usize,
    like: Option<&Decomposition>,
) -> Result<Decomposition> {
    let free: Vec<usize> = (0..dims.len()).filter(|d| !whole.contains(d)).collect();
    let mut search = Search { dims, free: &free, parts: vec![1; dims.len()], best: None, like };
    search.divide(0, ranks.max(1));
    let parts = search.best.map_or_else(|| vec![1; dims.len()], |best| best.1);
    let shape: Vec<usize> = dims.iter().map(|d| d.len).collect();
    Decomposition::even(dims, &IndexBox::whole(&shape), &parts, ranks)
}

/// Cells of the largest block.
pub(super) fn largest(decomposition: &Decomposition) -> usize {
    let of = |d: usize| decomposition.edges(d).windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0);
    (0..decomposition.dims().len()).map(of).product()
}

struct Search<'a> {
    dims: &'a [Dim],
    free: &'a [usize],
    parts: Vec<usize>,
    /// Largest block, axes divided otherwise than in `like`; their parts.
    best: Option<((usize, usize), Vec<usize>)>,
    like: Option<&'a Decomposition>,
}

impl Search<'_> {
    fn divide(&mut self, k: usize, ranks: usize) {
        let Some(&d) = self.free.get(k) else {
            let largest = self.dims.iter().zip(&self.parts).map(|(d, p)| d.len.div_ceil(*p)).product();
            let other = |(d, p): (usize, &usize)| self.like.is_some_and(|like| like.edges(d).len() - 1 != *p);
            let score = (largest, self.parts.iter().enumerate().filter(|part| other(*part)).count());
            if self.best.as_ref().is_none_or(|(best, _)| score < *best) {
                self.best = Some((score, self.parts.clone()));
            }
            return;
        };
        let most = ranks.min(self.dims[d].len.max(1));
        if k + 1 == self.free.len() {
            // All that are left, on the last axis.
            self.parts[d] = most;
            self.divide(k + 1, 1);
        } else {
            for parts in 1..=most {
                self.parts[d] = parts;
                self.divide(k + 1, ranks / parts);
            }
        }
        self.parts[d] = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::meta::Role;

    #[test]
    fn blocks_are_as_even_as_can_be() {
        let dims: Vec<Dim> = [8, 6, 10].iter().map(|n| Dim::new("d", *n, Role::Other)).collect();
        let of = |whole: &[usize], ranks| with_whole(&dims, whole, ranks, None).unwrap();
        assert_eq!(largest(&of(&[2], 4)), 120);
        assert_eq!(largest(&of(&[1, 2], 3)), 3 * 60);
        assert_eq!(of(&[1, 2], 3).parts(), [3, 1, 1]);
        // More ranks than rows: two axes are divided.
        assert_eq!(largest(&of(&[2], 24)), 20);
        assert_eq!(of(&[0, 1, 2], 5).parts(), [1, 1, 1]);
        // Of two that are as even, the one that is there.
        let like = Decomposition::even(&dims, &IndexBox::whole(&[8, 6, 10]), &[2, 2, 1], 4).unwrap();
        assert_eq!(with_whole(&dims, &[1], 4, Some(&like)).unwrap().parts()[0], 2);
    }
}

//! Runs of elements from one layout to another.

/// A box of elements whose places in a source and in a target both advance by fixed strides.
/// Runs are what lies together in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Walk {
    /// Elements of a run.
    pub(crate) len: usize,
    /// From one element of a run to the next, in the target.
    pub(crate) step: usize,
    /// Lengths and strides (source, target) of the dimensions outside of a run, slowest first.
    outer: Vec<(usize, usize, usize)>,
    /// Where the first run starts in the source and the target.
    start: (usize, usize),
}

impl Walk {
    /// A box of `shape`. `unit` is the source's distance between neighbours (1 of elements, their
    /// size of bytes).
    pub(crate) fn new(
        shape: &[usize],
        source: &[usize],
        target: &[usize],
        unit: usize,
        start: (usize, usize),
    ) -> Self {
        let mut dims: Vec<(usize, usize, usize)> = Vec::with_capacity(shape.len() + 1);
        for ((&len, &s), &t) in shape.iter().zip(source).zip(target) {
            if len == 1 {
                continue;
            }
            match dims.last_mut() {
                // What runs on from the dimension outside in both is one with it.
                Some(last) if last.1 == len * s && last.2 == len * t => *last = (last.0 * len, s, t),
                _ => dims.push((len, s, t)),
            }
        }
        let (len, step) = match dims.last() {
            Some(&(len, s, t)) if s == unit => {
                dims.pop();
                (len, t)
            }
            _ => (1, 1),
        };
        Self { len, step, outer: dims, start }
    }

    /// Calls `run(place in the source, place in the target)` for every run, in the order of the
    /// source if its strides descend.
    pub(crate) fn each<E>(&self, mut run: impl FnMut(usize, usize) -> Result<(), E>) -> Result<(), E> {
        if self.len == 0 || self.outer.iter().any(|d| d.0 == 0) {
            return Ok(());
        }
        let mut at = vec![0usize; self.outer.len()];
        let (mut source, mut target) = self.start;
        loop {
            run(source, target)?;
            let mut d = self.outer.len();
            loop {
                if d == 0 {
                    return Ok(());
                }
                d -= 1;
                let (len, s, t) = self.outer[d];
                at[d] += 1;
                source += s;
                target += t;
                if at[d] < len {
                    break;
                }
                source -= len * s;
                target -= len * t;
                at[d] = 0;
            }
        }
    }
}

/// C-order strides of `shape` in units of `unit`; `None` if they overflow.
pub(crate) fn strides(shape: &[usize], unit: usize) -> Option<Vec<usize>> {
    let mut strides = vec![unit; shape.len()];
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d].checked_mul(shape[d].max(1))?;
    }
    Some(strides)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(shape: &[usize], source: &[usize], target: &[usize], size: usize) -> Vec<Option<usize>> {
        let walk = Walk::new(shape, source, target, 1, (0, 0));
        let mut out = vec![None; size];
        walk.each(|s, t| {
            for k in 0..walk.len {
                assert!(out[t + k * walk.step].replace(s + k).is_none());
            }
            Ok::<(), ()>(())
        })
        .unwrap();
        out
    }

    #[test]
    fn runs_fold_and_transpose() {
        assert_eq!(Walk::new(&[2, 3, 4], &[12, 4, 1], &[12, 4, 1], 1, (0, 0)).len, 24);
        assert_eq!(Walk::new(&[2, 3, 4], &[48, 16, 4], &[12, 4, 1], 4, (0, 0)).len, 24);
        assert_eq!(Walk::new(&[2, 3, 4], &[60, 20, 1], &[12, 4, 1], 1, (0, 0)).len, 4);
        let whole: Vec<_> = (0..24).map(Some).collect();
        assert_eq!(copied(&[2, 3, 4], &[12, 4, 1], &[12, 4, 1], 24), whole);
        // (a, b, c) to (c, a, b).
        let turned = copied(&[2, 3, 4], &[12, 4, 1], &[3, 1, 6], 24);
        assert!((0..24).all(|k| turned[k % 4 * 6 + k / 4] == Some(k)));
        // One column of a source.
        assert_eq!(copied(&[3, 1], &[4, 1], &[1, 1], 3), [Some(0), Some(4), Some(8)]);
        // No dimension: one element. An empty one: none.
        assert_eq!(copied(&[], &[], &[], 1), [Some(0)]);
        assert_eq!(copied(&[0, 3], &[3, 1], &[3, 1], 1), [None]);
        assert_eq!(copied(&[3, 0], &[3, 1], &[3, 1], 1), [None]);
    }
}

//! Sums of times alone, of the steps that a state has seen.

/// Sums over the steps of a state up to one.
#[derive(Debug)]
pub(in crate::statistics) struct Past<'a> {
    /// First step of the state.
    start: usize,
    /// From that one on.
    times: &'a [f64],
    /// Up to each step.
    heads: Vec<[f64; 4]>,
}

impl<'a> Past<'a> {
    /// Those up to step `end`, which is not among them.
    pub(super) fn new(start: usize, end: usize, times: &'a [f64]) -> Self {
        let times = times.get(start..end).unwrap_or_default();
        let mut sums = Growing::of(times);
        Self { start, times, heads: times.iter().map(|t| sums.add(*t)).collect() }
    }

    /// Σt, Σt², Σ(tᵢ + tⱼ) and Σ tᵢtⱼ of the steps from `begin` to before `end`, counted from the first
    /// of the state; i and j are neighbours.
    pub(super) fn sums(&self, begin: usize, end: usize) -> [f64; 4] {
        let (begin, end) = (begin.saturating_sub(self.start), end.saturating_sub(self.start));
        if begin == 0 {
            return end.checked_sub(1).and_then(|last| self.heads.get(last)).copied().unwrap_or_default();
        }
        let mut sums = Growing::of(self.times);
        self.times.get(begin..end).unwrap_or_default().iter().fold([0.0; 4], |_, t| sums.add(*t))
    }
}

/// Σt, Σt², Σ(tᵢ + tⱼ) and Σ tᵢtⱼ that grow by a step at a time, from either end.
pub(super) struct Growing {
    origin: f64,
    before: Option<f64>,
    sums: [f64; 4],
}

impl Growing {
    /// Of no step yet: times are counted from the first of these.
    pub(super) fn of(times: &[f64]) -> Self {
        Self { origin: times.first().copied().unwrap_or(0.0), before: None, sums: [0.0; 4] }
    }
    /// Takes in a step that is a neighbour of the one before; the sums then.
    pub(super) fn add(&mut self, time: f64) -> [f64; 4] {
        let t = time - self.origin;
        self.sums[0] += t;
        self.sums[1] += t * t;
        if let Some(before) = self.before {
            self.sums[2] += before + t;
            self.sums[3] += before * t;
        }
        self.before = Some(t);
        self.sums
    }
}

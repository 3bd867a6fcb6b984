//! Which lines are known at a time: what is missing at some times is no land.

/// What lines are made of.
pub(super) const FACES: [&str; 3] = ["whole levels of lines", "lines", "faces"];

/// How many faces of each line and level have been open at most, at the times so far.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    most: Vec<f64>,
    /// Times at which nothing is there, at which lines lack a level, and a part of one.
    empty: usize,
    lacking: usize,
    partly: usize,
    /// Times so far, and how many of them had passed when the last line or level that had been taken as
    /// land was found to be water.
    times: usize,
    late: usize,
}

impl Coverage {
    /// Takes in the numbers of open faces at a time, `[lines][levels]`; whether each line is missing
    /// at it: without any face open on a level that has some at other times, or at a time at which
    /// nothing is open anywhere.
    pub(super) fn missing(&mut self, open: &[f64], levels: usize) -> Vec<bool> {
        let lines = open.len() / levels.max(1);
        let before = self.times;
        self.times += 1;
        if open.iter().all(|n| *n == 0.0) {
            self.empty += 1;
            return vec![true; lines];
        }
        let is_first = self.most.is_empty();
        self.most.resize(open.len(), 0.0);
        let pairs = || self.most.iter().zip(open);
        if !is_first && pairs().any(|(most, n)| *most == 0.0 && *n > 0.0) {
            self.late = before;
        }
        let gone = |(most, n): (&f64, &f64)| *n == 0.0 && *most > 0.0;
        let all = self.most.chunks_exact(levels.max(1)).zip(open.chunks_exact(levels.max(1)));
        let missing: Vec<bool> = all.map(|(most, open)| most.iter().zip(open).any(gone)).collect();
        if missing.iter().any(|m| *m) {
            self.lacking += 1;
        } else if pairs().any(|(most, n)| n < most) {
            self.partly += 1;
        }
        self.most.iter_mut().zip(open).for_each(|(most, n)| *most = most.max(*n));
        missing
    }

    /// What is to be said of a variable in the end.
    pub(super) fn notes(&self, variable: &str) -> Vec<String> {
        self.lacks(FACES).iter().map(|note| format!("`{variable}`: {note}")).collect()
    }
    /// The same without its name, and of other things than levels, lines and faces.
    pub(super) fn lacks(&self, [parts, lines, faces]: [&str; 3]) -> Vec<String> {
        let times = |n: usize| if n == 1 { "1 time".to_owned() } else { format!("{n} times") };
        let mut all = Vec::new();
        if self.empty > 0 {
            all.push(format!("{} without any value: missing, and not counted in means", times(self.empty)));
        }
        if self.lacking > 0 {
            all.push(format!(
                "{} at which {parts} lack values that are there at earlier ones: these {lines} are missing then",
                times(self.lacking)
            ));
        }
        if self.partly > 0 {
            all.push(format!(
                "{} at which some {faces} lack values that are there at earlier ones: they count as land then",
                times(self.partly)
            ));
        }
        if self.late > 0 {
            let first =
                if self.late == 1 { "first time".to_owned() } else { format!("first {} times", self.late) };
            all.push(format!(
                "some {parts} have no values at the {first}, but later: they count as land until then"
            ));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_no_land() {
        let mut coverage = Coverage::default();
        // Two lines of two levels; the second is land below.
        assert_eq!(coverage.missing(&[0.0; 4], 2), [true, true]);
        assert_eq!(coverage.missing(&[5.0, 4.0, 3.0, 0.0], 2), [false, false]);
        assert!(coverage.notes("vo").len() == 1);
        assert_eq!(coverage.missing(&[5.0, 0.0, 3.0, 0.0], 2), [true, false]);
        assert_eq!(coverage.missing(&[5.0, 4.0, 2.0, 0.0], 2), [false, false]);
        assert_eq!(coverage.missing(&[5.0, 4.0, 0.0, 0.0], 2), [false, true]);
        assert_eq!(coverage.notes("vo").len(), 3);
        assert_eq!(coverage.missing(&[5.0, 4.0, 3.0, 1.0], 2), [false, false]);
        let notes = coverage.notes("vo");
        assert_eq!(notes.len(), 4);
        // Five times had passed, the first of them empty.
        assert!(notes[3].starts_with("`vo`: ") && notes[3].contains("first 5 times"), "{notes:?}");
    }
}

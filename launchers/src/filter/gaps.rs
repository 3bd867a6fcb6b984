//! Cells that are missing, or infinite, at some times.

use super::options::Gaps;
use halocline_core::comm::{Comm, Reduce};
use halocline_core::engine::SeriesResults;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// What is known of the cells so far, the same on every rank.
#[derive(Debug, Clone, Copy)]
pub(super) struct Survey {
    with_data: u64,
    gappy: Found,
    infinite: Found,
}

/// Some cells, and the first of them by its number in C order, with how many of its values are
/// concerned.
#[derive(Debug, Clone, Copy)]
struct Found {
    cells: u64,
    first: u64,
    values: u64,
}

const NONE: Found = Found { cells: 0, first: u64::MAX, values: 0 };

impl Found {
    fn add(&mut self, cell: u64, values: u64) {
        self.cells += 1;
        if cell < self.first {
            *self = Self { first: cell, values, ..*self };
        }
    }
    fn join(&mut self, other: Self) {
        self.cells += other.cells;
        if other.first < self.first {
            *self = Self { cells: self.cells, ..other };
        }
    }
    /// Of all ranks.
    fn shared(self, comm: &Comm) -> Self {
        let (mut cells, mut first) = ([self.cells], [self.first]);
        comm.all_reduce(&mut cells, Reduce::Sum);
        comm.all_reduce(&mut first, Reduce::Min);
        let mut values = [if self.first == first[0] { self.values } else { 0 }];
        comm.all_reduce(&mut values, Reduce::Max);
        Self { cells: cells[0], first: first[0], values: values[0] }
    }
}

impl Survey {
    pub(super) const fn new() -> Self {
        Self { with_data: 0, gappy: NONE, infinite: NONE }
    }

    /// Takes in a batch of a filter's results on this rank, second and third those of `TimeFilter`.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn absorb(&mut self, comm: &Comm, results: &SeriesResults, shape: &[usize]) {
        let (mut gappy, mut infinite, mut with_data) = (NONE, NONE, [0u64]);
        let space = |block: &IndexBox| IndexBox::new(block.ranges()[1..].to_vec());
        let (own, steps) = (space(&results.cells), shape[0] as f64);
        let whole = IndexBox::new(shape[1..].iter().map(|&n| 0..n).collect());
        if !results.cells.is_empty() {
            // Runs of cells that follow one another in the whole, too.
            whole.for_each_run(&own, |first, start, len| {
                for k in 0..len {
                    let [missing, infinities] = [1, 2].map(|r| results.values[r][start + k]);
                    let cell = (first + k) as u64;
                    with_data[0] += u64::from(missing < steps);
                    if missing > 0.0 && missing < steps {
                        gappy.add(cell, missing as u64);
                    }
                    if infinities > 0.0 {
                        infinite.add(cell, infinities as u64);
                    }
                }
            });
        }
        comm.all_reduce(&mut with_data, Reduce::Sum);
        self.with_data += with_data[0];
        self.gappy.join(gappy.shared(comm));
        self.infinite.join(infinite.shared(comm));
    }

    /// Whether results are of no use.
    pub(super) fn refuses(&self, gaps: Gaps) -> bool {
        self.infinite.cells > 0 || gaps == Gaps::Refuse && self.gappy.cells > 0
    }

    /// Refuses what [`Self::refuses`].
    ///
    /// # Errors
    /// Data, with the number of cells and the first of them.
    pub(super) fn check(&self, gaps: Gaps, source: &Source) -> Result<()> {
        let steps = source.variable().dims[0].len;
        if self.infinite.cells > 0 {
            let Found { cells, first, values } = self.infinite;
            return Err(Error::data(format!(
                "{} infinite values, the first {} ({values} of {steps} times)",
                cells_have(cells),
                place(source, first as usize)
            ))
            .remedy("correct the data, or declare the value as missing (_FillValue)"));
        }
        if self.refuses(gaps) {
            let Found { cells, first, values } = self.gappy;
            return Err(Error::data(format!(
                "{cells} of {} cells with data are missing at some times only, the first {} ({values} of {steps} times)",
                self.with_data,
                place(source, first as usize)
            ))
            .remedy("fill the gaps, let these cells come out missing with --missing drop, mask them, or choose a --time or --box without gaps"));
        }
        if self.with_data == 0 {
            return Err(Error::data("all values are missing").remedy("choose other --time, --box or --mask"));
        }
        if self.with_data == self.gappy.cells {
            let text =
                format!("all {} cells with data are missing at some times: nothing is left", self.with_data);
            return Err(Error::data(text).remedy("fill the gaps, or choose a --time without"));
        }
        Ok(())
    }
}

fn cells_have(cells: u64) -> String {
    match cells {
        1 => "1 cell has".to_owned(),
        n => format!("{n} cells have"),
    }
}

/// Where a cell is, whose number in C order counts all dimensions but time.
fn place(source: &Source, cell: usize) -> String {
    let (grid, dims) = (source.grid(), &source.variable().dims[1..]);
    let ground = grid.len().max(1);
    let mut rest = cell / ground;
    let mut parts = Vec::new();
    for dim in dims[..dims.len().saturating_sub(grid.dims.len())].iter().rev() {
        parts.insert(0, format!("{}={}", dim.name, rest % dim.len.max(1)));
        rest /= dim.len.max(1);
    }
    let on_ground = cell % ground;
    if let (Some(lat), Some(lon)) = (grid.latitudes(), grid.longitudes()) {
        parts.push(format!("latitude {}, longitude {}", lat[on_ground], lon[on_ground]));
    } else {
        let at = parts.len();
        let mut rest = on_ground;
        for dim in grid.dims.iter().rev() {
            parts.insert(at, format!("{}={}", dim.name, rest % dim.len.max(1)));
            rest /= dim.len.max(1);
        }
    }
    if parts.is_empty() {
        "(there is one cell)".to_owned()
    } else {
        format!("at {}", parts.join(", "))
    }
}

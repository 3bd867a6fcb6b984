//! Welch's estimate while steps come one after the other, as a running program has them.

use super::gaps::{Looked, Survey};
use super::welch::{Welch, WelchOptions, WelchScratch};
use halocline_core::engine::{Fold, Numbers, Piece, Pieces};
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What was met in a series.
const VALUE: u8 = 1;
const GAP: u8 = 2;
const INFINITE: u8 = 4;

/// The fold of Welch's estimate over steps as they come: of each cell the steps of two segments are
/// kept, and the sum of the transforms of those that are done. The order of sums is that of
/// [`Welch::power`], so spectra have its bits. A state goes on from step to step: it never merges.
#[derive(Debug, Clone)]
pub struct RunningWelch {
    /// Of two segments.
    welch: Arc<Welch>,
    options: WelchOptions,
}

/// What is kept of some cells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunningWelchState {
    cells: usize,
    /// Segments that are in the sums.
    done: usize,
    /// Steps that are kept of each cell, from the start of the next segment on.
    kept: usize,
    /// For each cell room for two segments.
    values: Vec<f64>,
    /// For each cell as many sums as a segment has values.
    sums: Vec<f64>,
    /// For each cell what was met in it.
    met: Vec<u8>,
}

impl RunningWelch {
    /// An estimate with segments.
    ///
    /// # Errors
    /// Usage, if there are none, the whole series' annual cycle is to be taken off, or as
    /// [`Welch::new`].
    pub fn new(options: WelchOptions) -> Result<Self> {
        let Some((len, overlap)) = options.segments else {
            return Err(Error::usage("a running spectrum needs segments"));
        };
        if options.cycle.is_some() {
            return Err(Error::usage("an annual cycle is known when a series has ended, not before"));
        }
        // As long as a segment, to learn where the next begins.
        let step = super::Segments::new(len, len, overlap)?.step;
        let welch = Welch::new(len + step, 1.0, options.clone())?;
        Ok(Self { welch: Arc::new(welch), options })
    }
    /// Steps of a segment, and from the start of one to that of the next.
    fn lens(&self) -> (usize, usize) {
        let segments = self.welch.segments();
        (segments.len, segments.step)
    }
    /// Bytes that the state of a cell takes.
    pub fn bytes_per_cell(&self) -> u64 {
        let (len, step) = self.lens();
        8 * (2 * len + step) as u64 + 1
    }
    /// The estimate for series of `times` steps at distances `step`.
    ///
    /// # Errors
    /// Usage, if no segment fits.
    pub fn whole(&self, times: usize, step: f64) -> Result<Welch> {
        Welch::new(times, step, self.options.clone())
    }

    /// What the series of a state were; only counts are told.
    pub fn survey(&self, state: &RunningWelchState) -> Survey {
        let mut survey = Survey::default();
        for &met in &state.met {
            survey.count(looked(met), || 0);
        }
        survey
    }

    /// The spectra of all cells, `whole.len()` rows of them; series with gaps are missing.
    ///
    /// # Errors
    /// Internal, if the estimate is one for other series.
    pub fn finish(&self, state: &RunningWelchState, whole: &Welch) -> Result<Vec<f64>> {
        let (len, step) = self.lens();
        let (rows, cells, room) = (whole.len(), state.cells, len + step);
        let count = whole.segments().count;
        let mut values = halocline_core::memory::filled(rows * cells, f64::NAN);
        let (mut scratch, mut out) = (whole.scratch(), vec![0.0; rows]);
        let left = count.checked_sub(state.done).filter(|left| *left < 2 && state.kept >= left * len);
        let left = left.ok_or_else(|| Error::internal("a running spectrum has lost its segments"))?;
        for cell in (0..cells).filter(|&c| looked(state.met[c]) == Looked::Complete) {
            let x = &state.values[cell * room..][..room];
            if count == 1 {
                whole.power(&x[..whole.times().min(room)], &mut out, &mut scratch)?;
            } else {
                let mut sums = state.sums[cell * len..][..len].to_vec();
                if left == 1 {
                    whole.add_pair(&x[..len], None, &mut sums, &mut scratch);
                }
                whole.of_sums(&sums, &mut out);
            }
            out.iter().enumerate().for_each(|(k, v)| values[k * cells + cell] = *v);
        }
        Ok(values)
    }

    /// Adds the two segments that are complete, and makes room.
    fn add(&self, state: &mut RunningWelchState, scratch: &mut WelchScratch) {
        let (len, step) = self.lens();
        let room = len + step;
        let all = state.values.chunks_mut(room).zip(state.sums.chunks_mut(len)).zip(&state.met);
        for ((values, sums), met) in all {
            if looked(*met) == Looked::Complete {
                self.welch.add_pair(&values[..len], Some(&values[step..]), sums, scratch);
            }
            values.copy_within(2 * step.., 0);
        }
        state.done += 2;
        state.kept = room - 2 * step;
    }
}

fn looked(met: u8) -> Looked {
    match met {
        met if met & INFINITE > 0 => Looked::Infinite(0),
        VALUE => Looked::Complete,
        met if met & VALUE > 0 => Looked::Gappy(0),
        _ => Looked::Empty,
    }
}

impl Fold for RunningWelch {
    type State = RunningWelchState;
    const NAME: &'static str = "spectra-running-welch";
    const VERSION: u32 = 3;

    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn start(&self, _column: usize) -> RunningWelchState {
        RunningWelchState::default()
    }
    fn absorb(&self, state: &mut RunningWelchState, piece: &Piece<'_>) -> Result<()> {
        let (len, step) = self.lens();
        let (room, cells) = (len + step, piece.cells());
        if state.met.is_empty() {
            *state = RunningWelchState {
                cells,
                values: vec![0.0; room * cells],
                sums: vec![0.0; len * cells],
                met: vec![0; cells],
                ..RunningWelchState::default()
            };
        }
        if state.cells != cells || state.values.len() != room * cells || state.sums.len() != len * cells {
            return Err(Error::data("the saved state is of other segments"));
        }
        let mut scratch = None;
        for at in piece.steps() {
            match piece.step(at) {
                Numbers::F32(values) => state.keep(values, room),
                Numbers::F64(values) => state.keep(values, room),
            }
            if state.kept == room {
                self.add(state, scratch.get_or_insert_with(|| self.welch.scratch()));
            }
        }
        Ok(())
    }
    fn merge(&self, _: RunningWelchState, _: RunningWelchState) -> Result<RunningWelchState> {
        Err(Error::internal("running spectra don't merge"))
    }
}

impl RunningWelchState {
    /// Puts a step behind those that are kept.
    fn keep<T: Copy + Into<f64>>(&mut self, step: &[T], room: usize) {
        let kept = self.kept;
        for ((values, met), &v) in self.values.chunks_mut(room).zip(&mut self.met).zip(step) {
            let v: f64 = v.into();
            values[kept] = v;
            *met |= if v.is_nan() {
                GAP
            } else if v.is_infinite() {
                INFINITE
            } else {
                VALUE
            };
        }
        self.kept += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectra::{Detrend, Scaling, Window};
    use halocline_core::index::IndexBox;
    use halocline_core::tiling::Tile;

    fn value(t: usize, cell: usize) -> f64 {
        ((t * 7919 + cell * 104_729) % 1009) as f64 / 7.0 + 0.01 * t as f64
    }

    #[test]
    fn running_spectra_have_the_bits_of_whole_ones() {
        let tile = Tile { id: 0, block: IndexBox::new(vec![0..1 << 20, 0..3]) };
        for (len, overlap, times) in [
            (8, 0.5, 8),
            (8, 0.5, 11),
            (8, 0.5, 12),
            (9, 0.5, 100),
            (8, 0.0, 41),
            (7, 0.8, 33),
            (16, 0.9, 77),
        ] {
            for detrend in [Detrend::None, Detrend::Constant, Detrend::Linear] {
                let options = WelchOptions {
                    segments: Some((len, overlap)),
                    window: Window::Hann,
                    detrend,
                    cycle: None,
                    scaling: Scaling::Density,
                };
                let fold = RunningWelch::new(options.clone()).unwrap();
                let mut state = fold.start(0);
                for first in (0..times).step_by(5) {
                    let steps = first..times.min(first + 5);
                    // The second cell has a gap, the third is land.
                    let at = |t: usize, c: usize| match c {
                        1 if t == 3 => f64::NAN,
                        2 => f64::NAN,
                        _ => value(t, c),
                    };
                    let values: Vec<f64> =
                        steps.clone().flat_map(|t| (0..3).map(move |c| at(t, c))).collect();
                    let block = tile.block.with_range(0, steps);
                    let part = Tile { id: 0, block };
                    fold.absorb(&mut state, &Piece::whole(&part, &values)).unwrap();
                }
                let whole = fold.whole(times, 0.25).unwrap();
                let found = fold.finish(&state, &whole).unwrap();
                let x: Vec<f64> = (0..times).map(|t| value(t, 0)).collect();
                let mut expected = vec![0.0; whole.len()];
                whole.power(&x, &mut expected, &mut whole.scratch()).unwrap();
                for (k, v) in expected.iter().enumerate() {
                    assert_eq!(found[3 * k].to_bits(), v.to_bits(), "{len} {overlap} {times} {detrend:?}");
                    assert!(found[3 * k + 1].is_nan() && found[3 * k + 2].is_nan());
                }
                let survey = fold.survey(&state);
                assert_eq!([survey.complete, survey.gappy, survey.empty], [1, 1, 1]);
            }
        }
    }

    #[test]
    fn what_cannot_run_is_refused() {
        let options = WelchOptions {
            segments: None,
            window: Window::Hann,
            detrend: Detrend::Constant,
            cycle: None,
            scaling: Scaling::Density,
        };
        assert!(RunningWelch::new(options.clone()).is_err());
        let segments = Some((1, 0.5));
        assert!(RunningWelch::new(WelchOptions { segments, ..options }).is_err());
    }
}

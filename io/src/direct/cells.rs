//! Elements to numbers: where stored bytes get their meaning.
//!
//! All that depends on the stored type is in here, behind [`Decoder`]; the rest of reading is
//! compiled once for each type of results.

use super::elements::Elements;
use super::target::Run;
use crate::cf::{Cast, Convert, Decode, Masking, Number, Stored, Work};
use halocline_core::{Error, Result};

/// Elements that are decoded at a time: they stay in the first cache.
const BLOCK: usize = 2048;

/// Brings elements of one stored type to cells.
pub(super) trait Decoder<T>: Send + Sync {
    /// Decodes the elements from `first` on into a run.
    fn place(&self, elements: &Elements<'_>, first: usize, run: &mut Run<'_, T>);
    /// What masks elements where they are, if they are of the cells' type and nothing is to be
    /// computed.
    fn mask(&self) -> Option<&Masking<T>>;
}

/// The decoder of a variable.
///
/// # Errors
/// Internal, if it holds no numbers.
pub(super) fn decoder<T: Number>(decode: &Decode) -> Result<Box<dyn Decoder<T>>> {
    decode.run(Boxed).ok_or_else(|| Error::internal("text was asked for as numbers"))
}

/// What leaves values as they are.
pub(super) fn as_stored<T: Stored>() -> impl Decoder<T> {
    let cast: Cast<T, T> = Box::new(|stored, out| out.copy_from_slice(stored));
    Convert { in_place: Some(Box::new(|_| {})), cast }
}

struct Boxed;

impl<T: Number> Work<T> for Boxed {
    type Out = Box<dyn Decoder<T>>;
    fn run<S: Stored>(self, convert: Convert<S, T>) -> Self::Out {
        Box::new(convert)
    }
}

impl<S: Stored, T: Stored> Decoder<T> for Convert<S, T> {
    fn place(&self, elements: &Elements<'_>, first: usize, run: &mut Run<'_, T>) {
        if let (Some(mask), Some(cells)) = (&self.in_place, run.together()) {
            let mut at = first;
            for cells in cells.chunks_mut(BLOCK) {
                elements.read(at, bytemuck::cast_slice_mut(cells));
                mask(cells);
                at += cells.len();
            }
            return;
        }
        let mut stored = [S::zeroed(); BLOCK];
        let mut done = 0;
        while done < run.len() {
            let n = (run.len() - done).min(BLOCK);
            let stored = &mut stored[..n];
            elements.read(first + done, bytemuck::cast_slice_mut(stored));
            if let Some(cells) = run.together() {
                (self.cast)(stored, &mut cells[done..done + n]);
            } else {
                let mut values = [T::zeroed(); BLOCK];
                (self.cast)(stored, &mut values[..n]);
                (0..n).for_each(|k| run.set(done + k, values[k]));
            }
            done += n;
        }
    }

    fn mask(&self) -> Option<&Masking<T>> {
        self.in_place.as_ref()
    }
}

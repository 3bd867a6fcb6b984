//! Blocks of a source: which pieces of which files, and where they go.

use super::{Place, Source, SourceFile};
use crate::cf::Element;
use crate::stored::buffer;
use halocline_core::index::IndexBox;
use halocline_core::meta::Values;
use halocline_core::{Error, Result};
use std::ops::Range;

/// Part of a block that lies together in one file.
struct Piece<'a> {
    file: &'a SourceFile,
    number: usize,
    /// In the global index space of the source.
    block: IndexBox,
    /// In the file, per dimension of the file.
    ranges: Vec<Range<usize>>,
}

impl Source {
    /// The values of `block`, a box in the global index space of [`Self::variable`], C order:
    /// missing values as NaN, in the type of [`Self::element`]. Cells that
    /// [`Grid::excluded`](halocline_core::grid::Grid::excluded) leaves out are missing.
    ///
    /// Not collective; may be called from many threads. Files are opened when they are first
    /// needed, and the last ones are kept open.
    ///
    /// # Errors
    /// Data, if stored values are damaged or the file has changed; system, if reading fails;
    /// internal, if the block lies outside.
    pub fn read(&self, block: &IndexBox) -> Result<Values> {
        let whole = IndexBox::whole(&self.variable.shape());
        if block.ndim() != whole.ndim() || !whole.contains(block) {
            return Err(Error::internal(format!("block {block:?} lies outside of {whole:?}"))
                .in_variable(&self.variable.name));
        }
        if block.is_empty() {
            return Ok(match self.element {
                Element::F32 => Values::F32(Vec::new()),
                Element::F64 => Values::F64(Vec::new()),
            });
        }
        let pieces = self.pieces(block);
        let mut values = if let [piece] = pieces.as_slice() {
            self.fetch(piece)?
        } else {
            let mut out = match self.element {
                Element::F32 => Values::F32(buffer(block.len())?),
                Element::F64 => Values::F64(buffer(block.len())?),
            };
            for piece in &pieces {
                match (&mut out, self.fetch(piece)?) {
                    (Values::F32(out), Values::F32(v)) => block.insert(out, &piece.block, &v),
                    (Values::F64(out), Values::F64(v)) => block.insert(out, &piece.block, &v),
                    _ => return Err(Error::internal("decoded to another type than announced")),
                }
            }
            out
        };
        self.exclude(block, &mut values);
        Ok(values)
    }

    /// Cuts a block where files and the longitude seam cut it.
    fn pieces(&self, block: &IndexBox) -> Vec<Piece<'_>> {
        let ground = block.ndim() - 1;
        let x = if ground > 0 { block.range(ground) } else { 0..1 };
        let y = if ground > 1 { block.range(1) } else { 0..1 };
        let mut pieces = Vec::new();
        for (number, file) in self.files.iter().enumerate() {
            let t = meet(&file.times, &block.range(0));
            let mut column = 0;
            for run in &self.x {
                let here = column..column + run.len();
                column += run.len();
                let cut = meet(&here, &x);
                if t.is_empty() || cut.is_empty() {
                    continue;
                }
                let in_file = |p: &Place| match *p {
                    Place::Time => shift(&t, file.times.start, file.first),
                    Place::Y => shift(&y, 0, self.y.start),
                    Place::X => shift(&cut, here.start, run.start),
                    Place::Fixed(k) => k..k + 1,
                };
                let ranges = self.layout.iter().map(in_file).collect();
                let mut global = block.with_range(0, t.clone());
                if ground > 0 {
                    global = global.with_range(ground, cut);
                }
                pieces.push(Piece { file, number, block: global, ranges });
            }
        }
        pieces
    }

    /// Reads and decodes a piece, in the order of the global dimensions.
    fn fetch(&self, piece: &Piece<'_>) -> Result<Values> {
        let name = &self.variable.name;
        let reader = self.handles.get(piece.number, &piece.file.path)?;
        let stored = reader.read_raw(name, &piece.ranges)?;
        let decode = &self.decodes[piece.file.decode as usize];
        if stored.dtype() != self.variable.dtype {
            return Err(Error::data("its type has changed since the file was opened")
                .in_file(&piece.file.path)
                .in_variable(name));
        }
        let values = decode.decode(stored, self.element);
        // Dimensions of one index don't matter to the order.
        let order: Vec<usize> = [Place::Time, Place::Y, Place::X]
            .into_iter()
            .filter_map(|p| self.layout.iter().position(|q| *q == p))
            .collect();
        if order.windows(2).all(|w| w[0] < w[1]) {
            return Ok(values);
        }
        let shape: Vec<usize> = piece.ranges.iter().map(ExactSizeIterator::len).collect();
        Ok(match values {
            Values::F32(v) => Values::F32(permuted(&v, &shape, &order)),
            Values::F64(v) => Values::F64(permuted(&v, &shape, &order)),
            other => other,
        })
    }

    fn exclude(&self, block: &IndexBox, values: &mut Values) {
        if self.grid.excluded.is_empty() {
            return;
        }
        let ground = IndexBox::whole(&self.grid.shape());
        let cells = IndexBox::new(block.ranges()[1..].to_vec());
        let mut out = Vec::new();
        ground.extract(&self.grid.excluded, &cells, &mut out);
        let dropped = |i: usize| out[i % out.len()];
        match values {
            Values::F32(v) => blank(v, f32::NAN, dropped),
            Values::F64(v) => blank(v, f64::NAN, dropped),
            _ => {}
        }
    }
}

/// Writes `missing` over what is dropped.
fn blank<T: Copy>(values: &mut [T], missing: T, dropped: impl Fn(usize) -> bool) {
    for (i, v) in values.iter_mut().enumerate() {
        if dropped(i) {
            *v = missing;
        }
    }
}

fn meet(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

/// The range counted from `to` instead of `from`.
fn shift(range: &Range<usize>, from: usize, to: usize) -> Range<usize> {
    range.start - from + to..range.end - from + to
}

/// C-order values of `shape` with their dimensions in another order; dimensions that `order`
/// leaves out have length one.
fn permuted<T: Copy>(values: &[T], shape: &[usize], order: &[usize]) -> Vec<T> {
    let mut strides = vec![1usize; shape.len()];
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d] * shape[d];
    }
    let mut out = Vec::with_capacity(values.len());
    let mut at = vec![0usize; order.len()];
    let mut place = 0;
    for _ in 0..values.len() {
        out.push(values[place]);
        for (d, &from) in order.iter().enumerate().rev() {
            at[d] += 1;
            place += strides[from];
            if at[d] < shape[from] {
                break;
            }
            place -= at[d] * strides[from];
            at[d] = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations() {
        let values: Vec<usize> = (0..24).collect();
        // (a, b, c) of lengths 2, 3, 4 to (c, a, b).
        let got = permuted(&values, &[2, 3, 4], &[2, 0, 1]);
        for c in 0..4 {
            for a in 0..2 {
                for b in 0..3 {
                    assert_eq!(got[(c * 2 + a) * 3 + b], (a * 3 + b) * 4 + c);
                }
            }
        }
        assert_eq!(permuted(&[1, 2, 3], &[1, 3, 1], &[1]), [1, 2, 3]);
    }
}

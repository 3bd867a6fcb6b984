//! What the writer keeps of each variable.

use super::cells::unwritten;
use super::chunking::default_chunks;
use super::ffi::NcChar;
use super::pieces::{bounding, overlap};
use super::schema::Schema;
use super::Compression;
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Values};
use halocline_core::{Error, Result};

/// A variable of an open output.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // facts in any combination
pub(super) struct Layout {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) dtype: DType,
    /// Whether NaN becomes the fill value.
    pub(super) fill: bool,
    /// Whether infinite values are refused.
    pub(super) finite: bool,
    /// Lengths of a stored chunk; of a contiguous variable, those of the pieces it is written in.
    pub(super) chunk: Vec<usize>,
    /// Whether it is stored in chunks.
    pub(super) chunked: bool,
    /// A cell that was never written: at the edges, chunks have some.
    pub(super) blank: Vec<u8>,
    /// What is done to a chunk.
    pub(super) compression: Compression,
    /// Whether a dimension is unlimited.
    pub(super) grows: bool,
    /// What has been written, by all ranks.
    pub(super) written: Vec<IndexBox>,
    /// The checksum of what this rank has written; kept by the collective writer only.
    #[cfg(feature = "mpi")]
    pub(super) checksum: u64,
}

impl Layout {
    /// The variables of a schema that has been checked.
    pub(super) fn of(schema: &Schema) -> Result<Vec<Self>> {
        let layout = |spec: &super::schema::VariableSpec| {
            let shape = schema.shape(spec)?;
            let chunks = schema.chunks(spec)?;
            let chunked = chunks.is_some();
            Ok(Self {
                name: spec.name.clone(),
                dtype: spec.dtype,
                fill: spec.fill,
                finite: spec.finite,
                blank: unwritten(spec.dtype),
                chunk: chunks.unwrap_or_else(|| default_chunks(&shape, spec.dtype.size().max(1))),
                chunked,
                compression: if chunked { spec.compression } else { Compression::None },
                grows: schema.grows(spec),
                shape,
                written: Vec::new(),
                #[cfg(feature = "mpi")]
                checksum: 0,
            })
        };
        schema.variables.iter().map(layout).collect()
    }
    /// Whether finishing a chunk is work worth sharing.
    pub(super) fn is_compressed(&self) -> bool {
        self.compression != Compression::None
    }
    /// How many chunks there are along each dimension.
    fn chunk_counts(&self) -> impl Iterator<Item = usize> + '_ {
        self.shape.iter().zip(&self.chunk).map(|(&len, &chunk)| len.div_ceil(chunk))
    }
    /// The number of the chunk with these coordinates, C order.
    pub(super) fn chunk_number(&self, at: &[usize]) -> usize {
        at.iter().zip(self.chunk_counts()).fold(0, |number, (&k, count)| number * count + k)
    }
    /// The coordinates of a chunk.
    pub(super) fn chunk_coordinates(&self, mut number: usize) -> Vec<usize> {
        let mut at: Vec<usize> = self.chunk_counts().collect();
        for k in at.iter_mut().rev() {
            let count = (*k).max(1);
            *k = number % count;
            number /= count;
        }
        at
    }
    /// The cells of a chunk that lie inside the variable.
    pub(super) fn chunk_block(&self, at: &[usize]) -> IndexBox {
        let range = |((&k, &chunk), &len): ((&usize, &usize), &usize)| k * chunk..((k + 1) * chunk).min(len);
        IndexBox::new(at.iter().zip(&self.chunk).zip(&self.shape).map(range).collect())
    }
    /// The cells of a chunk as it is stored: at the edges, chunks stick out of the variable.
    pub(super) fn stored_block(&self, block: &IndexBox) -> IndexBox {
        if !self.chunked {
            return block.clone();
        }
        let range = |(r, &chunk): (&std::ops::Range<usize>, &usize)| r.start..r.start + chunk;
        IndexBox::new(block.ranges().iter().zip(&self.chunk).map(range).collect())
    }
    /// Refuses values that the variable can't take as `block`.
    pub(super) fn check(&self, block: &IndexBox, values: &Values) -> Result<()> {
        let bad = |message: String| Err(Error::internal(message).in_variable(&self.name));
        if !matches!(
            (values, self.dtype),
            (Values::F32(_), DType::F32)
                | (Values::F64(_), DType::F64)
                | (Values::I32(_), DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::I32)
                | (Values::I64(_), DType::U32 | DType::I64 | DType::U64)
                | (Values::Text(_), DType::Char)
        ) {
            let (given, stored) = (values.dtype().name(), self.dtype.name());
            return bad(format!("values of type {given} can't be written as {stored}"));
        }
        if block.ndim() != self.shape.len() {
            return bad(format!("has {} dimensions, the block {}", self.shape.len(), block.ndim()));
        }
        if !IndexBox::whole(&self.shape).contains(block) {
            return bad(format!("has the shape {:?}, the block is {:?}", self.shape, block.ranges()));
        }
        let cells = if self.dtype == DType::Char { block.len() / self.text_length() } else { block.len() };
        if values.len() != cells {
            return bad(format!("{cells} values are to be written, {} are given", values.len()));
        }
        let is_infinite = || match values {
            Values::F32(values) => any_together(values, f32::is_infinite),
            Values::F64(values) => any_together(values, f64::is_infinite),
            _ => false,
        };
        if self.finite && is_infinite() {
            return Err(self.overflow());
        }
        if let Values::Text(texts) = values {
            let length = self.text_length();
            if let Some(long) = texts.iter().find(|text| text.len() > length) {
                return bad(format!("the text {long:?} is longer than {length} bytes"));
            }
        }
        Ok(())
    }
    fn overflow(&self) -> Error {
        let wider = if self.dtype == DType::F32 { ", or ask for double precision" } else { "" };
        Error::data(format!("`{}` would be infinite: the values are too large", self.name))
            .remedy(format!("divide them by a power of ten first{wider}"))
    }
    /// The last dimension of text; a scalar is one character.
    fn text_length(&self) -> usize {
        self.shape.last().copied().unwrap_or(1).max(1)
    }
    /// Texts as characters, padded with NUL as `ncdump` and the readers expect.
    pub(super) fn characters(&self, texts: &[String]) -> Vec<NcChar> {
        let length = self.text_length();
        let padded =
            |text: &String| text.bytes().chain(std::iter::repeat(0)).take(length).collect::<Vec<_>>();
        texts.iter().flat_map(padded).map(NcChar).collect()
    }
    /// Notes the blocks of all ranks as written; refuses cells that are written twice.
    pub(super) fn claim(&mut self, boxes: &[IndexBox]) -> Result<()> {
        let twice = |what: String| Err(Error::internal(what).in_variable(&self.name));
        if let Some((a, b)) = overlap(boxes) {
            return twice(format!("ranks {a} and {b} write the same cells"));
        }
        let Some(around) = bounding(boxes) else { return Ok(()) };
        let covered = boxes.iter().map(IndexBox::len).sum::<usize>() == around.len();
        let new: Vec<IndexBox> =
            if covered { vec![around] } else { boxes.iter().filter(|b| !b.is_empty()).cloned().collect() };
        for block in &new {
            if self.written.iter().any(|old| !old.intersect(block).is_empty()) {
                return twice(format!("cells of {:?} are written twice", block.ranges()));
            }
        }
        for block in new {
            // Records that come one after the other stay one box.
            let joined = self.written.last().and_then(|last| follow(last, &block));
            if joined.is_some() {
                self.written.pop();
            }
            self.written.push(joined.unwrap_or(block));
        }
        Ok(())
    }
}

/// Whether any of the values is so, each looked at without a branch, by the vector: one by one takes
/// as long as to write them.
fn any_together<T: Copy>(values: &[T], is_so: impl Fn(T) -> bool) -> bool {
    values.chunks(4096).any(|some| some.iter().fold(false, |any, v| any | is_so(*v)))
}

/// Both boxes as one, if `next` goes on in the first dimension where `last` ends.
fn follow(last: &IndexBox, next: &IndexBox) -> Option<IndexBox> {
    let (a, b) = (last.ranges().split_first()?, next.ranges().split_first()?);
    (a.1 == b.1 && a.0.end == b.0.start).then(|| last.with_range(0, a.0.start..b.0.end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::VariableSpec;

    #[test]
    fn cells_are_written_once() {
        let mut schema = Schema::new();
        schema.add_dim("t", 6).unwrap();
        schema.add_dim("x", 4).unwrap();
        schema.add_variable(VariableSpec::data("a", ["t", "x"], DType::F64));
        let mut layout = Layout::of(&schema).unwrap().remove(0);
        let b = |t: std::ops::Range<usize>, x: std::ops::Range<usize>| IndexBox::new(vec![t, x]);
        layout.claim(&[b(0..2, 0..2), b(0..2, 2..4)]).unwrap();
        layout.claim(&[b(2..3, 0..4), b(0..0, 0..0)]).unwrap();
        assert_eq!(layout.written, [b(0..3, 0..4)]);
        layout.claim(&[b(4..5, 0..1), b(5..6, 2..4)]).unwrap();
        assert_eq!(layout.written.len(), 3);
        assert!(layout.claim(&[b(2..4, 0..1)]).is_err());
        assert!(layout.claim(&[b(3..4, 0..2), b(3..4, 1..3)]).is_err());
        assert!(layout.check(&b(0..1, 0..4), &Values::F64(vec![0.0; 4])).is_ok());
        assert!(layout.check(&b(0..1, 0..4), &Values::F32(vec![0.0; 4])).is_err());
        assert!(layout.check(&b(0..1, 0..4), &Values::F64(vec![0.0; 3])).is_err());
        assert!(layout.check(&b(0..1, 0..5), &Values::F64(vec![0.0; 5])).is_err());
        assert!(layout.check(&IndexBox::whole(&[4]), &Values::F64(vec![0.0; 4])).is_err());
    }
}

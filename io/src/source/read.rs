//! Blocks of a source: which pieces of which files, and where they go.

use super::{Place, Source};
use crate::cf::{Element, Number};
use crate::direct::target::Part;
use crate::direct::{self, in_threads};
use crate::load::Loaded;
use crate::stored::buffer;
use halocline_core::index::IndexBox;
use halocline_core::meta::Values;
use halocline_core::{Error, Result};
use std::ops::Range;

/// Part of a block that lies in one file and on one side of the longitude seam.
pub(super) struct Piece {
    /// Which file.
    pub(super) file: usize,
    /// In the global index space of the source.
    pub(super) block: IndexBox,
    /// For each dimension of the file, which of the source's it is, and where the piece starts.
    pub(super) dims: Vec<(Option<usize>, usize)>,
}

impl Piece {
    /// In the file, per dimension of the file.
    pub(super) fn ranges(&self) -> Vec<Range<usize>> {
        let len = |d: Option<usize>| d.map_or(1, |d| self.block.range(d).len());
        self.dims.iter().map(|&(d, start)| start..start + len(d)).collect()
    }
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
        self.check(block)?;
        Ok(match self.element {
            Element::F32 => {
                let mut values = buffer(block.len())?;
                self.read_into::<f32>(block, &mut values)?;
                Values::F32(values)
            }
            Element::F64 => {
                let mut values = buffer(block.len())?;
                self.read_into::<f64>(block, &mut values)?;
                Values::F64(values)
            }
        })
    }

    /// [`Self::read`] into `out`, which is as long as the block. Doubles take any source,
    /// singles only one whose [`Self::element`] they are.
    ///
    /// The work is done in the threads of the current rayon pool; what is in `out` after an
    /// error means nothing.
    ///
    /// # Errors
    /// As [`Self::read`]; internal too, if `out` is of another length or of a type too small.
    pub fn read_into<T: Loaded>(&self, block: &IndexBox, out: &mut [T]) -> Result<()> {
        T::read_into(self, block, out)
    }

    /// [`Self::read_into`] for the type `element`.
    pub(crate) fn fill<T: Number>(&self, block: &IndexBox, out: &mut [T], element: Element) -> Result<()> {
        self.check(block)?;
        let bug = |what: &str| Error::internal(what).in_variable(&self.variable.name);
        if element == Element::F32 && self.element == Element::F64 {
            return Err(bug("singles cannot hold its values"));
        }
        if block.is_empty() && out.is_empty() {
            return Ok(());
        }
        let whole =
            Part::new(out, block.clone()).ok_or_else(|| bug("the buffer is not as long as the block"))?;
        let Some(cells) = &self.cells else {
            return in_threads(self.parts(whole), |(piece, part)| self.fetch(&piece, part, element));
        };
        // What lies around all wanted cells need not be read.
        let wanted = cells.within(block);
        let (mut inner, mut outer) = (whole, Vec::new());
        for (d, range) in wanted.ranges().iter().enumerate() {
            let (before, rest) = inner.split(d, range.start);
            let (within, after) = rest.split(d, range.end);
            outer.extend([before, after].into_iter().filter(|p| !p.indices().is_empty()));
            inner = within;
        }
        in_threads(outer, |mut part| part.fill(T::MISSING))?;
        if !wanted.is_empty() {
            in_threads(self.parts(inner), |(piece, part)| self.fetch(&piece, part, element))?;
        }
        cells.apply(block, out, T::MISSING);
        Ok(())
    }

    /// Whether a block is one of this source.
    pub(super) fn check(&self, block: &IndexBox) -> Result<()> {
        let whole = IndexBox::whole(&self.variable.shape());
        if block.ndim() == whole.ndim() && whole.contains(block) {
            return Ok(());
        }
        Err(Error::internal(format!("block {block:?} lies outside of {whole:?}"))
            .in_variable(&self.variable.name))
    }

    /// Cuts a block where files and the longitude seam cut it.
    pub(super) fn pieces(&self, block: &IndexBox) -> Vec<Piece> {
        let last = block.ndim() - 1;
        let has_x = self.layout.contains(&Place::X);
        let mut pieces = Vec::new();
        // Files follow one another in time: most have nothing of the block.
        let wanted = block.range(0);
        let first = self.files.partition_point(|file| file.times.end <= wanted.start);
        let within = self.files.iter().enumerate().skip(first);
        let lead = 1 + usize::from(self.ensemble);
        for (number, file) in within.take_while(|(_, file)| file.times.start < wanted.end) {
            let times = meet(&file.times, &block.range(0));
            let mut in_time = block.with_range(0, times.clone());
            if self.ensemble {
                in_time = in_time.with_range(1, meet(&(number..number + 1), &block.range(1)));
            }
            let mut column = 0;
            for run in &self.x {
                let here = column..column + run.len();
                column = here.end;
                let block = if has_x {
                    in_time.with_range(last, meet(&here, &block.range(last)))
                } else {
                    in_time.clone()
                };
                if block.is_empty() {
                    continue;
                }
                let start = |d: usize| block.range(d).start;
                let in_file = |place: &Place| match *place {
                    Place::Time => (Some(0), start(0) - file.times.start + file.first),
                    Place::Kept(k) => (Some(lead + k), start(lead + k) + self.first[k]),
                    Place::Y => (Some(last - 1), start(last - 1) + self.y.start),
                    Place::X => (Some(last), start(last) - here.start + run.start),
                    Place::Fixed(k) => (None, k),
                };
                let dims = self.layout.iter().map(in_file).collect();
                pieces.push(Piece { file: number, block, dims });
            }
        }
        pieces
    }

    /// The pieces of a block and where each goes, seen in the dimensions of its file.
    fn parts<'a, T>(&self, whole: Part<'a, T>) -> Vec<(Piece, Part<'a, T>)> {
        let pieces = self.pieces(whole.indices());
        let last = whole.indices().ndim() - 1;
        let mut parts = Vec::with_capacity(pieces.len());
        // They follow one another in time, or member by member, and within a file from west to
        // east.
        let along = usize::from(self.ensemble);
        let (mut now, mut later) = (None, whole);
        for piece in pieces {
            let (steps, columns) = (piece.block.range(along), piece.block.range(last));
            if now.as_ref().is_none_or(|p: &Part<'a, T>| p.indices().range(along) != steps) {
                let (head, rest) = later.split(along, steps.end);
                (now, later) = (Some(head), rest);
            }
            let Some(row) = now.take() else { break };
            let part = if last == along {
                row
            } else {
                let (part, rest) = row.split(last, columns.end);
                now = (!rest.indices().is_empty()).then_some(rest);
                part
            };
            debug_assert_eq!(*part.indices(), piece.block);
            let part = part.seen_as(&piece.dims);
            parts.push((piece, part));
        }
        parts
    }

    /// Reads and decodes a piece.
    fn fetch<T: Number>(&self, piece: &Piece, part: Part<'_, T>, element: Element) -> Result<()> {
        let file = &self.files[piece.file];
        let decode = &self.decodes[file.decode as usize];
        let read = match &self.located[piece.file] {
            Some(located) => {
                let open = self.handles.plain(piece.file, &file.path, &located.stamp);
                open.and_then(|open| direct::read(&open, &located.storage, decode, part))
            }
            None => self.through_library(piece, part, element),
        };
        read.map_err(|e| e.in_variable(&self.variable.name).in_file(&file.path))
    }

    fn through_library<T: Number>(
        &self,
        piece: &Piece,
        mut part: Part<'_, T>,
        element: Element,
    ) -> Result<()> {
        let file = &self.files[piece.file];
        let reader = self.handles.library(piece.file, &file.path)?;
        let stored = reader.read_raw(&self.variable.name, &piece.ranges())?;
        if stored.dtype() != self.variable.dtype {
            return Err(Error::data("its type has changed since the file was opened"));
        }
        let decoded = self.decodes[file.decode as usize].decode(stored, element);
        let values: &[T] = match &decoded {
            Values::F32(v) => bytemuck::try_cast_slice(v).unwrap_or_default(),
            Values::F64(v) => bytemuck::try_cast_slice(v).unwrap_or_default(),
            _ => &[],
        };
        if values.len() != part.indices().len() {
            return Err(Error::internal("decoded to another type than announced"));
        }
        part.take(values)
    }
}

fn meet(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

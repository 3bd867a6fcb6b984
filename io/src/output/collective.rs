//! All ranks write their own parts, through MPI.
//!
//! Two facts seen with real libraries shape this file. On a full disk, Open MPI's own MPI-IO
//! reports success from every write, sync and close: so what was written is read back before
//! it is taken for a result ([`verify`]). With ROMIO a failed write reaches one rank only,
//! while the others wait inside the library for ever: so nobody writes like this without
//! having asked for it, and after an error the file is never closed (closing is collective,
//! too) but abandoned.
//!
//! Nor is it fast: each rank deflates by zlib, on one thread. Of 207 MB from 2 ranks, the library
//! took 3.2 to 4.3 times as long as ranks that compress and one that places
//! ([`super::one_writer`]); from 4 ranks, 3.5 to 4 times.

use super::cells::{checksum, fill, Cell};
use super::define::define;
use super::ffi::NcChar;
use super::layout::Layout;
use super::pieces::{bounding, cut, thickness};
use super::schema::Schema;
use super::target::Target;
use halocline_core::comm::{raw_info_null, Comm, RawMpi, Reduce};
use halocline_core::index::IndexBox;
use halocline_core::meta::DType;
use halocline_core::{Error, Result};
use netcdf::{FileMut, Options};

/// Creates the file on all ranks and defines what is in it.
///
/// # Collective
/// The result is a rank's own. On an error here or on another rank, forget the file.
pub(super) fn create(raw: RawMpi, target: &Target, schema: &Schema) -> Result<FileMut> {
    let mut file = netcdf::create_par_with(&target.temporary, raw, raw_info_null(), Options::NETCDF4)
        .map_err(|e| Error::system(format!("can't be created: {e}")))?;
    let defined = define(&mut file, &target.temporary, schema).and_then(|()| {
        let wide = schema.variables.iter().filter(|v| !v.dims.is_empty());
        wide.map(|v| file.variable(&v.name)).try_for_each(|variable| match variable {
            Some(variable) => variable.access_collective().map_err(|e| Error::system(e.to_string())),
            None => Err(Error::internal("is not in the file")),
        })
    });
    match defined {
        Ok(()) => Ok(file),
        Err(error) => {
            std::mem::forget(file);
            Err(error)
        }
    }
}

/// Writes the block of each rank. `boxes` are those of the ranks from 0 on, `cells` ours.
///
/// # Collective
/// All ranks get the same result.
pub(super) fn write<T: Cell>(
    comm: &Comm,
    file: &mut FileMut,
    layout: &mut Layout,
    boxes: &[IndexBox],
    cells: &[T],
    buffer_bytes: usize,
) -> Result<()> {
    let limit = buffer_bytes / size_of::<T>();
    // The same cuts on all ranks: a chunk shared by several is written by all of them in the
    // same call, in which the library brings its parts together.
    let largest: Vec<usize> =
        (0..layout.shape.len()).map(|d| boxes.iter().map(|b| b.range(d).len()).max().unwrap_or(0)).collect();
    let thick = thickness(&layout.shape, &largest, &layout.chunk, limit);
    let calls = boxes.iter().map(|b| cut(b, &thick).len()).max().unwrap_or(0);
    let nothing = IndexBox::new(vec![0..0; layout.shape.len()]);
    let block = boxes.get(comm.rank()).unwrap_or(&nothing);
    let pieces = cut(block, &thick);
    let mut buffer = Vec::new();
    for call in 0..calls {
        // A rank that has no more pieces takes part with nothing.
        let piece = pieces.get(call).unwrap_or(&nothing);
        buffer.clear();
        let result = if piece.is_empty() {
            put::<T>(file, layout, piece, &mut buffer)
        } else {
            block.extract(cells, piece, &mut buffer);
            put(file, layout, piece, &mut buffer)
        };
        let sum = checksum(&layout.shape, piece, &buffer);
        layout.checksum = layout.checksum.wrapping_add(sum);
        // Before the next call, in which the others would wait for a rank that has given up.
        comm.agree(result)?;
    }
    Ok(())
}

/// Writes a scalar, which has no box that could be empty: rank 0 alone.
pub(super) fn write_scalar<T: Cell>(
    comm: &Comm,
    file: &mut FileMut,
    layout: &mut Layout,
    cells: &[T],
) -> Result<()> {
    if !comm.is_root() {
        return Ok(());
    }
    let place = IndexBox::whole(&[]);
    let mut buffer = cells.to_vec();
    put(file, layout, &place, &mut buffer)?;
    layout.checksum = layout.checksum.wrapping_add(checksum(&[], &place, &buffer));
    Ok(())
}

/// Reads the closed file back and compares it with what was written, each piece on one rank.
///
/// # Collective
/// All ranks get the same result.
pub(super) fn verify(comm: &Comm, target: &Target, layouts: &[Layout], buffer_bytes: usize) -> Result<()> {
    let opened = netcdf::open(&target.temporary);
    let file = comm.agree(opened.map_err(|e| unlike(&format!("it can't be opened: {e}"))))?;
    let mut sums = Vec::new();
    let mut turn = 0;
    let mut result = Ok(());
    for layout in layouts {
        let read = match layout.dtype {
            DType::F32 => read_back::<f32>,
            DType::F64 => read_back::<f64>,
            DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::I32 => read_back::<i32>,
            DType::Char => read_back::<NcChar>,
            _ => read_back::<i64>,
        };
        let sum = read(comm, &file, layout, &mut turn, buffer_bytes).unwrap_or_else(|error| {
            result = Err(error.in_variable(&layout.name));
            0
        });
        // In halves, so that sums over ranks can't overflow.
        for sum in [layout.checksum, sum] {
            sums.extend([sum >> 32, sum & 0xffff_ffff]);
        }
    }
    comm.agree(result)?;
    comm.all_reduce(&mut sums, Reduce::Sum);
    for (layout, halves) in layouts.iter().zip(sums.chunks_exact(4)) {
        let whole = |halves: &[u64]| (halves[0] << 32).wrapping_add(halves[1]);
        if whole(&halves[..2]) != whole(&halves[2..]) {
            return Err(unlike("other values come back").in_variable(&layout.name));
        }
    }
    Ok(())
}

fn unlike(what: &str) -> Error {
    Error::system(format!("what was written can't be read back: {what}"))
        .remedy("is the disk full or a quota used up? MPI-IO here does not report that")
}

fn read_back<T: Cell>(
    comm: &Comm,
    file: &netcdf::File,
    layout: &Layout,
    turn: &mut usize,
    buffer_bytes: usize,
) -> Result<u64> {
    let limit = buffer_bytes / size_of::<T>();
    let mut sum = 0u64;
    let Some(around) = bounding(&layout.written) else { return Ok(0) };
    let thick = thickness(&layout.shape, &around.shape(), &layout.chunk, limit);
    let mut buffer = Vec::new();
    for piece in layout.written.iter().flat_map(|block| cut(block, &thick)) {
        *turn += 1;
        if *turn % comm.size() != comm.rank() {
            continue;
        }
        let variable = file.variable(&layout.name).ok_or_else(|| unlike("it is not there"))?;
        buffer.resize(piece.len(), T::default());
        variable.get_values_into(&mut buffer, piece.ranges().to_vec()).map_err(|e| unlike(&e.to_string()))?;
        sum = sum.wrapping_add(checksum(&layout.shape, &piece, &buffer));
    }
    Ok(sum)
}

/// Writes a piece; missing cells in `cells` become the fill value.
fn put<T: Cell>(file: &mut FileMut, layout: &Layout, piece: &IndexBox, cells: &mut [T]) -> Result<()> {
    if layout.fill {
        fill(cells);
    }
    let Some(mut variable) = file.variable_mut(&layout.name) else {
        return Err(Error::internal("is not in the file").in_variable(&layout.name));
    };
    variable
        .put_values(cells, piece.ranges().to_vec())
        .map_err(|e| Error::system(format!("can't be written: {e}")).in_variable(&layout.name))
}

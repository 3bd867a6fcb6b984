//! What writing needs to know of a cell's type: its fill value, its bits and its bytes.

use super::ffi::NcChar;
#[cfg(any(test, feature = "mpi"))]
use halocline_core::index::IndexBox;
use halocline_core::meta::DType;
use netcdf::NcTypeDescriptor;

/// `NC_FILL_DOUBLE` and, being 15 · 2^119, `NC_FILL_FLOAT` exactly.
pub(super) const FILL_F64: f64 = 9.969_209_968_386_869e36;
/// `NC_FILL_FLOAT`.
pub(super) const FILL_F32: f32 = FILL_F64 as f32;

/// A cell as it is handed to the library.
pub(super) trait Cell: NcTypeDescriptor + bytemuck::Pod + Default + Send + Sync {
    /// What a missing cell (NaN) becomes in the file; the cell itself otherwise.
    fn filled(self) -> Self;
    /// Its bits.
    #[cfg(any(test, feature = "mpi"))]
    fn bits(self) -> u64;
    /// Whether it can be stored as `dtype`.
    fn fits(self, dtype: DType) -> bool {
        let _ = dtype;
        true
    }
    /// Puts cells as they are stored into `bytes`, missing ones as they are. They fit.
    fn store(cells: &[Self], dtype: DType, bytes: &mut [u8]) {
        let _ = dtype;
        bytes.copy_from_slice(bytemuck::cast_slice(cells));
    }
}

macro_rules! cell {
    ($($type:ty, $cell:ident => $filled:expr, $bits:expr, { $($more:item)* };)*) => {
        $(impl Cell for $type {
            fn filled(self) -> Self {
                let $cell = self;
                $filled
            }
            #[cfg(any(test, feature = "mpi"))]
            fn bits(self) -> u64 {
                let $cell = self;
                $bits
            }
            $($more)*
        })*
    };
}

cell! {
    f32, x => if x.is_nan() { FILL_F32 } else { x }, u64::from(x.to_bits()), {};
    f64, x => if x.is_nan() { FILL_F64 } else { x }, x.to_bits(), {};
    i32, x => x, x as u64, {
    fn fits(self, dtype: DType) -> bool {
        match dtype {
            DType::I8 => i8::try_from(self).is_ok(),
            DType::U8 => u8::try_from(self).is_ok(),
            DType::I16 => i16::try_from(self).is_ok(),
            DType::U16 => u16::try_from(self).is_ok(),
            _ => true,
        }
    }
    fn store(cells: &[Self], dtype: DType, bytes: &mut [u8]) {
        match dtype {
            DType::I8 | DType::U8 => bytes.iter_mut().zip(cells).for_each(|(b, &x)| *b = x as u8),
            DType::I16 | DType::U16 => {
                let pairs = bytes.chunks_exact_mut(2).zip(cells);
                pairs.for_each(|(b, &x)| b.copy_from_slice(&(x as u16).to_ne_bytes()));
            }
            _ => bytes.copy_from_slice(bytemuck::cast_slice(cells)),
        }
    }
    };
    i64, x => x, x as u64, {
    fn fits(self, dtype: DType) -> bool {
        match dtype {
            DType::U32 => u32::try_from(self).is_ok(),
            DType::U64 => self >= 0,
            _ => true,
        }
    }
    fn store(cells: &[Self], dtype: DType, bytes: &mut [u8]) {
        if dtype == DType::U32 {
            let words = bytes.chunks_exact_mut(4).zip(cells);
            words.for_each(|(b, &x)| b.copy_from_slice(&(x as u32).to_ne_bytes()));
        } else {
            bytes.copy_from_slice(bytemuck::cast_slice(cells));
        }
    }
    };
    NcChar, x => x, u64::from(x.0), {};
}

/// The bytes of a cell that was never written: the library's default for the type.
pub(super) fn unwritten(dtype: DType) -> Vec<u8> {
    match dtype {
        DType::F32 => FILL_F32.to_ne_bytes().to_vec(),
        DType::F64 => FILL_F64.to_ne_bytes().to_vec(),
        DType::I8 => (-127i8).to_ne_bytes().to_vec(),
        DType::U8 => vec![255],
        DType::I16 => (-32_767i16).to_ne_bytes().to_vec(),
        DType::U16 => u16::MAX.to_ne_bytes().to_vec(),
        DType::I32 => (-2_147_483_647i32).to_ne_bytes().to_vec(),
        DType::U32 => u32::MAX.to_ne_bytes().to_vec(),
        DType::I64 => (-9_223_372_036_854_775_806i64).to_ne_bytes().to_vec(),
        DType::U64 => (u64::MAX - 1).to_ne_bytes().to_vec(),
        DType::Char | DType::String | DType::Other => vec![0],
    }
}

/// Puts the fill value where cells are missing.
pub(super) fn fill<T: Cell>(cells: &mut [T]) {
    for cell in cells {
        *cell = cell.filled();
    }
}

/// A checksum of cells *and places* that does not depend on the order in which cells are
/// added: a variable's checksum is the wrapping sum over any pieces, by any ranks.
///
/// `whole` is the variable's shape; `cells` are those of `piece`, C order.
#[cfg(any(test, feature = "mpi"))]
pub(super) fn checksum<T: Cell>(whole: &[usize], piece: &IndexBox, cells: &[T]) -> u64 {
    let mut sum = 0u64;
    IndexBox::whole(whole).for_each_run(piece, |place, from, n| {
        for (k, cell) in cells[from..from + n].iter().enumerate() {
            sum = sum.wrapping_add(scatter(cell.bits(), (place + k) as u64));
        }
    });
    sum
}

/// Bits and place, well stirred: an xor-shift-multiply finaliser over a Weyl sequence.
#[cfg(any(test, feature = "mpi"))]
fn scatter(bits: u64, place: u64) -> u64 {
    let mut z = bits ^ place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_knows_places_not_pieces() {
        let whole = [4, 5];
        let cells: Vec<f64> = (0..20).map(f64::from).collect();
        let all = checksum(&whole, &IndexBox::whole(&whole), &cells);
        let mut sum = 0u64;
        for block in [vec![2..4, 0..5], vec![0..2, 3..5], vec![0..2, 0..3]] {
            let block = IndexBox::new(block);
            let mut part = Vec::new();
            IndexBox::whole(&whole).extract(&cells, &block, &mut part);
            sum = sum.wrapping_add(checksum(&whole, &block, &part));
        }
        assert_eq!(sum, all);
        let mut swapped = cells.clone();
        swapped.swap(3, 4);
        assert_ne!(checksum(&whole, &IndexBox::whole(&whole), &swapped), all);
    }

    #[test]
    fn missing_becomes_the_default_fill_value() {
        let mut cells = [1.0f32, f32::NAN, f32::INFINITY];
        fill(&mut cells);
        assert_eq!(cells, [1.0, 9.969_21e36, f32::INFINITY]);
        assert_eq!(FILL_F32.to_bits(), 0x7CF0_0000);
        assert_eq!(f64::from(FILL_F32), FILL_F64);
    }
}

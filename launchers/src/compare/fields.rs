//! The values of one variable in two files, block by block on all ranks and threads.

use super::metadata::{mean_the_same, of_variables};
use super::numbers::{not_numbers, signed, Common};
use super::side::Side;
use super::walk::{pieces, Bounds};
use super::{Compared, Place, Places, Rules};
use halocline_algorithms::compare::{Differences, Numbers};
use halocline_core::budget::{refuse, MemoryBudget};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::DType;
use halocline_core::rechunk::{cut, thickness};
use halocline_core::{Error, Result};
use halocline_io::as_stored::StoredField;
use halocline_io::dataset::VariableInfo;
use halocline_io::stored::StoredValues;
use rayon::prelude::*;

pub(super) const ONLY_IN_FIRST: &str = "only in the first";
pub(super) const ONLY_IN_SECOND: &str = "only in the second";

/// Why values of other types are not compared.
const OWN_LENGTHS: &str = "not compared, as values have lengths of their own";
const NO_TYPE: &str = "not compared, as their type is none that NetCDF knows";

/// Cells that a thread compares at a time.
const CELLS: usize = 1 << 16;

/// Compares a variable of one or both files.
///
/// # Collective
/// Every rank calls this.
pub(super) fn compare(
    comm: &Comm,
    (a, b): (&Side, &Side),
    name: &str,
    rules: &Rules,
    budget: &MemoryBudget,
) -> Result<Compared> {
    let (found_a, found_b) = (a.find(name), b.find(name));
    let mut compared = Compared {
        name: name.to_owned(),
        described: found_a
            .map(|info| described(a, info))
            .or_else(|| found_b.map(|info| described(b, info)))
            .unwrap_or_default(),
        metadata: Vec::new(),
        values: None,
        refused: None,
        unread: None,
        places: Places::default(),
    };
    let (va, vb) = match (found_a, found_b) {
        (Some(va), Some(vb)) => (va, vb),
        (Some(_), None) => return Ok(Compared { refused: Some(ONLY_IN_FIRST.to_owned()), ..compared }),
        _ => return Ok(Compared { refused: Some(ONLY_IN_SECOND.to_owned()), ..compared }),
    };
    compared.metadata = of_variables(va, vb, rules);
    let (ta, tb) = (va.variable.dtype, vb.variable.dtype);
    let is_text = |t: DType| matches!(t, DType::Char | DType::String);
    if va.variable.shape() != vb.variable.shape() {
        let shapes = format!("shape: {:?} and {:?}", va.variable.shape(), vb.variable.shape());
        return Ok(Compared { refused: Some(shapes), ..compared });
    }
    compared.values = if is_text(ta) && ta == tb {
        Some(comm.on_root(|| texts((a, va), (b, vb)))?)
    } else if ta.is_numeric() && tb.is_numeric() {
        Some(numbers(comm, (a, va), (b, vb), rules, budget)?)
    } else if ta == tb {
        let (own_a, own_b) = (a.own(name), b.own(name));
        if let (Some(x), Some(y)) = (own_a, own_b) {
            if x.text != y.text {
                let types = format!("type: {} and {}", x.text, y.text);
                return Ok(Compared { refused: Some(types), ..compared });
            }
            if x.name != y.name && !rules.data_only {
                compared.metadata.push(format!("type: `{}` and `{}`, of the same parts", x.name, y.name));
            }
        }
        // Values with lengths of their own are behind addresses, and nobody here reads them.
        compared.unread = Some(if own_a.is_some() { OWN_LENGTHS } else { NO_TYPE });
        match own_a.and_then(|own| own.bytes) {
            Some(bytes) => Some(comm.on_root(|| records((a, va), (b, vb), bytes))?),
            None => None,
        }
    } else {
        compared.refused = Some("values of these types can't be compared".to_owned());
        None
    };
    if let (Some(values), true) = (compared.values, comm.is_root()) {
        let at = |cell: Option<u64>| cell.map_or_else(Place::default, |cell| place(a, va, cell));
        compared.places = Places {
            absolute: at(values.absolute.map(|e| e.at)),
            relative: at(values.relative.map(|e| e.at)),
            ulp: at(values.ulp.map(|e| e.at)),
            first: at(values.first),
        };
    }
    Ok(compared)
}

fn described(side: &Side, info: &VariableInfo) -> String {
    let dims: Vec<&str> = info.variable.dims.iter().map(|d| d.name.as_str()).collect();
    let kind = side.own(&info.variable.name).map_or(info.variable.dtype.name(), |own| own.text.as_str());
    format!("{}({}) {kind}", info.variable.name, dims.join(", "))
}

/// # Collective
/// Every rank calls this.
fn numbers(
    comm: &Comm,
    (a, va): (&Side, &VariableInfo),
    (b, vb): (&Side, &VariableInfo),
    rules: &Rules,
    budget: &MemoryBudget,
) -> Result<Differences> {
    let (pa, pb) = comm.on_root(|| Ok((a.places(va)?, b.places(vb)?)))?;
    let open = || Ok((a.field(va, pa.as_ref())?, b.field(vb, pb.as_ref())?));
    let (fa, fb) = comm.agree(open())?;
    let shape = va.variable.shape();
    let pair = Pair { fa, fb, va, vb, rules, shape: &shape };
    let (blocks, at_once) = pair.blocks(comm, budget)?;
    let mut all = Differences::default();
    let done = blocks.iter().skip(comm.rank()).step_by(comm.size()).try_for_each(|block| {
        all.merge(&pair.block(block, at_once)?);
        Ok(())
    });
    comm.agree(done)?;
    let sent = postcard::to_stdvec(&all).map_err(|e| Error::internal(format!("can't be sent: {e}")));
    let mut merged = Differences::default();
    for bytes in comm.all_gather_v(&comm.agree(sent)?) {
        let part: Differences =
            postcard::from_bytes(&bytes).map_err(|e| Error::internal(format!("can't be received: {e}")))?;
        merged.merge(&part);
    }
    Ok(merged)
}

/// A variable of two files.
struct Pair<'a> {
    fa: StoredField<'a>,
    fb: StoredField<'a>,
    va: &'a VariableInfo,
    vb: &'a VariableInfo,
    rules: &'a Rules,
    shape: &'a [usize],
}

impl Pair<'_> {
    /// The blocks that all ranks go through, and how many slices of one a rank compares at once.
    ///
    /// # Collective
    /// Every rank calls this.
    fn blocks(&self, comm: &Comm, budget: &MemoryBudget) -> Result<(Vec<IndexBox>, usize)> {
        let sizes = (self.va.variable.dtype.size() + self.vb.variable.dtype.size()) as u64;
        let threads = halocline_core::threads::for_plans();
        let cells = self.shape.iter().product::<usize>().min(CELLS) as u64;
        // Of a slice in each thread: stored, unpacked, in a common type, and what is missing.
        let slice =
            cells * (sizes + 2 * (8 + 8 + 16 + 1)) + self.fa.scratch_bytes() + self.fb.scratch_bytes();
        let base = budget.largest_base(comm);
        // Half of the memory for slices is enough; one there has to be.
        let at_once = (budget.bytes.saturating_sub(base) / 2 / slice.max(1)).clamp(1, threads as u64);
        let base = base + slice * at_once;
        // A block is there twice while it is read.
        let room = budget.bytes.saturating_sub(base) / (2 * sizes).max(1);
        let one = || vec![1; self.shape.len()];
        let [a, b] = [self.va, self.vb].map(|info| info.chunks.clone().unwrap_or_else(one));
        let bounds = Bounds { room, usual: 16 * CELLS * threads, ranks: comm.size() };
        let blocks = pieces(self.shape, [&a, &b], bounds).map_err(|least| {
            refuse(base + least * 2 * sizes, budget, "rechunk the files to smaller chunks")
                .in_variable(&self.va.variable.name)
        });
        Ok((comm.agree(blocks)?, at_once as usize))
    }

    fn both(&self, block: &IndexBox) -> Result<(StoredValues, StoredValues)> {
        Ok((self.fa.read(block)?, self.fb.read(block)?))
    }

    /// Both files' values of a block, read and compared by all threads.
    fn block(&self, block: &IndexBox, at_once: usize) -> Result<Differences> {
        // In the pool, which this thread is not part of.
        let (values, ()) = rayon::join(|| self.both(block), || ());
        let (a, b) = values?;
        let mut all = Differences::default();
        if a.same_bits(&b) && mean_the_same(self.va, self.vb) {
            all.add_same(block.len());
            return Ok(all);
        }
        let starts: Vec<usize> = (0..block.len()).step_by(CELLS).collect();
        let slice = |&start: &usize| {
            let range = start..(start + CELLS).min(block.len());
            self.slice(block, start, (a.part(range.clone()), b.part(range)))
        };
        // Merged in order, though that makes no difference.
        for together in starts.chunks(at_once) {
            let parts: Vec<Differences> = together.par_iter().map(slice).collect();
            parts.iter().for_each(|part| all.merge(part));
        }
        Ok(all)
    }

    /// Values of a block that follow one another from `first` on.
    fn slice(&self, block: &IndexBox, first: usize, (a, b): (StoredValues, StoredValues)) -> Differences {
        let mut all = Differences::default();
        if a.same_bits(&b) && mean_the_same(self.va, self.vb) {
            all.add_same(a.len());
            return all;
        }
        let is_unpacked = self.rules.unpacked && (self.va.packed || self.vb.packed);
        let common = Common::of(a.dtype(), b.dtype());
        let one = |field: &StoredField<'_>, info: &VariableInfo, stored: StoredValues| {
            let numbers = (!is_unpacked).then(|| {
                if self.rules.unpacked {
                    common.numbers(&signed(stored.clone(), &info.variable.attributes))
                } else {
                    common.numbers(&stored)
                }
            });
            let odd = not_numbers(&stored);
            match (field.decoded(stored.clone()), numbers) {
                (Some(decoded), numbers) => {
                    let missing = decoded.iter().map(|v| v.is_nan()).collect();
                    (numbers.unwrap_or(Numbers::F64(decoded)), missing)
                }
                (None, Some(numbers)) => (numbers, odd),
                (None, None) => (Common::Double.numbers(&stored), odd),
            }
        };
        let ((a, missing_a), (b, missing_b)): ((_, Vec<bool>), (_, Vec<bool>)) =
            (one(&self.fa, self.va, a), one(&self.fb, self.vb, b));
        let place = |i: usize| {
            let (mut rest, mut at, mut stride) = (first + i, 0, 1);
            for d in (0..self.shape.len()).rev() {
                let range = block.range(d);
                at += (range.start + rest % range.len()) * stride;
                rest /= range.len();
                stride *= self.shape[d];
            }
            at as u64
        };
        all.add((&a, &missing_a), (&b, &missing_b), place, self.rules.tolerance);
        all
    }
}

/// Characters and strings, cell by cell.
fn texts((a, va): (&Side, &VariableInfo), (b, vb): (&Side, &VariableInfo)) -> Result<Differences> {
    let (a, b) = (a.library()?, b.library()?);
    let both = |block: &IndexBox| Ok((a.text(va, block)?, b.text(vb, block)?));
    by_cells(&va.variable.shape(), CELLS, both)
}

/// Values of so many `bytes` of a type that the writers have defined, cell by cell: the same if their
/// parts have the same bits.
fn records(
    (a, va): (&Side, &VariableInfo),
    (b, vb): (&Side, &VariableInfo),
    bytes: usize,
) -> Result<Differences> {
    let (a, b) = (a.library()?, b.library()?);
    let both = |block: &IndexBox| Ok((a.own(va, block)?, b.own(vb, block)?));
    by_cells(&va.variable.shape(), (8 * CELLS / bytes.max(1)).clamp(1, CELLS), both)
}

/// What is the same or not, some cells after the other.
fn by_cells(
    shape: &[usize],
    at_once: usize,
    both: impl Fn(&IndexBox) -> Result<(Vec<Vec<u8>>, Vec<Vec<u8>>)>,
) -> Result<Differences> {
    let mut all = Differences::default();
    let whole = IndexBox::whole(shape);
    let thick = thickness(shape, &vec![1; shape.len()], at_once);
    for block in if shape.is_empty() { vec![whole] } else { cut(&whole, &thick) } {
        let (mine, theirs) = both(&block)?;
        for (i, (mine, theirs)) in mine.iter().zip(&theirs).enumerate() {
            if mine != theirs {
                all.differing += 1;
                all.beyond += 1;
                // Without chunks, blocks follow one another in C order.
                all.first = all.first.or(Some(all.cells + i as u64));
            }
        }
        all.cells += mine.len() as u64;
    }
    Ok(all)
}

/// Where a cell is, by index and, where dimensions have coordinates, by them.
fn place(side: &Side, info: &VariableInfo, cell: u64) -> Place {
    let shape = info.variable.shape();
    let mut rest = cell as usize;
    let mut index = vec![0; shape.len()];
    for d in (0..shape.len()).rev() {
        index[d] = rest % shape[d].max(1);
        rest /= shape[d].max(1);
    }
    let along = info.variable.dims.iter().zip(&index);
    let coordinates = along.filter_map(|(d, &i)| side.coordinate(info, d, i)).collect();
    Place { index, coordinates }
}

//! The values of one variable in two files, block by block on all ranks and threads.

use super::metadata::{mean_the_same, of_variables};
use super::numbers::{not_numbers, signed, Common};
use super::{Compared, Place, Places, Rules};
use halocline_algorithms::compare::{Differences, Numbers};
use halocline_core::budget::{refuse, MemoryBudget};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::DType;
use halocline_core::rechunk::{cut, thickness};
use halocline_core::{Error, Result};
use halocline_io::as_stored::{read_text, StoredField, StoredPlaces};
use halocline_io::dataset::{Dataset, VariableInfo};
use halocline_io::stored::StoredValues;
use rayon::prelude::*;

pub(super) const ONLY_IN_FIRST: &str = "only in the first";
pub(super) const ONLY_IN_SECOND: &str = "only in the second";

/// Cells of a block, unless a stored chunk has more.
const CELLS: usize = 1 << 18;

/// Compares a variable of one or both files.
///
/// # Collective
/// Every rank calls this.
pub(super) fn compare(
    comm: &Comm,
    (a, b): (&Dataset, &Dataset),
    name: &str,
    rules: &Rules,
    budget: &MemoryBudget,
) -> Result<Compared> {
    let find = |of: &'_ Dataset| of.variables().iter().find(|v| v.variable.name == name).cloned();
    let (found_a, found_b) = (find(a), find(b));
    let mut compared = Compared {
        name: name.to_owned(),
        described: found_a.as_ref().or(found_b.as_ref()).map(described).unwrap_or_default(),
        metadata: Vec::new(),
        values: None,
        refused: None,
        places: Places::default(),
    };
    let (va, vb) = match (found_a, found_b) {
        (Some(va), Some(vb)) => (va, vb),
        (Some(_), None) => return Ok(Compared { refused: Some(ONLY_IN_FIRST.to_owned()), ..compared }),
        _ => return Ok(Compared { refused: Some(ONLY_IN_SECOND.to_owned()), ..compared }),
    };
    compared.metadata = of_variables(&va, &vb, rules);
    let (ta, tb) = (va.variable.dtype, vb.variable.dtype);
    let is_text = |t: DType| matches!(t, DType::Char | DType::String);
    if va.variable.shape() != vb.variable.shape() {
        let shapes = format!("shape: {:?} and {:?}", va.variable.shape(), vb.variable.shape());
        return Ok(Compared { refused: Some(shapes), ..compared });
    }
    compared.values = if is_text(ta) && ta == tb {
        Some(comm.on_root(|| texts((a, &va), (b, &vb)))?)
    } else if ta.is_numeric() && tb.is_numeric() {
        Some(numbers(comm, (a, &va), (b, &vb), rules, budget)?)
    } else if ta == tb {
        // Types that writers define are no part of CF, and nobody here reads them.
        None
    } else {
        compared.refused = Some("values of these types can't be compared".to_owned());
        None
    };
    if let (Some(values), true) = (compared.values, comm.is_root()) {
        let at = |cell: Option<u64>| cell.map_or_else(Place::default, |cell| place(a, &va, cell));
        compared.places = Places {
            absolute: at(values.absolute.map(|e| e.at)),
            relative: at(values.relative.map(|e| e.at)),
            ulp: at(values.ulp.map(|e| e.at)),
            first: at(values.first),
        };
    }
    Ok(compared)
}

fn described(info: &VariableInfo) -> String {
    let dims: Vec<&str> = info.variable.dims.iter().map(|d| d.name.as_str()).collect();
    format!("{}({}) {}", info.variable.name, dims.join(", "), info.variable.dtype.name())
}

/// # Collective
/// Every rank calls this.
fn numbers(
    comm: &Comm,
    (a, va): (&Dataset, &VariableInfo),
    (b, vb): (&Dataset, &VariableInfo),
    rules: &Rules,
    budget: &MemoryBudget,
) -> Result<Differences> {
    let (pa, pb) = comm.on_root(|| Ok((StoredPlaces::find(a, va)?, StoredPlaces::find(b, vb)?)))?;
    let (fa, fb) = (StoredField::new(a, va, &pa), StoredField::new(b, vb, &pb));
    let shape = va.variable.shape();
    // Chunks of the first file are decoded once; those of the second too, if it has the same.
    let chunk = va.chunks.clone().or_else(|| vb.chunks.clone()).unwrap_or_else(|| vec![1; shape.len()]);
    let blocks = blocks(&shape, &chunk);
    let pair = Pair { fa, fb, va, vb, rules, shape: &shape };

    let cells = blocks.iter().map(IndexBox::len).max().unwrap_or(0) as u64;
    let sizes = (va.variable.dtype.size() + vb.variable.dtype.size()) as u64;
    // Stored bytes twice, unpacked, in a common type, and what is missing.
    let each = cells * (2 * sizes + 2 * (8 + 8 + 16 + 1)) + pair.fa.scratch_bytes() + pair.fb.scratch_bytes();
    let base = budget.largest_base(comm);
    let room = budget.bytes.saturating_sub(base) / each.max(1);
    if room == 0 {
        return Err(
            refuse(base + each, budget, "rechunk the files to smaller chunks").in_variable(&va.variable.name)
        );
    }
    let at_once = (rayon::current_num_threads() as u64).min(room).max(1) as usize;

    let mine: Vec<&IndexBox> = blocks.iter().skip(comm.rank()).step_by(comm.size()).collect();
    let mut all = Differences::default();
    let mut failed = Ok(());
    for together in mine.chunks(at_once) {
        let done: Result<Vec<Differences>> = together.par_iter().map(|block| pair.block(block)).collect();
        match done {
            Ok(done) => done.iter().for_each(|part| all.merge(part)),
            Err(e) => {
                failed = Err(e);
                break;
            }
        }
    }
    comm.agree(failed)?;
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
    fn block(&self, block: &IndexBox) -> Result<Differences> {
        let mut all = Differences::default();
        let (a, b) = (self.fa.read(block)?, self.fb.read(block)?);
        if a.same_bits(&b) && mean_the_same(self.va, self.vb) {
            all.add_same(block.len());
            return Ok(all);
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
            let (mut rest, mut at, mut stride) = (i, 0, 1);
            for d in (0..self.shape.len()).rev() {
                let range = block.range(d);
                at += (range.start + rest % range.len()) * stride;
                rest /= range.len();
                stride *= self.shape[d];
            }
            at as u64
        };
        all.add((&a, &missing_a), (&b, &missing_b), place, self.rules.tolerance);
        Ok(all)
    }
}

/// Characters and strings, cell by cell.
fn texts((a, va): (&Dataset, &VariableInfo), (b, vb): (&Dataset, &VariableInfo)) -> Result<Differences> {
    let mut all = Differences::default();
    let shape = va.variable.shape();
    for block in blocks(&shape, &vec![1; shape.len()]) {
        let (mine, theirs) = (read_text(a, va, &block)?, read_text(b, vb, &block)?);
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

/// The pieces of a variable: whole chunks; one of a scalar.
fn blocks(shape: &[usize], chunk: &[usize]) -> Vec<IndexBox> {
    let whole = IndexBox::whole(shape);
    if shape.is_empty() {
        return vec![whole];
    }
    cut(&whole, &thickness(shape, chunk, CELLS))
}

/// Where a cell is, by index and, where dimensions have coordinates, by them.
fn place(dataset: &Dataset, info: &VariableInfo, cell: u64) -> Place {
    let shape = info.variable.shape();
    let mut rest = cell as usize;
    let mut index = vec![0; shape.len()];
    for d in (0..shape.len()).rev() {
        index[d] = rest % shape[d].max(1);
        rest /= shape[d].max(1);
    }
    let coordinate = |(d, i): (&halocline_core::meta::Dim, &usize)| {
        if Some(d.name.as_str()) == dataset.time_name() {
            return dataset
                .time()
                .filter(|t| *i < t.values.len())
                .map(|t| format!("{} {}", d.name, t.datetime(*i).iso()));
        }
        let known = dataset.variables().iter().find(|v| v.variable.name == d.name)?;
        if known.variable.dims.len() != 1 || known.variable.name == info.variable.name {
            return None;
        }
        let value =
            dataset.read(&d.name, &IndexBox::new(std::iter::once(*i..i + 1).collect())).ok()?.to_f64();
        value.first().map(|v| format!("{} {v}", d.name))
    };
    let coordinates = info.variable.dims.iter().zip(&index).filter_map(coordinate).collect();
    Place { index, coordinates }
}

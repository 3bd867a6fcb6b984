//! Files as one, read in parallel. `unsafe`: pointers of the host, exported names.
#![allow(unsafe_code)]

use crate::context::hcl_context;
use crate::guard::{guard, guard_free};
use crate::pointers::{fill, give, handle, lengths, place, put, slice, slice_mut, take, text};
use crate::pointers::{HCL_MAX_DIMS, HCL_REAL32, HCL_REAL64};
use halocline::core::index::IndexBox;
use halocline::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{c_char, c_int, c_void};
use std::rc::Rc;

/// A data set: one or many files with the same variables at different times.
#[allow(non_camel_case_types)]
pub struct hcl_dataset {
    pub(crate) comm: Comm,
    pub(crate) dataset: Dataset,
    /// Variables that were looked at.
    sources: RefCell<BTreeMap<String, Rc<Source>>>,
}

impl hcl_dataset {
    /// A variable with all its levels.
    ///
    /// # Collective
    /// Every rank calls this.
    fn source(&self, name: &str) -> Result<Rc<Source>> {
        if let Some(source) = self.sources.borrow().get(name) {
            return Ok(Rc::clone(source));
        }
        let selection = Selection { all_levels: true, ..Selection::default() };
        let source = Rc::new(self.dataset.source(&self.comm, name, &selection)?);
        self.sources.borrow_mut().insert(name.to_owned(), Rc::clone(&source));
        Ok(source)
    }
}

/// Opens `count` files, or patterns of names such as "sst_*.nc", as one data set. Collective.
///
/// # Safety
/// `files` has `count` texts, `dataset` is a place for a pointer.
#[no_mangle]
pub unsafe extern "C" fn hcl_dataset_open(
    context: *const hcl_context,
    files: *const *const c_char,
    count: usize,
    dataset: *mut *mut hcl_dataset,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let comm = &unsafe { handle(context, "the context") }?.comm;
        // SAFETY: as the header says.
        let names = unsafe {
            place(dataset).and_then(|()| {
                let names = slice(files, count, "the list of files")?.iter();
                names
                    .map(|&name| text(name, "the name of a file").map(str::to_owned))
                    .collect::<Result<Vec<_>>>()
            })
        };
        let names = comm.agree(names)?;
        let opened = open(comm, &names)?;
        // SAFETY: `place` was well.
        unsafe {
            give(dataset, hcl_dataset { comm: comm.clone(), dataset: opened, sources: RefCell::default() });
        };
        Ok(())
    })
}

/// The dimensions of a variable, slowest first, time among them: `shape` has room for HCL_MAX_DIMS
/// lengths. Collective.
///
/// # Safety
/// As described.
#[no_mangle]
pub unsafe extern "C" fn hcl_dataset_shape(
    dataset: *const hcl_dataset,
    variable: *const c_char,
    ndims: *mut c_int,
    shape: *mut usize,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let dataset = unsafe { handle(dataset, "the data set") }?;
        // SAFETY: as the header says.
        let name = dataset.comm.agree(unsafe { text(variable, "the variable") })?;
        let lens = dataset.source(name)?.variable().shape();
        if lens.len() > HCL_MAX_DIMS {
            return Err(Error::usage("has too many dimensions").in_variable(name));
        }
        // SAFETY: as the header says.
        unsafe {
            put(ndims, lens.len() as c_int);
            slice_mut(shape, lens.len(), "shape")?.copy_from_slice(&lens);
        }
        Ok(())
    })
}

/// Reads this rank's box of a variable: `count[d]` indices from `start[d]` along each of its dimensions
/// (see hcl_dataset_shape), into an array of `type`; missing values become NaN, packed ones are
/// unpacked. Strides as in hcl_redistribute. Collective; boxes may be empty.
///
/// # Safety
/// The array has room for the box by its strides.
#[no_mangle]
pub unsafe extern "C" fn hcl_dataset_read(
    dataset: *const hcl_dataset,
    variable: *const c_char,
    start: *const usize,
    count: *const usize,
    r#type: c_int,
    data: *mut c_void,
    strides: *const isize,
) -> c_int {
    guard(|| {
        // SAFETY: as the header says.
        let dataset = unsafe { handle(dataset, "the data set") }?;
        // SAFETY: as the header says.
        let name = dataset.comm.agree(unsafe { text(variable, "the variable") })?;
        let source = dataset.source(name)?;
        let read = || {
            let whole = source.variable().shape();
            let n = whole.len() as c_int;
            // SAFETY: as the header says.
            let (start, count) = unsafe { (lengths(start, n, "start")?, lengths(count, n, "count")?) };
            let ranges: Vec<_> = start.iter().zip(&count).map(|(&s, &n)| s..s.saturating_add(n)).collect();
            if ranges.iter().zip(&whole).any(|(r, &n)| r.end > n) {
                return Err(
                    Error::usage(format!("the box {ranges:?} lies outside of {whole:?}")).in_variable(name)
                );
            }
            let block = IndexBox::new(ranges);
            // SAFETY: as the header says.
            match r#type {
                HCL_REAL64 => unsafe {
                    fill(data, strides, &count, |room: &mut [f64]| source.read_into(&block, room))
                },
                HCL_REAL32 if matches!(source.element(), halocline::io::source::Element::F32) => unsafe {
                    fill(data, strides, &count, |room: &mut [f32]| source.read_into(&block, room))
                },
                HCL_REAL32 => Err(Error::usage("has values that single precision does not hold")
                    .in_variable(name)
                    .remedy("read it into an array of double precision")),
                other => Err(Error::usage(format!("{other} is no type of values"))
                    .remedy("use HCL_REAL32 or HCL_REAL64")),
            }
        };
        let done = read();
        dataset.comm.agree(done)
    })
}

/// Closes a data set; NULL is let be.
///
/// # Safety
/// The handle is valid, and not used afterwards.
#[no_mangle]
pub unsafe extern "C" fn hcl_dataset_free(dataset: *mut hcl_dataset) {
    // SAFETY: as the header says.
    guard_free(unsafe { take(dataset) });
}

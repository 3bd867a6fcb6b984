//! The few calls of HDF5 that place finished bytes in a file which the NetCDF library has
//! defined and closed.
//!
//! The NetCDF library can write cells only, and compresses them itself, on one thread.
#![allow(unsafe_code)] // C calls of HDF5, all of them under the lock shared with `netcdf`

use super::layout::Layout;
use halocline_core::index::IndexBox;
use halocline_core::{Error, Result};
use hdf5_sys::h5::hsize_t;
use hdf5_sys::h5d::{H5Dclose, H5Dget_space, H5Dget_type, H5Dopen2, H5Dset_extent, H5Dwrite, H5Dwrite_chunk};
use hdf5_sys::h5e::{H5E_error2_t, H5Eset_auto2, H5Ewalk2, H5E_DEFAULT, H5E_WALK_UPWARD};
use hdf5_sys::h5f::{H5Fclose, H5Fopen, H5F_ACC_RDWR};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5l::H5Lexists;
use hdf5_sys::h5p::H5P_DEFAULT;
use hdf5_sys::h5s::{H5Sclose, H5Screate_simple, H5Sselect_hyperslab, H5S_ALL, H5S_SELECT_SET};
use hdf5_sys::h5t::H5Tclose;
use std::ffi::{c_char, c_uint, c_void, CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};

/// An open file with its datasets, in the order of the layouts.
#[derive(Debug)]
pub(super) struct Container {
    path: PathBuf,
    file: hid_t,
    datasets: Vec<Dataset>,
}

#[derive(Debug)]
struct Dataset {
    id: hid_t,
    /// The stored type; bytes are handed over in it, so that HDF5 converts nothing.
    dtype: hid_t,
}

impl Container {
    /// Opens the file at `path`, which holds the variables of `layouts`, and gives what grows
    /// its length: `unlimited` are names and lengths of unlimited dimensions.
    pub(super) fn open(path: &Path, layouts: &[Layout], unlimited: &[(&str, usize)]) -> Result<Self> {
        let name = c_string(path.as_os_str().as_bytes())?;
        let _lock = hdf5_sys::LOCK.lock();
        // SAFETY: under the lock, with a string that ends in NUL.
        let file = unsafe {
            H5Eset_auto2(H5E_DEFAULT, None, null_mut());
            H5Fopen(name.as_ptr(), H5F_ACC_RDWR, H5P_DEFAULT)
        };
        let mut container = Self { path: path.to_owned(), file: checked(file)?, datasets: Vec::new() };
        for layout in layouts {
            let name = container.stored_name(&layout.name)?;
            let dataset = container.dataset(&name).map_err(|e| e.in_variable(&layout.name))?;
            if layout.grows {
                extend(dataset.id, &layout.shape).map_err(|e| e.in_variable(&layout.name))?;
            }
            container.datasets.push(dataset);
        }
        // A dimension without a variable has a dataset of its own, which grows along.
        for (name, len) in unlimited.iter().filter(|(name, _)| layouts.iter().all(|l| l.name != *name)) {
            let scale = container.dataset(&c_string(name.as_bytes())?)?;
            let extended = extend(scale.id, &[*len]);
            close_dataset(&scale);
            extended?;
        }
        Ok(container)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
    /// A variable named like a dimension that is not its own has another name in the file.
    fn stored_name(&self, name: &str) -> Result<CString> {
        let renamed = c_string(format!("_nc4_non_coord_{name}").as_bytes())?;
        // SAFETY: under the lock of the caller, with an open file.
        let exists = unsafe { H5Lexists(self.file, renamed.as_ptr(), H5P_DEFAULT) };
        if exists > 0 {
            return Ok(renamed);
        }
        c_string(name.as_bytes())
    }
    fn dataset(&self, name: &CStr) -> Result<Dataset> {
        // SAFETY: under the lock of the caller, with an open file.
        let id = checked(unsafe { H5Dopen2(self.file, name.as_ptr(), H5P_DEFAULT) })?;
        // SAFETY: the dataset is open.
        let dtype = unsafe { H5Dget_type(id) };
        let dataset = Dataset { id, dtype };
        if dtype < 0 {
            close_dataset(&dataset);
            return Err(failure());
        }
        Ok(dataset)
    }

    /// Places a stored chunk of dataset `at`, whose first cell is `start`.
    pub(super) fn place_chunk(&self, at: usize, start: &[usize], bytes: &[u8]) -> Result<()> {
        let start = sizes(start);
        let _lock = hdf5_sys::LOCK.lock();
        // SAFETY: the dataset is open and has as many dimensions as `start` (both follow from the
        // schema), and `bytes` are read only.
        let status = unsafe {
            H5Dwrite_chunk(
                self.datasets[at].id,
                H5P_DEFAULT,
                0,
                start.as_ptr(),
                bytes.len(),
                bytes.as_ptr().cast(),
            )
        };
        checked(status.into()).map(drop)
    }
    /// Writes the cells of `block` of dataset `at`, given in its stored type.
    pub(super) fn write_cells(&self, at: usize, block: &IndexBox, bytes: &[u8]) -> Result<()> {
        let dataset = &self.datasets[at];
        let (start, count, cells) = (sizes(&block.start()), sizes(&block.shape()), [block.len() as hsize_t]);
        let _lock = hdf5_sys::LOCK.lock();
        let (mut memory, mut place) = (H5S_ALL, H5S_ALL);
        // SAFETY: the dataset is open; the lists have as many lengths as it has dimensions; `bytes`
        // hold `block.len()` elements of its type (`Layout::stored_bytes`).
        unsafe {
            let mut status = 0;
            if block.ndim() > 0 {
                memory = H5Screate_simple(1, cells.as_ptr(), null());
                place = H5Dget_space(dataset.id);
                status = H5Sselect_hyperslab(
                    place,
                    H5S_SELECT_SET,
                    start.as_ptr(),
                    null(),
                    count.as_ptr(),
                    null(),
                );
            }
            if status >= 0 {
                status =
                    H5Dwrite(dataset.id, dataset.dtype, memory, place, H5P_DEFAULT, bytes.as_ptr().cast());
            }
            let result = checked(status.into()).map(drop);
            for space in [memory, place] {
                if space != H5S_ALL {
                    H5Sclose(space);
                }
            }
            result
        }
    }
    /// Closes the file; what HDF5 still held goes to the system now.
    pub(super) fn close(mut self) -> Result<()> {
        self.close_all()
    }
    fn close_all(&mut self) -> Result<()> {
        if self.file < 0 {
            return Ok(());
        }
        let _lock = hdf5_sys::LOCK.lock();
        self.datasets.drain(..).for_each(|dataset| close_dataset(&dataset));
        // SAFETY: the file is open, and nothing in it is any more.
        let status = unsafe { H5Fclose(self.file) };
        self.file = -1;
        checked(status.into()).map(drop)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // Given up: the file goes anyway.
        let _ = self.close_all();
    }
}

fn close_dataset(dataset: &Dataset) {
    // SAFETY: both are open or refused by HDF5 as invalid; under the lock of the caller.
    unsafe {
        H5Tclose(dataset.dtype);
        H5Dclose(dataset.id);
    }
}

fn extend(dataset: hid_t, shape: &[usize]) -> Result<()> {
    let shape = sizes(shape);
    // SAFETY: the dataset is open, under the lock of the caller, and has these dimensions.
    let status = unsafe { H5Dset_extent(dataset, shape.as_ptr()) };
    checked(status.into()).map(drop)
}

fn sizes(numbers: &[usize]) -> Vec<hsize_t> {
    numbers.iter().map(|&n| n as hsize_t).collect()
}

fn c_string(bytes: &[u8]) -> Result<CString> {
    CString::new(bytes).map_err(|_| Error::internal("a name contains NUL"))
}

/// An identifier or status; negative ones are errors. Under the lock still.
fn checked(status: hid_t) -> Result<hid_t> {
    if status < 0 {
        return Err(failure());
    }
    Ok(status)
}

/// What HDF5 says of its last failure: the system's own words if there are any.
fn failure() -> Error {
    let mut texts: Vec<String> = Vec::new();
    // SAFETY: under the lock of the caller; `collect` gets the list, which outlives the call.
    unsafe { H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, Some(collect), (&raw mut texts).cast()) };
    let of_system = |text: &String| {
        let (_, after) = text.split_once("error message = '")?;
        Some(after.split('\'').next().unwrap_or(after).to_owned())
    };
    let reason = texts.iter().find_map(of_system).or_else(|| texts.first().cloned());
    Error::system(format!("can't be written: {}", reason.unwrap_or_else(|| "HDF5 gives no reason".into())))
}

unsafe extern "C" fn collect(_: c_uint, error: *const H5E_error2_t, texts: *mut c_void) -> i32 {
    // SAFETY: HDF5 hands out a valid entry, and `texts` is the list that `failure` gave it.
    let (error, texts) = unsafe { (&*error, &mut *texts.cast::<Vec<String>>()) };
    if !error.desc.is_null() {
        // SAFETY: a text of HDF5, which ends in NUL.
        let text = unsafe { CStr::from_ptr(error.desc.cast::<c_char>()) };
        texts.push(text.to_string_lossy().into_owned());
    }
    0
}

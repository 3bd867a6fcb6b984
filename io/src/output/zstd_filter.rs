//! HDF5's filter 32015, Zstandard: the NetCDF library defines a variable with it only where the
//! filter is there, and many HDF5 come without. So this process brings its own.
#![allow(unsafe_code)] // a callback of HDF5, and two calls that the `netcdf` crate does not offer

use halocline_core::{Error, Result};
use hdf5_sys::h5::{H5allocate_memory, H5free_memory};
use hdf5_sys::h5z::{H5Z_class2_t, H5Zfilter_avail, H5Zregister, H5Z_FLAG_REVERSE};
use std::ffi::{c_char, c_int, c_uint, c_void, CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Its number in HDF5's registry.
const ZSTD: c_int = 32_015;
/// Largest chunk that HDF5 stores.
const LARGEST: u64 = u32::MAX as u64;

extern "C" {
    fn nc_inq_path(ncid: c_int, length: *mut usize, path: *mut c_char) -> c_int;
    fn nc_inq_varid(ncid: c_int, name: *const c_char, varid: *mut c_int) -> c_int;
    fn nc_def_var_deflate(ncid: c_int, varid: c_int, shuffle: c_int, deflate: c_int, level: c_int) -> c_int;
    fn nc_def_var_filter(
        ncid: c_int,
        varid: c_int,
        id: c_uint,
        count: usize,
        parameters: *const c_uint,
    ) -> c_int;
}

/// Defines variable `name` of the file at `path`, which is open for definitions, as shuffled and
/// compressed by zstd.
pub(super) fn define(path: &Path, name: &str, level: i32) -> Result<()> {
    let _lock = hdf5_sys::LOCK.lock();
    register()?;
    let refused = |status: c_int| match status {
        0 => Ok(()),
        _ => Err(Error::system(format!("zstd is refused by the NetCDF library (error {status})"))
            .remedy("use deflate")
            .in_variable(name)),
    };
    let ncid = ncid_of(path).ok_or_else(|| Error::internal("the file is not open"))?;
    let name = CString::new(name).map_err(|_| Error::internal("a name contains NUL"))?;
    let mut varid = 0;
    // HDF5 takes unsigned parameters, in which negative levels keep their bits.
    let parameters = [level as c_uint];
    // SAFETY: under the lock, with an open file and a string that ends in NUL; what is passed by
    // address outlives the calls.
    unsafe {
        refused(nc_inq_varid(ncid, name.as_ptr(), &raw mut varid))?;
        refused(nc_def_var_deflate(ncid, varid, 1, 0, 0))?;
        refused(nc_def_var_filter(ncid, varid, ZSTD as c_uint, 1, parameters.as_ptr()))
    }
}

/// The library's number for the file that it has opened at `path`; the `netcdf` crate keeps it to
/// itself. Under the lock of the caller.
fn ncid_of(path: &Path) -> Option<c_int> {
    let wanted = path.as_os_str().as_bytes();
    // Files have numbers from 1 in the upper half of their handle, of which 15 bits are used.
    (1..1 << 15).map(|number| number << 16).find(|&ncid| {
        let mut length = 0usize;
        // SAFETY: handles of no file are refused; the second call writes `length` bytes and a NUL.
        unsafe {
            if nc_inq_path(ncid, &raw mut length, std::ptr::null_mut()) != 0 || length != wanted.len() {
                return false;
            }
            let mut found = vec![0u8; length + 1];
            nc_inq_path(ncid, &raw mut length, found.as_mut_ptr().cast()) == 0 && found[..length] == *wanted
        }
    })
}

/// Makes the filter known to HDF5, unless it is already. Under the lock.
pub(crate) fn register() -> Result<()> {
    const NAME: &CStr = c"zstd";
    let class = H5Z_class2_t {
        version: 1,
        id: ZSTD,
        encoder_present: 1,
        decoder_present: 1,
        name: NAME.as_ptr(),
        can_apply: None,
        set_local: None,
        filter: Some(filter),
    };
    let _lock = hdf5_sys::LOCK.lock();
    // SAFETY: under the lock; HDF5 copies the class, whose name is static.
    let known = unsafe { H5Zfilter_avail(ZSTD) > 0 || H5Zregister((&raw const class).cast()) >= 0 };
    if known {
        return Ok(());
    }
    Err(Error::system("zstd is refused by HDF5").remedy("use deflate"))
}

/// What `input` decompresses to, which is `size` bytes; `None` without the memory for it.
fn inflate(input: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut output = Vec::new();
    output.try_reserve_exact(size).ok()?;
    let read = zstd::bulk::Decompressor::new().ok()?.decompress_to_buffer(input, &mut output).ok()?;
    (read == size).then_some(output)
}

/// The filter: replaces the buffer by what comes out of it; 0 is failure.
unsafe extern "C" fn filter(
    flags: c_uint,
    count: usize,
    parameters: *const c_uint,
    bytes: usize,
    capacity: *mut usize,
    buffer: *mut *mut c_void,
) -> usize {
    // SAFETY: HDF5 hands over a buffer of `bytes` bytes and `count` parameters.
    let (input, level) = unsafe {
        (
            std::slice::from_raw_parts((*buffer).cast::<u8>(), bytes),
            if count > 0 { *parameters as i32 } else { 3 },
        )
    };
    let output = if flags & H5Z_FLAG_REVERSE == 0 {
        zstd::bulk::compress(input, level).ok()
    } else {
        // The size comes from the file: no more than a chunk may have.
        let size = zstd::zstd_safe::get_frame_content_size(input).ok().flatten();
        let size = size.filter(|&size| size <= LARGEST);
        size.and_then(|size| inflate(input, size as usize))
    };
    let Some(output) = output.filter(|output| !output.is_empty()) else { return 0 };
    // SAFETY: HDF5 frees buffers with its own allocator, from which the new one comes; it has room
    // for the whole output.
    unsafe {
        let new = H5allocate_memory(output.len(), 0);
        if new.is_null() {
            return 0;
        }
        std::ptr::copy_nonoverlapping(output.as_ptr(), new.cast::<u8>(), output.len());
        H5free_memory(*buffer);
        *buffer = new;
        *capacity = output.len();
    }
    output.len()
}

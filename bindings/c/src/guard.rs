//! The border: errors become codes and messages, panics too. `unsafe` for exported names alone.
#![allow(unsafe_code)]

use halocline::prelude::*;
use std::cell::RefCell;
use std::ffi::{c_char, c_int, CStr, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Done.
pub const HCL_OK: c_int = 0;
/// Wrong use: an argument, an option, an unknown variable.
pub const HCL_ERROR_USAGE: c_int = 2;
/// Data are absent, malformed or inconsistent.
pub const HCL_ERROR_DATA: c_int = 3;
/// A read or write of the system failed.
pub const HCL_ERROR_SYSTEM: c_int = 4;
/// There is not enough memory.
pub const HCL_ERROR_MEMORY: c_int = 5;
/// MPI is not as it must be.
pub const HCL_ERROR_COMMUNICATION: c_int = 6;
/// A bug of the library; end the program.
pub const HCL_ERROR_INTERNAL: c_int = 70;
/// Changes whenever a program has to be compiled anew: see docs/linking.md.
pub const HCL_ABI_VERSION: c_int = 1;

thread_local! {
    /// Of the last call on this thread.
    static MESSAGE: RefCell<CString> = RefCell::default();
}

fn remember(message: &str) {
    let text = CString::new(message.replace('\0', " ")).unwrap_or_default();
    MESSAGE.with(|m| *m.borrow_mut() = text);
}

/// Does `work`; gives its error as a code and keeps the message.
pub(crate) fn guard(work: impl FnOnce() -> Result<()>) -> c_int {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => {
            remember("");
            HCL_OK
        }
        Ok(Err(error)) => {
            remember(&error.to_string());
            c_int::from(error.exit_code())
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
            remember(&format!("a bug of halocline, please report it: {text}"));
            HCL_ERROR_INTERNAL
        }
    }
}

/// Gives up a handle; what a destructor does wrong stays here.
pub(crate) fn guard_free<T>(handle: Option<Box<T>>) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(handle)));
}

/// What the last call on this thread that returned a code other than 0 has to say, in one line. It
/// holds until the next call on this thread.
#[no_mangle]
pub extern "C" fn hcl_error_message() -> *const c_char {
    MESSAGE.with(|m| m.borrow().as_ptr())
}

/// The version of the library, as in "0.1.0".
#[no_mangle]
pub extern "C" fn hcl_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

/// The ABI of the library that is linked; compare it with HCL_ABI_VERSION of the header.
#[no_mangle]
pub extern "C" fn hcl_abi_version() -> c_int {
    HCL_ABI_VERSION
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> String {
        // SAFETY: a text of this library.
        unsafe { CStr::from_ptr(hcl_error_message()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn panics_and_errors_are_codes() {
        assert_eq!(guard(|| panic!("of a test")), HCL_ERROR_INTERNAL);
        assert!(message().ends_with("of a test"));
        assert_eq!(guard(|| Err(Error::data("odd").remedy("mend it"))), HCL_ERROR_DATA);
        assert_eq!(message(), "odd; mend it");
        assert_eq!(guard(|| Ok(())), HCL_OK);
        assert_eq!(message(), "");
    }
}

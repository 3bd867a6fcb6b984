//! Who reads the bytes.

use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Who reads metadata and values of a file. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Io {
    /// This program where it knows the layout and the filters, else the NetCDF library.
    #[default]
    Auto,
    /// This program alone; what it does not know is an error.
    Direct,
    /// The NetCDF library alone.
    Library,
}

impl FromStr for Io {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "direct" => Ok(Self::Direct),
            "library" => Ok(Self::Library),
            _ => Err(Error::usage(format!("`{text}` is no way to read"))
                .remedy("choose one of auto, direct, library")),
        }
    }
}

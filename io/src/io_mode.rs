//! Which way bytes are read.

use halocline_core::Error;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Which way files are read. All ways give the same bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Io {
    /// Directly; by the NetCDF library what direct reading does not know. Damaged files are
    /// refused, not tried again.
    #[default]
    Auto,
    /// Directly, or not at all.
    Direct,
    /// By the NetCDF library.
    Library,
}

impl FromStr for Io {
    type Err = Error;
    fn from_str(word: &str) -> Result<Self, Error> {
        match word.to_ascii_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "direct" => Ok(Self::Direct),
            "library" => Ok(Self::Library),
            _ => Err(Error::usage(format!("`{word}` is no way of reading"))
                .remedy("choose auto, direct or library")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!("Direct".parse::<Io>().unwrap(), Io::Direct);
        assert_eq!("library".parse::<Io>().unwrap(), Io::Library);
        assert_eq!("auto".parse::<Io>().unwrap(), Io::default());
        assert_eq!("fast".parse::<Io>().unwrap_err().exit_code(), 2);
    }
}

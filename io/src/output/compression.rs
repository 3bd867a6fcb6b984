//! How the chunks of a variable are compressed.

use halocline_core::{Error, Result};

/// How the chunks of a variable are compressed, behind a shuffle of their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// As they are.
    #[default]
    None,
    /// zlib at level 1 (fast) to 9 (small), which every reader of NetCDF-4 knows. Higher levels
    /// cost several times the time for some per cent of space.
    ///
    /// The bytes in the file are not those that zlib itself would make; the values are.
    Deflate(u8),
    /// Zstandard at level -7 (fast) to 22 (small); HDF5 filter 32015. Smaller and faster than
    /// deflate at the same effort, but readers need a plugin: see [`Self::note`].
    Zstd(i32),
}

impl Compression {
    /// What whoever asks for it should be told; `None` if every reader can read it.
    pub const fn note(self) -> Option<&'static str> {
        match self {
            Self::Zstd(_) => Some(
                "zstd can be read only where HDF5 finds the plugin of filter 32015 \
                 (HDF5_PLUGIN_PATH); deflate can be read everywhere",
            ),
            Self::None | Self::Deflate(_) => None,
        }
    }
    /// Refuses levels that there are not.
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Deflate(level) if !(1..=9).contains(&level) => {
                Err(Error::usage(format!("deflate has no level {level}"))
                    .remedy("choose one from 1 (fast) to 9 (small)"))
            }
            Self::Zstd(level) if !(-7..=22).contains(&level) => {
                Err(Error::usage(format!("zstd has no level {level}"))
                    .remedy("choose one from -7 (fast) to 22 (small)"))
            }
            _ => Ok(()),
        }
    }
}

impl std::str::FromStr for Compression {
    type Err = Error;

    /// `none`, `deflate`, `deflate:N`, `zstd` or `zstd:N`. Deflate is at level 1 unless told,
    /// zstd at 3.
    fn from_str(text: &str) -> Result<Self> {
        let bad = || {
            Error::usage(format!("`{text}` is not a compression"))
                .remedy("give none, deflate:N with N from 1 to 9, or zstd:N with N from -7 to 22")
        };
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => (name, Some(level)),
            None => (text, None),
        };
        let compression = match name {
            "none" if level.is_none() => Self::None,
            "deflate" => Self::Deflate(level.map_or(Ok(1), |l| l.parse().map_err(|_| bad()))?),
            "zstd" => Self::Zstd(level.map_or(Ok(3), |l| l.parse().map_err(|_| bad()))?),
            _ => return Err(bad()),
        };
        compression.check().map(|()| compression)
    }
}

impl std::fmt::Display for Compression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => write!(f, "none"),
            Self::Deflate(level) => write!(f, "deflate:{level}"),
            Self::Zstd(level) => write!(f, "zstd:{level}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_compressions() {
        for (text, expected) in [
            ("none", Compression::None),
            ("deflate", Compression::Deflate(1)),
            ("deflate:9", Compression::Deflate(9)),
            ("zstd:-5", Compression::Zstd(-5)),
        ] {
            let parsed: Compression = text.parse().unwrap();
            assert_eq!(parsed, expected);
            assert_eq!(parsed.to_string().parse::<Compression>().unwrap(), expected);
        }
        for text in ["", "none:1", "deflate:0", "deflate:10", "deflate:x", "zstd:23", "gzip", "deflate:"] {
            let error = text.parse::<Compression>().unwrap_err();
            assert_eq!(error.exit_code(), 2, "{text}: {error}");
            assert!(error.remedy.is_some());
        }
    }
}

//! How files are opened.

use crate::io_mode::Io;
use serde::{Deserialize, Serialize};

/// How [`open_with`](super::open_with) goes about it. Results depend on
/// [`Self::ensemble`] alone.
///
/// The default: whoever reads best, and no cache, as a library writes nothing that it was not
/// asked to. The command `halocline` switches the cache on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OpenOptions {
    /// Who reads.
    pub io: Io,
    /// Whether metadata are looked up, and kept, in the user's cache directory
    /// (`$HALOCLINE_CACHE_DIR`, else `$XDG_CACHE_HOME`, else `~/.cache`).
    pub cache: bool,
    /// Whether files are members of an ensemble: the same times and grid in each, side by side
    /// along a dimension of members, instead of one behind another in time.
    pub ensemble: bool,
}

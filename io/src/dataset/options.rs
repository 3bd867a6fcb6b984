//! How files are opened.

use crate::io_mode::Io;
use serde::{Deserialize, Serialize};

/// How [`open_with`](super::open_with) goes about it. Results don't depend on it.
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
}

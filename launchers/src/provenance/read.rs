//! The record of a file, read and checked: it is a text that anybody may have written.

use super::record::SCHEMA;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use halocline_io::inputs::RECORD;
use serde_json::Value;
use std::path::Path;

/// The record of an output. Not collective.
///
/// # Errors
/// Data, if the file can't be read, has no record, or one that is none.
pub(crate) fn read(path: &Path) -> Result<Value> {
    if !path.exists() {
        return Err(Error::data("no such file").in_file(path));
    }
    let dataset = halocline_io::open(&Comm::serial(), &[path.to_string_lossy().into_owned()])?;
    let Some(text) = dataset.attributes().text(RECORD) else {
        return Err(Error::data("has no record of how it was made")
            .in_file(path)
            .remedy(format!("only outputs of halocline have an attribute `{RECORD}`")));
    };
    let bad = |what: String| Error::data(format!("its record of how it was made {what}")).in_file(path);
    let record: Value = serde_json::from_str(text).map_err(|e| bad(format!("is damaged: {e}")))?;
    match record["schema"].as_u64() {
        Some(schema) if schema == SCHEMA => Ok(record),
        Some(schema) => Err(bad(format!("is of version {schema}, and this program knows {SCHEMA}"))
            .remedy("use the version of halocline that made it")),
        None => Err(bad("has no version".to_owned())),
    }
}

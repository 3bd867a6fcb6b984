//! The surface pressure beside variables on levels.

use super::operands::{find, source, Asked};
use super::pressure::SURFACE;
use crate::common::paths;
use crate::folding::{self, FoldJob};
use crate::pairs::check_surface;
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::source::{Selection, Source};

/// The surface pressure that is called so, or found by what it is; `none`: none is wanted.
///
/// # Collective
/// Every rank calls this.
pub(super) fn surface(
    job: &FoldJob<'_>,
    told: Option<&str>,
    datasets: &[Dataset],
    selection: &Selection,
    first: &Source,
) -> Result<Option<Source>> {
    let asked = Asked { wanted: SURFACE, name: told, is_optional: true };
    if told == Some("none") {
        return Ok(None);
    }
    let Some((k, name)) = find(datasets, &asked)? else { return Ok(None) };
    let blame = |e| folding::blame(e, paths(&datasets[k]).first(), &name);
    // It has none of the levels that are chosen.
    let selection = Selection { level: None, levels: None, ..selection.clone() };
    let source = source(job, &datasets[k], &name, &selection).map_err(blame)?;
    check_surface(first, &source, ", or leave it out with --ps none").map_err(blame)?;
    Ok(Some(source))
}

//! Refuses steps that read EOFs which another step makes otherwise than they can be read.

use super::commands::Args;
use super::steps::Pipeline;
use halocline_core::{Error, Result};

/// Looks at the steps whose EOFs others project on, or add up.
///
/// # Errors
/// Usage, if a step makes no plain EOFs.
pub(super) fn check(pipeline: &Pipeline) -> Result<()> {
    for step in &pipeline.steps {
        let file = match &step.args {
            Args::Project(args) => args.eof_file(),
            Args::Reconstruct(args) => Some(args.eof_file()),
            _ => None,
        };
        let Some(file) = file else { continue };
        let makes = |index: &&usize| {
            let made = &pipeline.steps[**index].made;
            made.iter().any(|made| made.path.to_str() == Some(file))
        };
        let Some(maker) = step.needs.iter().find(makes).map(|&index| &pipeline.steps[index]) else {
            continue;
        };
        let checked = match &maker.args {
            Args::Eof(args) => args.check_plain(),
            _ => Err(Error::usage("it makes no EOFs").remedy("name a step that does `eof`")),
        };
        checked.map_err(|mut e| {
            e.message = format!("reads from {} (line {}): {}", maker.label, maker.line, e.message);
            pipeline.blame(step, e)
        })?;
    }
    Ok(())
}

//! Life under a batch scheduler: scripts that are written and handed in (`halocline submit`), and
//! how their jobs are (`halocline status`).
//!
//! A job script is a template (`templates/`, or the site's own) filled from the options, the site
//! file and a command line of halocline. All of it is checked first: what waits in a queue for an
//! hour must not fail on a typo.

mod array;
mod command;
mod request;
mod scheduler;
mod script;
mod site;
mod status;
mod submit;

pub(crate) use status::{run as status, StatusArgs};
pub(crate) use submit::{run as submit, SubmitArgs};

/// Where scripts, outputs and status files of jobs are, unless the site or the user says.
const JOBS: &str = "halocline-jobs";

/// Whether a word can stand in a directive of a scheduler without quotes, on any of them.
fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./+:@=,".contains(c))
}

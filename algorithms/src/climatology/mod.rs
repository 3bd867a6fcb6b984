//! Climatologies: statistics of what comes back every year or day, and departures from them.
//!
//! A climatology is the [`Reduction`](crate::statistics::Reduction) of statistics over groups of
//! times which recur ([`Cycle`]), pooled over a window of neighbouring days where asked for; an
//! anomaly is a map over the times of a field ([`Departures`]).

mod axis;
mod departures;
mod window;

pub use axis::{axis, Axis};
pub use departures::{Departures, Reference};
pub use window::window;

use crate::statistics::Groups;
use halocline_core::calendar::{Calendar, Cycle, DateTime};
use halocline_core::Result;

/// The parts of a cycle that times belong to, as groups; leap days that are dropped belong to
/// none.
///
/// # Errors
/// As [`Groups::cycle`].
pub fn groups(cycle: Cycle, calendar: Calendar, times: &[DateTime]) -> Result<Groups> {
    let part = |at: &DateTime| cycle.part(calendar, at).map_or(Groups::NONE, |part| part as u32);
    Groups::cycle(times.iter().map(part).collect(), cycle.len(calendar) as u32)
}

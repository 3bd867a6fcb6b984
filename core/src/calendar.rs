//! Calendars of the CF conventions.

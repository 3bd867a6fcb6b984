//! Data sets in and out.

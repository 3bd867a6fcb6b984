//! Groups of ranks.

//! What currents and winds carry. No files, no ranks: sums over rows of a map, folds over time,
//! and small sections of latitude and level that are made of them.

pub mod atmosphere;

//! Analyses as folds and maps of local arrays.

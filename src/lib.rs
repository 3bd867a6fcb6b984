//! Halocline: analyses of gridded geoscience data with the same bits on any number of ranks.

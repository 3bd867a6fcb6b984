//! What the user chose of a file, and whether the picture took any notice.

use super::command::PlotArgs;
use super::wheeler_kiladis::{parse_depths, DEPTHS};
use halocline_core::{Error, Result};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Options that choose what of a file is drawn: those that change nothing are refused, as a picture of
/// something else than was asked for would be taken for it.
pub(super) struct Choices<'a> {
    args: &'a PlotArgs,
    /// What was asked for here: options, and dimensions that `--select` names.
    seen: RefCell<BTreeSet<String>>,
}

impl<'a> Choices<'a> {
    pub(super) fn new(args: &'a PlotArgs) -> Self {
        Self { args, seen: RefCell::default() }
    }
    fn look(&self, option: &str) {
        self.seen.borrow_mut().insert(option.to_owned());
    }
    /// The mode, from 1.
    pub(super) fn mode(&self) -> usize {
        self.look("--mode");
        self.args.mode
    }
    /// The time step, from 1.
    pub(super) fn step(&self) -> usize {
        self.look("--step");
        self.args.step
    }
    /// Longitude and latitude.
    pub(super) fn at(&self) -> Option<[f64; 2]> {
        self.look("--at");
        self.args.at
    }
    pub(super) fn frequency(&self) -> Option<f64> {
        self.look("--frequency");
        self.args.frequency
    }
    pub(super) fn depths(&self) -> &'a [f64] {
        self.look("--depths");
        &self.args.depths.0
    }
    /// Whether axes that would be logarithmic are to be linear.
    pub(super) fn linear(&self) -> bool {
        self.look("--linear");
        self.args.linear
    }
    /// The value along a dimension.
    pub(super) fn select(&self, dim: &str) -> Option<f64> {
        self.look(&format!("--select {dim}"));
        self.args.select.iter().find(|(name, _)| name == dim).map(|(_, value)| *value)
    }

    /// Refuses what nothing has asked for.
    pub(super) fn check(&self) -> Result<()> {
        let args = self.args;
        let mut given: Vec<String> = args.select.iter().map(|(dim, _)| format!("--select {dim}")).collect();
        let options = [
            ("--mode", args.mode != 1),
            ("--step", args.step != 1),
            ("--at", args.at.is_some()),
            ("--frequency", args.frequency.is_some()),
            ("--depths", parse_depths(DEPTHS).as_ref() != Ok(&args.depths)),
            ("--linear", args.linear),
        ];
        given.extend(options.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name.to_owned()));
        let seen = self.seen.borrow();
        match given.into_iter().find(|option| !seen.contains(option)) {
            None => Ok(()),
            Some(option) => Err(Error::usage(format!("{option} changes nothing in this picture"))
                .remedy("leave it out, or choose with --var what it is about")),
        }
    }
}

//! The options of `halocline project` as checked values.

use super::ProjectArgs;
use crate::common::check_once;
use crate::eof::of_with;
use halocline_core::{Error, Result};

/// What is taken off the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Departure {
    Stored,
    Own,
    None,
}

impl Departure {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Own => "own",
            Self::None => "none",
        }
    }
}

/// What is done about missing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum MissingChoice {
    Refuse,
    Skip,
}

/// What patterns of other files are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum PatternIs {
    Weighted,
    Unweighted,
}

/// How patterns of other files are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum PatternScaling {
    Raw,
    Unit,
}

impl ProjectArgs {
    /// What can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        check_once(&self.var)?;
        self.names()?;
        let Some((file, name)) = self.foreign() else {
            let set = [
                ("--weights", self.weights.is_some()),
                ("--pattern-is", self.pattern_is.is_some()),
                ("--scaling", self.scaling.is_some()),
            ];
            return match set.into_iter().find(|(_, is_set)| *is_set) {
                None => self.check_own(),
                Some((option, _)) => Err(Error::usage(format!(
                    "{option} is for patterns of other files; a file of `halocline eof` says it itself"
                ))
                .remedy("leave it out, or write --patterns FILE:VAR")),
            };
        };
        if self.names()?.len() > 1 {
            return Err(Error::usage(format!("the patterns {file}:{name} are of one variable"))
                .remedy("name one with --var"));
        }
        if self.anomaly == Some(Departure::Stored) {
            return Err(Error::usage("--anomaly stored is for files of `halocline eof`")
                .remedy("use --anomaly own or none"));
        }
        self.check_own()
    }

    fn check_own(&self) -> Result<()> {
        if self.missing == MissingChoice::Skip && self.anomaly == Some(Departure::Own) {
            return Err(Error::usage("--anomaly own is of series without gaps, and --missing skip is for those with some")
                .remedy("make the anomalies first (halocline climatology --anomaly) and take these with --anomaly none"));
        }
        Ok(())
    }

    /// The file of `halocline eof` that is projected on, if it is one.
    pub(crate) fn eof_file(&self) -> Option<&str> {
        self.foreign().is_none().then_some(self.patterns.as_str())
    }

    /// What the variables are called: by their names, with a number if there are two of one.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let mut plain: Vec<&str> = self.var.iter().map(String::as_str).collect();
        for text in &self.with {
            plain.push(of_with(text)?.1);
        }
        let label = |(i, name): (usize, &&str)| match plain[..i].iter().filter(|n| *n == name).count() {
            0 => (*name).to_owned(),
            before => format!("{name}_{}", before + 1),
        };
        Ok(plain.iter().enumerate().map(label).collect())
    }

    /// File and variable of `--patterns`, if it is of another program.
    pub(super) fn foreign(&self) -> Option<(&str, &str)> {
        let is_name =
            |(file, name): &(&str, &str)| !file.is_empty() && !name.is_empty() && !name.contains('/');
        self.patterns.rsplit_once(':').filter(is_name)
    }
}

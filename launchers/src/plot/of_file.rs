//! The figure that `plot` would draw, for those who put it elsewhere.

use super::choices::Choices;
use super::command::Picture;
use super::{Figure, Panel, PlotArgs};
use clap::{Args, FromArgMatches};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;

/// What `halocline plot` would draw with these of its options; the file is that of `dataset`.
///
/// # Errors
/// Those of the command.
pub(crate) fn figure_of(dataset: &Dataset, options: &[String]) -> Result<Figure> {
    // As if it were typed: so defaults are those of the command.
    let mut words = vec!["--output=page.png".to_owned()];
    words.extend(options.iter().cloned());
    let path = dataset.files().first().map_or_else(String::new, |file| file.path.clone());
    words.extend(["--".to_owned(), path]);
    let command = PlotArgs::augment_args(clap::Command::new("plot").no_binary_name(true));
    let args = command
        .try_get_matches_from(words)
        .and_then(|found| PlotArgs::from_arg_matches(&found))
        .map_err(|e| Error::internal(format!("can't ask for a picture: {e}")))?;
    // Options are for many files: what one does not take notice of is for another.
    let choices = Choices::new(&args);
    Picture { dataset, args: &args, choices: &choices, part: None }.figure()
}

impl Figure {
    /// What is to be seen, in words, for those who can't see it.
    pub(crate) fn in_words(&self) -> String {
        let mut parts: Vec<String> =
            [&self.title, &self.subtitle].into_iter().filter(|t| !t.is_empty()).cloned().collect();
        parts.extend(self.panels.iter().map(Panel::in_words));
        parts.join(". ")
    }
}

impl Panel {
    /// Its headline; empty for none.
    pub(crate) fn title(&self) -> &str {
        match self {
            Self::Map(p) => &p.title,
            Self::Series(p) => &p.title,
            Self::Scree(p) => &p.title,
            Self::Curves(p) => &p.title,
            Self::Plane(p) => &p.title,
            Self::Image(p) => &p.title,
            Self::Scalogram(p) => &p.title,
        }
    }

    fn in_words(&self) -> String {
        let (kind, units) = match self {
            Self::Map(p) => ("Map", p.units.as_str()),
            Self::Series(p) => ("Series", p.ylabel.as_str()),
            Self::Scree(_) => ("Variance of each mode", "%"),
            Self::Curves(p) => ("Curves", p.ylabel.as_str()),
            Self::Plane(p) => ("Coloured plane", p.units.as_str()),
            Self::Image(p) => ("Image", p.units.as_str()),
            Self::Scalogram(p) => ("Scalogram", p.units.as_str()),
        };
        let title = if self.title().is_empty() { String::new() } else { format!(": {}", self.title()) };
        let units = if units.is_empty() { String::new() } else { format!(" ({units})") };
        format!("{kind}{title}{units}")
    }
}

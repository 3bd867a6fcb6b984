//! The options of `halocline histogram` as checked values.

use super::HistogramArgs;
use crate::common::check_once;
use halocline_algorithms::statistics::Bins;
use halocline_core::meta::{Dim, Role};
use halocline_core::{Error, Result};

/// Bins as they are written: `A:B:N`, or edges.
pub(super) fn parse_bins(text: &str) -> std::result::Result<Bins, String> {
    text.parse().map_err(|e: Error| e.to_string())
}

/// Files and variable of `--with`.
pub(super) fn parse_with(text: &str) -> Result<(String, String)> {
    match text.rsplit_once(':') {
        Some((files, name)) if !files.is_empty() && !name.is_empty() => {
            Ok((files.to_owned(), name.to_owned()))
        }
        _ => Err(Error::usage(format!("--with `{text}` names no variable of files"))
            .remedy("write --with FILES:VAR, as in --with ta.nc:ta")),
    }
}

impl HistogramArgs {
    /// What can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<()> {
        let variables = self.var.len() + usize::from(self.with.is_some());
        if variables > 2 {
            return Err(Error::usage(format!(
                "{variables} variables are named, a joint histogram is of two"
            )));
        }
        check_once(&self.var)?;
        if self.bins.len() != variables {
            return Err(Error::usage(format!(
                "--bins is given {} times for {variables} variable{}",
                self.bins.len(),
                if variables == 1 { "" } else { "s" }
            ))
            .remedy("give --bins once for each"));
        }
        Ok(())
    }

    /// The roles of the dimensions that are counted over.
    pub(super) fn roles(&self, dims: &[Dim]) -> Result<Vec<Role>> {
        if self.over.iter().any(|word| word == "all") {
            if self.over.len() > 1 {
                return Err(Error::usage("--over all leaves no dimension to name"));
            }
            return Ok(dims.iter().map(|d| d.role).collect());
        }
        let mut roles = Vec::new();
        for word in &self.over {
            let named = dims.iter().find(|d| d.name == *word).map(|d| d.role);
            let role = named.or_else(|| Role::from_user(word)).filter(|r| dims.iter().any(|d| d.role == *r));
            let Some(role) = role else {
                let all: Vec<&str> = dims.iter().map(|d| d.name.as_str()).collect();
                return Err(Error::usage(format!("--over `{word}` is no dimension of the variable"))
                    .remedy(format!("choose among {}, or all", all.join(", "))));
            };
            if roles.contains(&role) {
                return Err(Error::usage(format!("--over names `{word}` twice")));
            }
            let alike: Vec<&str> = dims.iter().filter(|d| d.role == role).map(|d| d.name.as_str()).collect();
            if alike.len() > 1 && !alike.iter().all(|name| self.over.iter().any(|o| o == name)) {
                return Err(Error::usage(format!(
                    "the dimensions {} can only be counted over together",
                    alike.join(" and ")
                )));
            }
            roles.push(role);
        }
        Ok(roles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_as_they_are_written() {
        assert_eq!(parse_bins("-2:35:100").expect("uniform").len(), 100);
        assert_eq!(parse_bins("0, 1,10").expect("edges"), Bins::Edges(vec![0.0, 1.0, 10.0]));
        for text in
            ["", "5", "a:b:c", "0:1", "0:1:0", "1:0:5", "0:1:-3", "0,nan", "3,2,1", "0:nan:4", "0:1:2:3"]
        {
            assert!(parse_bins(text).is_err(), "{text}");
        }
        // Too many for memory is said by the plan.
        assert!(parse_bins("0:1:1000000000").is_ok());
    }
}

//! Which variable of which file is a mask, and where it is true.

use halocline_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A mask: where it is not true, cells are missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaskFile {
    /// The file.
    pub path: String,
    /// The variable: `[Y, X]` or `[Level, Y, X]` on the cells of the data.
    pub variable: String,
    /// Where it is true. Never where it is missing.
    pub rule: MaskRule,
}

/// Which values of a mask mean that a cell is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MaskRule {
    /// All but zero.
    NonZero,
    /// These, such as the codes of basins.
    Equal(Vec<f64>),
    /// All but these.
    NotEqual(Vec<f64>),
}

impl MaskRule {
    /// Whether a value is wanted; `single` if it was stored in single precision, where 0.1 is
    /// what is next to it.
    pub(super) fn takes(&self, value: f64, single: bool) -> bool {
        let is = |wanted: &f64| value == *wanted || (single && value == f64::from(*wanted as f32));
        !value.is_nan()
            && match self {
                Self::NonZero => value != 0.0,
                Self::Equal(values) => values.iter().any(is),
                Self::NotEqual(values) => !values.iter().any(is),
            }
    }
}

impl FromStr for MaskFile {
    type Err = Error;

    /// `FILE:VAR`, `FILE:VAR=1,2` or `FILE:VAR!=0`. What follows the last colon is the variable.
    ///
    /// # Errors
    /// Usage, if it is none of these.
    fn from_str(text: &str) -> Result<Self> {
        let bad = |why: &str| {
            Err(Error::usage(format!("the mask `{text}` {why}"))
                .remedy("write FILE:VAR, FILE:VAR=1,2 or FILE:VAR!=0"))
        };
        let Some((path, rest)) = text.rsplit_once(':') else { return bad("names no variable") };
        let (variable, rule) = match rest.split_once('=') {
            None => (rest, None),
            Some((name, values)) => match name.strip_suffix('!') {
                Some(name) => (name, Some((true, values))),
                None => (name, Some((false, values))),
            },
        };
        if path.is_empty() || variable.trim().is_empty() {
            return bad("names no file or no variable");
        }
        let rule = match rule {
            None => MaskRule::NonZero,
            Some((not, values)) => {
                let numbers: Vec<f64> = values.split(',').filter_map(|v| v.trim().parse().ok()).collect();
                if numbers.len() != values.split(',').count() || numbers.iter().any(|v| v.is_nan()) {
                    return bad("has values that are no numbers");
                }
                if not {
                    MaskRule::NotEqual(numbers)
                } else {
                    MaskRule::Equal(numbers)
                }
            }
        };
        Ok(Self { path: path.to_owned(), variable: variable.trim().to_owned(), rule })
    }
}

impl fmt::Display for MaskFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.variable)?;
        let (sign, values) = match &self.rule {
            MaskRule::NonZero => return Ok(()),
            MaskRule::Equal(values) => ("=", values),
            MaskRule::NotEqual(values) => ("!=", values),
        };
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        write!(f, "{sign}{}", values.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_write() {
        let parse = |text: &str| text.parse::<MaskFile>().unwrap();
        let plain = parse("a/b:c.nc:mask");
        assert_eq!(
            (plain.path.as_str(), plain.variable.as_str(), &plain.rule),
            ("a/b:c.nc", "mask", &MaskRule::NonZero)
        );
        assert_eq!(parse("m.nc:basin=1, 2").rule, MaskRule::Equal(vec![1.0, 2.0]));
        assert_eq!(parse("m.nc:basin!=0").rule, MaskRule::NotEqual(vec![0.0]));
        for text in ["a/b:c.nc:mask", "m.nc:basin=1,2", "m.nc:sftlf!=0.5"] {
            assert_eq!(parse(text).to_string(), text);
        }
        for bad in
            ["m.nc", ":v", "m.nc:", "m.nc:=1", "m.nc:v=", "m.nc:v=one", "m.nc:v=1,,2", "m.nc:v!=nan", ""]
        {
            assert_eq!(bad.parse::<MaskFile>().unwrap_err().exit_code(), 2, "{bad}");
        }
    }

    #[test]
    fn missing_is_never_wanted() {
        let nan = f64::NAN;
        assert!(!MaskRule::NonZero.takes(nan, false) && !MaskRule::NotEqual(vec![0.0]).takes(nan, false));
        assert!(MaskRule::NonZero.takes(-1.0, false) && !MaskRule::NonZero.takes(-0.0, false));
        assert!(MaskRule::Equal(vec![0.1]).takes(f64::from(0.1f32), true));
        assert!(!MaskRule::Equal(vec![0.1]).takes(f64::from(0.1f32), false));
    }
}

//! Names of dimensions, variables and attributes.
//!
//! The NetCDF library checks names when it writes, not when it reads: a damaged name would be
//! found only at the end of a run, and blamed on the output.

use halocline_core::{Error, Result};

/// Checks a name by the library's rules for new ones.
///
/// # Errors
/// Data, if no writer can have written it.
pub(crate) fn check(name: &str) -> Result<()> {
    let control = |c: char| c < ' ' || c == '\u{7f}';
    let first = |c: char| c == '_' || c.is_ascii_alphanumeric() || !c.is_ascii();
    if name.is_empty() {
        return Err(damaged("a name is empty"));
    }
    // Shown escaped: a control character would act on the terminal.
    let shown = name.escape_debug();
    if name.contains('/') {
        return Err(damaged(&format!("a name holds `/`: `{shown}`")));
    }
    if name.contains(control) {
        return Err(damaged(&format!("a name holds a control character: `{shown}`")));
    }
    if !name.starts_with(first) {
        return Err(damaged(&format!("a name begins with what NetCDF does not allow: `{shown}`")));
    }
    if name.ends_with(' ') {
        return Err(damaged(&format!("a name ends in a space: `{shown}`")));
    }
    Ok(())
}

/// Checks the bytes of a name.
///
/// # Errors
/// Data, if no writer can have written it.
pub(crate) fn check_bytes(name: &[u8]) -> Result<()> {
    // Some old writers counted the padding in.
    let end = name.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    let name = &name[..end];
    let wrong = |_| damaged(&format!("a name holds what is not UTF-8: `{}`", name.escape_ascii()));
    check(std::str::from_utf8(name).map_err(wrong)?)
}

fn damaged(what: &str) -> Error {
    Error::data(format!("the file is damaged: {what}")).remedy("copy or download it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_no_part_of_a_name() {
        assert!(check_bytes(b"pp\0\0\0\0").is_ok());
        assert!(check_bytes(b"p\0p").is_err());
        assert!(check_bytes(b"\0\0").is_err());
    }

    #[test]
    fn names_that_can_be_written_and_others() {
        for good in ["t", "_FillValue", "2m_temperature", "sea level (m)", "höhe", "a.b-c+d@e", "温度"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for (bad, words) in [
            ("", "is empty"),
            ("a/b", "holds `/`: `a/b`"),
            ("tim\u{7f}", "control character: `tim\\u{7f}`"),
            ("la\u{19}", "control character"),
            ("\0at", "control character: `\\0at`"),
            ("|on", "begins with"),
            (" lat", "begins with"),
            ("lat ", "ends in a space"),
        ] {
            let e = check(bad).unwrap_err();
            assert!(e.exit_code() == 3 && e.message.starts_with("the file is damaged: a name "), "{e}");
            assert!(e.message.contains(words) && !e.message.contains('\u{7f}') && e.remedy.is_some(), "{e}");
        }
        assert!(check_bytes(b"lat").is_ok());
        assert!(check_bytes(b"l\xf6n").unwrap_err().message.contains("not UTF-8: `l\\xf6n`"));
    }
}

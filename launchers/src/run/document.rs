//! The text of a pipeline: what is written in it, and on which line.

use halocline_core::{Error, Result};
use std::io::Read as _;
use std::path::Path;
use toml::de::{DeTable, DeValue};
use toml::Spanned;

/// Bytes of a pipeline, at most: more is some other file.
const LONGEST: u64 = 1 << 20;

/// A value as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Flag(bool),
    /// A number or a date, by its letters.
    Number(String),
    Text(String),
    List(Vec<Item>),
}

/// A key, its value, its line.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: Item,
}

/// A table of the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Section {
    pub(super) line: usize,
    /// In the order of the file.
    pub(super) entries: Vec<Entry>,
}

/// All that a pipeline says.
#[derive(Debug)]
pub(super) struct Document {
    /// The file, as the user named it.
    pub(super) file: String,
    pub(super) options: Section,
    pub(super) sources: Vec<(String, Section)>,
    pub(super) steps: Vec<Section>,
}

impl Item {
    /// What kind of value it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Flag(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
        }
    }
    /// The value, if it is one and neither true nor false.
    pub(super) fn scalar(&self) -> Option<&str> {
        match self {
            Self::Number(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Section {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Document {
    /// Parses a pipeline; `file` is what errors call it.
    ///
    /// # Errors
    /// Usage, with the line, if it is not TOML or has no place in a pipeline.
    pub(super) fn parse(file: &Path, text: &str) -> Result<Self> {
        let file = file.display().to_string();
        let lines = Lines::of(text);
        let at = |offset: usize| format!("{file}:{}", lines.line(offset));
        let root = DeTable::parse(text).map_err(|e| {
            let place = at(e.span().map_or(0, |span| span.start));
            Error::usage(format!("is no TOML: {}", e.message())).in_file(place)
        })?;
        let mut document =
            Self { file: file.clone(), options: Section::default(), sources: Vec::new(), steps: Vec::new() };
        for (key, value) in in_order(root.get_ref()) {
            let refused = |what: &str, remedy: &str| {
                Err(Error::usage(what).in_file(at(key.span().start)).remedy(remedy))
            };
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("source", DeValue::Table(sources)) => {
                    for (name, value) in in_order(sources) {
                        let DeValue::Table(table) = value.get_ref() else {
                            return Err(Error::usage(format!("source.{} is no table", name.get_ref()))
                                .in_file(at(name.span().start))
                                .remedy("write a section of its own, as in [source.sst]"));
                        };
                        let section = section(&file, &lines, name.span().start, table)?;
                        document.sources.push((name.get_ref().to_string(), section));
                    }
                }
                ("step", DeValue::Array(steps)) => {
                    for step in steps {
                        let DeValue::Table(table) = step.get_ref() else {
                            return refused("a step is no table", "write [[step]] above each");
                        };
                        document.steps.push(section(&file, &lines, step.span().start, table)?);
                    }
                }
                ("step", DeValue::Table(_)) => {
                    return refused("[step] is one table", "write [[step]] above each step")
                }
                ("source" | "step", _) => {
                    return refused(
                        "sources and steps are tables",
                        "write [source.NAME] above each source, [[step]] above each step",
                    )
                }
                (_, DeValue::Table(_) | DeValue::Array(_)) => {
                    return refused(
                        &format!("there is no section `{}` in a pipeline", key.get_ref()),
                        "there are [source.NAME] and [[step]]",
                    )
                }
                _ => {
                    let entry = entry(&file, &lines, key, value)?;
                    document.options.entries.push(entry);
                }
            }
        }
        Ok(document)
    }

    /// Reads the file, on the rank that does.
    ///
    /// # Errors
    /// Data or system, if that fails.
    pub(super) fn read(file: &Path) -> Result<String> {
        let failed = |e: &std::io::Error| {
            let kind = if e.kind() == std::io::ErrorKind::NotFound { Error::data } else { Error::system };
            kind(format!("can't read the pipeline: {e}")).in_file(file)
        };
        let no_pipeline =
            |what: String| Error::usage(what).in_file(file).remedy("name a TOML file with sources and steps");
        let about = std::fs::metadata(file).map_err(|e| failed(&e))?;
        if !about.is_file() {
            return Err(no_pipeline("is no regular file".to_owned()));
        }
        let (mut bytes, most) = (Vec::new(), LONGEST + 1);
        let read = std::fs::File::open(file).and_then(|opened| opened.take(most).read_to_end(&mut bytes));
        read.map_err(|e| failed(&e))?;
        if bytes.len() as u64 > LONGEST {
            return Err(no_pipeline(format!("{} bytes are too many for a pipeline", about.len())));
        }
        String::from_utf8(bytes).map_err(|_| no_pipeline("is no text".to_owned()))
    }

    /// What errors call a line.
    pub(super) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.file)
    }

    /// What is wrong on a line.
    pub(super) fn refuse(&self, line: usize, what: impl Into<String>) -> Error {
        Error::usage(what).in_file(self.at(line))
    }
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }
    /// The line of a byte, from 1.
    fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset) + 1
    }
}

type Key<'a> = Spanned<std::borrow::Cow<'a, str>>;

/// The entries of a table as they stand in the file; the parser sorts them by name.
fn in_order<'t, 'a>(table: &'t DeTable<'a>) -> Vec<(&'t Key<'a>, &'t Spanned<DeValue<'a>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn section(file: &str, lines: &Lines, start: usize, table: &DeTable<'_>) -> Result<Section> {
    let entries = in_order(table)
        .into_iter()
        .map(|(key, value)| entry(file, lines, key, value))
        .collect::<Result<_>>()?;
    Ok(Section { line: lines.line(start), entries })
}

fn entry(file: &str, lines: &Lines, key: &Key<'_>, value: &Spanned<DeValue<'_>>) -> Result<Entry> {
    let line = lines.line(key.span().start);
    let name = key.get_ref().to_string();
    let value = item(value.get_ref()).map_err(|what| {
        Error::usage(format!("`{name}` {what}"))
            .in_file(format!("{file}:{line}"))
            .remedy("write a text, a number, true or false, or a list of them")
    })?;
    Ok(Entry { key: name, line, value })
}

fn item(value: &DeValue<'_>) -> std::result::Result<Item, String> {
    Ok(match value {
        DeValue::Boolean(flag) => Item::Flag(*flag),
        DeValue::String(text) if text.contains('\0') => return Err("holds a NUL".into()),
        DeValue::String(text) => Item::Text(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Item::Number(plain(number.as_str())),
        DeValue::Integer(_) => return Err("is no decimal number".into()),
        DeValue::Float(number) => Item::Number(plain(number.as_str())),
        DeValue::Datetime(date) => Item::Number(date.to_string()),
        DeValue::Array(list) => {
            Item::List(list.iter().map(|one| item(one.get_ref())).collect::<std::result::Result<_, _>>()?)
        }
        DeValue::Table(_) => return Err("is a table".into()),
    })
}

/// A number without what only TOML allows in it.
fn plain(number: &str) -> String {
    number.trim_start_matches('+').replace('_', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Document> {
        Document::parse(Path::new("p.toml"), text)
    }

    #[test]
    fn everything_has_its_line() {
        let text = "memory = \"1GB\"\n\n[source.sst]\nfiles = [\n  \"a.nc\",\n]\nvar = 'sst'\n\n[[step]]\ndo = \"stats\"\nop = [\"mean\", \"std\"]\nddof = 1\nbox = [-1.5, 1_0, +2, 3e1]\ndensity = true\n[[step]]\r\ndo = \"eof\"\n";
        let document = parse(text).expect("a pipeline");
        assert_eq!(document.options.entries[0].line, 1);
        let (name, source) = &document.sources[0];
        assert_eq!((name.as_str(), source.line), ("sst", 3));
        let lines: Vec<(&str, usize)> = source.entries.iter().map(|e| (e.key.as_str(), e.line)).collect();
        assert_eq!(lines, [("files", 4), ("var", 7)]);
        assert_eq!(document.steps.iter().map(|s| s.line).collect::<Vec<_>>(), [9, 15]);
        let step = &document.steps[0];
        let value = |key: &str| step.get(key).map(|e| e.value.clone());
        assert_eq!(value("density"), Some(Item::Flag(true)));
        let numbers = ["-1.5", "10", "2", "3e1"].map(|n| Item::Number(n.into()));
        assert_eq!(value("box"), Some(Item::List(numbers.to_vec())));
        assert_eq!(step.get("ddof").map(|e| e.line), Some(12));
    }

    #[test]
    fn what_is_no_pipeline_is_refused_with_its_line() {
        for (text, line, what) in [
            ("a = 1\nb = \n", 2, "TOML"),
            ("[source.a]\nfiles = 'x'\nfiles = 'y'\n", 3, "TOML"),
            ("\n[step]\ndo = 'stats'\n", 2, "one table"),
            ("step = 3\n", 1, "are tables"),
            ("[source]\nsst = 'a.nc'\n", 2, "no table"),
            ("[output]\nfile = 'a.nc'\n", 1, "no section `output`"),
            ("[[step]]\nop = { a = 1 }\n", 2, "is a table"),
            ("[[step]]\nn = 0xff\n", 2, "no decimal"),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.exit_code(), 2);
            let said = error.to_string();
            assert!(said.starts_with(&format!("p.toml:{line}: ")) && said.contains(what), "{text}: {said}");
        }
    }

    #[test]
    fn hostile_text_is_an_error() {
        let deep = format!("a = {}", "[".repeat(100_000));
        for text in [deep.as_str(), "a = \"\\u0000\"", "\u{0}", "[[[[", "a.b.c.d = 1"] {
            assert_eq!(parse(text).expect_err(text).exit_code(), 2);
        }
    }
}

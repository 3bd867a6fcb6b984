//! From keys and values to the words of a command line.

use super::commands::Kind;
use super::document::{Document, Entry, Item};
use clap::ArgAction;
use halocline_core::{Error, Result};

/// Options of commands that have no place in a step, and what to do instead.
const ELSEWHERE: [(&[&str], &str, &str); 2] = [
    (
        &["memory", "scratch"],
        "is of the whole pipeline",
        "put it above the first section, or on the command line",
    ),
    (
        &["checkpoint", "checkpoint-every", "resume", "time-limit"],
        "has no place in a pipeline, whose passes save no state",
        "run the step as a command of its own if it has to stop and go on",
    ),
];

/// Keys that are of the pipeline, not of commands.
pub(super) const OF_STEPS: [&str; 5] = ["name", "do", "from", "files", "file-list"];

/// Keys of where data come from.
pub(super) const OF_FILES: [&str; 5] = ["files", "file-list", "ensemble", "no-cache", "io"];

/// Keys of what is taken of them.
pub(super) const OF_SELECTIONS: [&str; 6] = ["time", "box", "level", "mask", "region", "decomposition"];

/// The keys that a step of this kind, or a source, may have.
pub(super) fn keys(kind: Kind, of_step: bool) -> Vec<String> {
    let command = kind.command();
    let is_elsewhere = |key: &str| ELSEWHERE.iter().any(|(keys, ..)| keys.contains(&key));
    let own = command.get_arguments().filter_map(clap::Arg::get_long).filter(|key| !is_elsewhere(key));
    // The anomalies are the output of a step that makes nothing else.
    let own = own.filter(|key| kind != Kind::Anomaly || *key != "anomaly").map(str::to_owned);
    let ours: &[&str] = if of_step { &OF_STEPS } else { &OF_STEPS[3..] };
    let mut all: Vec<String> = ours.iter().map(|key| (*key).to_owned()).chain(own).collect();
    if matches!(kind, Kind::Plot | Kind::Reconstruct) {
        all.retain(|key| key != "file-list");
    }
    all.sort();
    all.dedup();
    all
}

/// Refuses keys that are not among `known`.
pub(super) fn check_keys(document: &Document, entries: &[Entry], known: &[String], what: &str) -> Result<()> {
    for Entry { key, line, .. } in entries {
        if known.contains(key) {
            continue;
        }
        if let Some((_, why, remedy)) = ELSEWHERE.iter().find(|(keys, ..)| keys.contains(&key.as_str())) {
            return Err(document.refuse(*line, format!("`{key}` {why}")).remedy(*remedy));
        }
        let remedy = nearest(key, known.iter().map(String::as_str)).map_or_else(
            || format!("there are {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(document.refuse(*line, format!("{what} has no `{key}`")).remedy(remedy));
    }
    Ok(())
}

/// The word among `words` that is most like a wrong one, if any is like it.
pub(super) fn nearest<'a>(wrong: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = words.map(|word| (distance(wrong, word), word)).min_by_key(|(distance, _)| *distance);
    near.filter(|(distance, word)| *distance <= 1 + word.chars().count() / 4).map(|(_, word)| word)
}

/// Letters to be put in, taken out or changed to make one word of another.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(100).enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The words of a command for these entries: options as `--key=value`, files behind `--`.
pub(super) fn words(document: &Document, kind: Kind, entries: &[Entry]) -> Result<Vec<String>> {
    let command = kind.command();
    let mut words = Vec::new();
    let mut files = Vec::new();
    for entry in entries {
        match entry.key.as_str() {
            "files" => files.extend(texts(document, entry)?),
            "file-list" => words.extend(texts(document, entry)?.iter().map(|list| format!("--files={list}"))),
            key => {
                let option = command.get_arguments().find(|arg| arg.get_long() == Some(key));
                let Some(option) = option else {
                    let what = format!("`{key}` means nothing to `{}`", kind.name());
                    return Err(document.refuse(entry.line, what));
                };
                words.extend(
                    option_words(option, entry)
                        .map_err(|what| document.refuse(entry.line, format!("`{key}` {what}")))?,
                );
            }
        }
    }
    words.push("--".to_owned());
    words.append(&mut files);
    Ok(words)
}

/// The texts of an entry that is one or a list of them.
pub(super) fn texts(document: &Document, entry: &Entry) -> Result<Vec<String>> {
    let one = |item: &Item| match item {
        Item::Text(text) if !text.is_empty() => Ok(text.clone()),
        other => Err(of_kind(document, entry, other)),
    };
    match &entry.value {
        Item::List(items) if items.is_empty() => {
            Err(document.refuse(entry.line, format!("`{}` is an empty list", entry.key)))
        }
        Item::List(items) => items.iter().map(one).collect(),
        item => Ok(vec![one(item)?]),
    }
}

/// The text of an entry that is one.
pub(super) fn text<'a>(document: &Document, entry: &'a Entry) -> Result<&'a str> {
    match &entry.value {
        Item::Text(text) if !text.is_empty() => Ok(text),
        other => Err(of_kind(document, entry, other)),
    }
}

fn of_kind(document: &Document, entry: &Entry, item: &Item) -> Error {
    let found = if matches!(item, Item::Text(_)) { "an empty text" } else { item.kind() };
    document.refuse(entry.line, format!("`{}` is {found}", entry.key)).remedy("write a text, in quotes")
}

fn option_words(option: &clap::Arg, entry: &Entry) -> std::result::Result<Vec<String>, String> {
    let key = &entry.key;
    let is_flag = matches!(option.get_action(), ArgAction::SetTrue);
    let may_be_bare = option.get_num_args().is_some_and(|n| n.min_values() == 0);
    match &entry.value {
        Item::Flag(true) if is_flag => return Ok(vec![format!("--{key}")]),
        Item::Flag(false) if is_flag => return Ok(Vec::new()),
        other if is_flag => return Err(format!("is true or false, not {}", other.kind())),
        // Options that may stand without a value, as a flag does.
        Item::Flag(is_there) if may_be_bare => {
            return Ok(if *is_there { vec![format!("--{key}")] } else { Vec::new() });
        }
        Item::List(items) if items.is_empty() => return Err("is an empty list".to_owned()),
        _ => {}
    }
    let repeats = matches!(option.get_action(), ArgAction::Append);
    if let (Item::List(items), "var", false) = (&entry.value, key.as_str(), repeats) {
        if items.len() > 1 {
            return Err("names several variables, and the step takes one: say which there".to_owned());
        }
    }
    let values = match &entry.value {
        // Edges of bins, corners of boxes: numbers are the parts of one value.
        Item::List(items) if !repeats || option.get_value_delimiter().is_none() && are_numbers(items) => {
            vec![joined(items)?]
        }
        Item::List(items) => items
            .iter()
            .map(|item| match item {
                Item::List(items) => joined(items),
                item => scalar(item),
            })
            .collect::<std::result::Result<_, _>>()?,
        item => vec![scalar(item)?],
    };
    Ok(values.into_iter().map(|value| format!("--{key}={value}")).collect())
}

fn are_numbers(items: &[Item]) -> bool {
    items.iter().all(|item| matches!(item, Item::Number(_)))
}

fn scalar(item: &Item) -> std::result::Result<String, String> {
    item.scalar().map(str::to_owned).ok_or_else(|| format!("takes a value, not {}", item.kind()))
}

fn joined(items: &[Item]) -> std::result::Result<String, String> {
    Ok(items.iter().map(scalar).collect::<std::result::Result<Vec<_>, _>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn of(kind: Kind, text: &str) -> Result<Vec<String>> {
        let document = Document::parse(Path::new("p.toml"), &format!("[[step]]\n{text}"))?;
        words(&document, kind, &document.steps[0].entries)
    }

    #[test]
    fn values_become_words() {
        let good = |kind, text: &str| of(kind, text).expect(text).join(" ");
        assert_eq!(
            good(Kind::Stats, "op = ['mean', 'p50']\nover='time'"),
            "--op=mean --op=p50 --over=time --"
        );
        assert_eq!(good(Kind::Stats, "op = 'mean,std'\nfiles = ['a', '-b']"), "--op=mean,std -- a -b");
        assert_eq!(good(Kind::Stats, "box = [-10, 20.5, -5, 5]"), "--box=-10,20.5,-5,5 --");
        assert_eq!(
            good(Kind::Stats, "mask = ['a:b', 'c:d']\ntime=1990"),
            "--mask=a:b --mask=c:d --time=1990 --"
        );
        assert_eq!(good(Kind::Relate, "lags = [-3, 0, 6]\ndetrend = true"), "--lags=-3,0,6 --detrend --");
        assert_eq!(good(Kind::Relate, "detrend = false\nlags = '-2..2'"), "--lags=-2..2 --");
        assert_eq!(good(Kind::SpectrumPower, "lomb-scargle = true"), "--lomb-scargle --");
        assert_eq!(good(Kind::SpectrumPower, "lomb-scargle = false"), "--");
        assert_eq!(good(Kind::SpectrumPower, "lomb-scargle = 'normalize'"), "--lomb-scargle=normalize --");
        assert_eq!(good(Kind::Histogram, "bins = [0, 1, 10]"), "--bins=0,1,10 --");
        assert_eq!(good(Kind::Histogram, "bins = ['0:1:5', [1, 2]]"), "--bins=0:1:5 --bins=1,2 --");
        assert_eq!(good(Kind::Eof, "file-list = 'list'\nmodes = 1_0"), "--files=list --modes=10 --");
    }

    #[test]
    fn values_of_the_wrong_kind_are_refused() {
        for (kind, text, what) in [
            (Kind::Relate, "detrend = 'yes'", "true or false"),
            (Kind::Stats, "op = true", "takes a value"),
            (Kind::Stats, "op = []", "empty list"),
            (Kind::Stats, "op = [['mean', true]]", "takes a value"),
            (Kind::Stats, "files = 3", "a number"),
            (Kind::Stats, "files = ['']", "empty text"),
        ] {
            let said = of(kind, text).expect_err(text).to_string();
            assert!(said.starts_with("p.toml:2: ") && said.contains(what), "{text}: {said}");
        }
    }

    #[test]
    fn likeness() {
        let near = |wrong| nearest(wrong, ["weights", "op", "over", "output"].into_iter());
        assert_eq!(
            [near("weight"), near("ops"), near("ouput"), near("nonsense")],
            [Some("weights"), Some("op"), Some("output"), None]
        );
        assert_eq!((distance("", "abc"), distance("kitten", "sitting")), (3, 3));
    }

    /// The suites over all commands (`scripts/reproduce.sh`, `scripts/standards.sh`) miss none.
    #[test]
    fn every_kind_is_a_case_of_the_scripts() {
        let cases = include_str!("../../../scripts/cases/commands.txt");
        let has = |name: &str| {
            let is_it = |line: &str| {
                let command = line.split_once(' ').map_or("", |(_, command)| command.trim_start());
                !line.starts_with('#') && command.starts_with(&format!("{name} "))
            };
            cases.lines().any(is_it)
        };
        for name in Kind::names().filter(|name| !["select", "anomaly"].contains(name)) {
            assert!(has(name), "`{name}` has no case in scripts/cases/commands.txt");
        }
    }

    #[test]
    fn every_kind_has_its_keys() {
        let has = |kind, key: &str| keys(kind, true).iter().any(|k| k == key);
        for word in Kind::names() {
            let kind = Kind::of(word).expect("is there");
            assert!(has(kind, "from") && !has(kind, "memory") && !has(kind, "checkpoint"), "{word}");
            assert_eq!(has(kind, "output"), kind != Kind::Select, "{word}");
        }
        assert!(has(Kind::Climatology, "anomaly") && !has(Kind::Anomaly, "anomaly"));
        assert!(!keys(Kind::Select, false).iter().any(|k| k == "from" || k == "output"));
    }
}

//! Names of sources and steps, and the words that refer to them.

use super::commands::Kind;
use super::document::{Document, Entry};
use super::words::{nearest, text};
use halocline_core::Result;
use std::collections::BTreeMap;

/// What a name stands for: its place among sources or steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Source(usize),
    Step(usize),
}

/// A name that stands in `from`, `with` or `patterns`, and whether the anomalies are meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reference {
    pub(super) node: Node,
    pub(super) anomaly: bool,
}

/// All names.
#[derive(Debug)]
pub(super) struct Names<'a>(BTreeMap<&'a str, Node>);

impl<'a> Names<'a> {
    /// Every name and what it stands for.
    pub(super) fn of(document: &'a Document) -> Result<Self> {
        let mut names: BTreeMap<&str, (Node, usize)> = BTreeMap::new();
        let mut add = |name: &'a str, node, line| {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(plain) {
                return Err(document
                    .refuse(line, format!("`{name}` is no name"))
                    .remedy("use letters, digits, _ and - only"));
            }
            match names.insert(name, (node, line)) {
                Some((_, before)) => Err(document
                    .refuse(line, format!("the name `{name}` is taken on line {before}"))
                    .remedy("give every source and step a name of its own")),
                None => Ok(()),
            }
        };
        for (index, (name, section)) in document.sources.iter().enumerate() {
            add(name, Node::Source(index), section.line)?;
        }
        for (index, section) in document.steps.iter().enumerate() {
            if let Some(entry) = section.get("name") {
                add(text(document, entry)?, Node::Step(index), entry.line)?;
            }
        }
        Ok(Self(names.into_iter().map(|(name, (node, _))| (name, node)).collect()))
    }

    /// What `NAME` or `NAME.anomaly` stands for.
    pub(super) fn reference(&self, text: &str) -> Option<Reference> {
        let (name, anomaly) = text.strip_suffix(".anomaly").map_or((text, false), |name| (name, true));
        self.0.get(name).map(|&node| Reference { node, anomaly })
    }

    /// What `with` stands for, if it is of the pipeline: a name, and a variable behind it.
    pub(super) fn with<'t>(&self, text: &'t str) -> Option<(Reference, Option<&'t str>)> {
        self.reference(text).map(|reference| (reference, None)).or_else(|| {
            let (name, var) = text.rsplit_once(':')?;
            Some((self.reference(name)?, Some(var)))
        })
    }

    /// What `from` stands for.
    pub(super) fn from(&self, document: &Document, entry: &Entry) -> Result<Reference> {
        let name = text(document, entry)?;
        self.reference(name).ok_or_else(|| {
            let error = document.refuse(entry.line, format!("there is no source or step `{name}`"));
            match nearest(name, self.0.keys().copied()) {
                Some(near) => error.remedy(format!("did you mean `{near}`?")),
                None => error.remedy("name a [source.NAME] or the `name` of a step, or give `files`"),
            }
        })
    }

    /// The files of steps (of step so-and-so, its anomalies or not) that others read.
    pub(super) fn wanted(&self, document: &Document, kinds: &[Kind]) -> Result<Vec<(usize, bool)>> {
        let mut wanted = Vec::new();
        for entry in document.steps.iter().flat_map(|section| &section.entries) {
            let reference = match (entry.key.as_str(), entry.value.scalar()) {
                ("from", _) => Some(self.from(document, entry)?),
                ("with" | "patterns", Some(text)) => self.with(text).map(|(reference, _)| reference),
                _ => None,
            };
            if let Some(Reference { node: Node::Step(step), anomaly }) = reference {
                wanted.push((step, anomaly || kinds[step] == Kind::Anomaly));
            }
        }
        Ok(wanted)
    }
}

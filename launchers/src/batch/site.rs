//! The site file: what a computing centre wants of its jobs, written down once (TOML).

use super::scheduler::Scheduler;
use crate::duration;
use halocline_core::{Error, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// Bytes of a site file, at most: more is some other file.
const LONGEST: u64 = 1 << 20;

/// What a job may ask for, of the whole site or of one queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) max_nodes: Option<u32>,
    pub(super) max_time: Option<Duration>,
    /// Ranks × threads on a node, at most.
    pub(super) cores_per_node: Option<u32>,
    pub(super) max_array: Option<u32>,
}

/// What a job asks for, unless the user says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Defaults {
    pub(super) account: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) nodes: Option<u32>,
    pub(super) ntasks_per_node: Option<u32>,
    pub(super) cpus_per_task: Option<u32>,
    pub(super) time: Option<Duration>,
}

/// All that a site file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Site {
    /// Where it is, for messages.
    pub(super) file: Option<PathBuf>,
    pub(super) scheduler: Option<Scheduler>,
    /// The program, on a file system that all nodes see.
    pub(super) program: Option<String>,
    /// How ranks are started: a template as the script is.
    pub(super) launch: Option<String>,
    /// A template in place of ours.
    pub(super) template: Option<PathBuf>,
    /// Folder of scripts, outputs, status files.
    pub(super) jobs: Option<String>,
    pub(super) modules: Vec<String>,
    /// Lines of shell that come first.
    pub(super) setup: Vec<String>,
    /// Further directives, without `#SBATCH` or `#PBS`.
    pub(super) directives: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) defaults: Defaults,
    pub(super) limits: Limits,
    /// The queues that there are; if none are named, any may be asked for.
    pub(super) queues: Vec<(String, Limits)>,
}

impl Site {
    /// The site file that was named, else that of `HALOCLINE_SITE`, else the user's own, if there
    /// is one; else nothing is known of the site.
    ///
    /// # Errors
    /// Data, if it can't be read; usage, with the line, if it says what it can't.
    pub(super) fn find(named: Option<&Path>) -> Result<Self> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(file) = named.map(Path::to_owned).or_else(|| set("HALOCLINE_SITE")) {
            return Self::read(&file);
        }
        let folder = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
        match folder.map(|folder| folder.join("halocline/site.toml")).filter(|file| file.exists()) {
            Some(file) => Self::read(&file),
            None => Ok(Self::default()),
        }
    }

    fn read(file: &Path) -> Result<Self> {
        let wrong = |what: String| Error::data(what).in_file(file);
        let about = std::fs::metadata(file).map_err(|e| wrong(format!("can't read the site file: {e}")))?;
        if !about.is_file() || about.len() > LONGEST {
            return Err(wrong("is no site file".to_owned()));
        }
        let text =
            std::fs::read_to_string(file).map_err(|e| wrong(format!("can't read the site file: {e}")))?;
        Self::parse(file, &text)
    }

    /// Parses the text of a site file.
    pub(super) fn parse(file: &Path, text: &str) -> Result<Self> {
        let at = |offset: usize| {
            let line = text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1;
            format!("{}:{line}", file.display())
        };
        let root = DeTable::parse(text).map_err(|e| {
            Error::usage(format!("is no TOML: {}", e.message())).in_file(at(e.span().map_or(0, |s| s.start)))
        })?;
        let mut site = Self { file: Some(file.to_owned()), ..Self::default() };
        let mut entries = Vec::new();
        flatten(&[], root.get_ref(), &mut entries);
        entries.sort_by_key(|entry| entry.offset);
        for Entry { path, value, offset } in &entries {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            site.set(&path, value).map_err(|what| {
                Error::usage(format!("`{}` {what}", path.join(".")))
                    .in_file(at(*offset))
                    .remedy("see jobscripts/site/README.md")
            })?;
        }
        Ok(site)
    }

    fn set(&mut self, path: &[&str], value: &DeValue<'_>) -> std::result::Result<(), String> {
        match path {
            ["scheduler"] => {
                let word = text(value)?;
                self.scheduler = Some(Scheduler::of(&word).ok_or("is neither slurm nor pbs")?);
            }
            ["program"] => self.program = Some(text(value)?),
            ["launch"] => self.launch = Some(text(value)?),
            ["template"] => {
                // Beside the site file, which is read from anywhere.
                let folder = self.file.as_deref().and_then(Path::parent).unwrap_or_else(|| Path::new(""));
                self.template = Some(folder.join(text(value)?));
            }
            ["jobs"] => self.jobs = Some(plain(value)?),
            ["modules"] => self.modules = texts(value)?,
            ["setup"] => self.setup = texts(value)?,
            ["directives"] => self.directives = texts(value)?,
            ["environment", name] => {
                let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                if !good || name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
                    return Err("is no name of a variable".into());
                }
                self.environment.push(((*name).to_owned(), text(value)?));
            }
            ["defaults", "account"] => self.defaults.account = Some(plain(value)?),
            ["defaults", "queue"] => self.defaults.queue = Some(plain(value)?),
            ["defaults", "nodes"] => self.defaults.nodes = Some(number(value)?),
            ["defaults", "ntasks-per-node"] => self.defaults.ntasks_per_node = Some(number(value)?),
            ["defaults", "cpus-per-task"] => self.defaults.cpus_per_task = Some(number(value)?),
            ["defaults", "time"] => self.defaults.time = Some(time(value)?),
            ["limits", key] => self.limits.set(key, value)?,
            ["queue", name] if matches!(value, DeValue::Table(_)) => {
                self.queues.push(((*name).to_owned(), Limits::default()));
            }
            ["queue", name, key] => {
                let queue = self.queues.iter_mut().find(|(known, _)| known == name);
                queue.ok_or("is of no queue")?.1.set(key, value)?;
            }
            _ if matches!(value, DeValue::Table(_)) => return Err("is no section of a site file".into()),
            _ => return Err("is nothing that a site file can say".into()),
        }
        Ok(())
    }

    /// The limits of a queue, if it is known.
    pub(super) fn queue(&self, name: &str) -> Option<&Limits> {
        self.queues.iter().find(|(known, _)| known == name).map(|(_, limits)| limits)
    }
}

impl Limits {
    fn set(&mut self, key: &str, value: &DeValue<'_>) -> std::result::Result<(), String> {
        match key {
            "max-nodes" => self.max_nodes = Some(number(value)?),
            "max-time" => self.max_time = Some(time(value)?),
            "cores-per-node" => self.cores_per_node = Some(number(value)?),
            "max-array" => self.max_array = Some(number(value)?),
            _ => return Err("is no limit; there are max-nodes, max-time, cores-per-node, max-array".into()),
        }
        Ok(())
    }
}

struct Entry<'t, 'a> {
    path: Vec<String>,
    value: &'t DeValue<'a>,
    offset: usize,
}

/// All entries with their paths; of tables within sections, the sections first.
fn flatten<'t, 'a>(above: &[String], table: &'t DeTable<'a>, all: &mut Vec<Entry<'t, 'a>>) {
    for (key, value) in table {
        let path: Vec<String> = above.iter().cloned().chain([key.get_ref().to_string()]).collect();
        let (value, offset) = (value.get_ref(), key.span().start);
        let is_section =
            path.len() == 1 && ["environment", "defaults", "limits", "queue"].contains(&path[0].as_str());
        match value {
            DeValue::Table(inner) if is_section => flatten(&path, inner, all),
            DeValue::Table(inner) if path.len() == 2 && path[0] == "queue" => {
                all.push(Entry { path: path.clone(), value, offset });
                flatten(&path, inner, all);
            }
            _ => all.push(Entry { path, value, offset }),
        }
    }
}

fn text(value: &DeValue<'_>) -> std::result::Result<String, String> {
    match value {
        DeValue::String(text) if text.is_empty() => Err("is an empty text".into()),
        DeValue::String(text) if text.chars().any(char::is_control) => Err("holds more than one line".into()),
        DeValue::String(text) => Ok(text.to_string()),
        _ => Err("is no text; write it in quotes".into()),
    }
}

fn plain(value: &DeValue<'_>) -> std::result::Result<String, String> {
    let text = text(value)?;
    if super::is_plain(&text) {
        Ok(text)
    } else {
        Err(format!("is `{text}`, which holds more than letters, digits and -_./+:@=,"))
    }
}

fn texts(value: &DeValue<'_>) -> std::result::Result<Vec<String>, String> {
    match value {
        DeValue::Array(list) => list.iter().map(|one| text(one.get_ref())).collect(),
        one => Ok(vec![text(one)?]),
    }
}

fn number(value: &DeValue<'_>) -> std::result::Result<u32, String> {
    let digits = match value {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().replace('_', ""),
        _ => return Err("is no whole number".into()),
    };
    digits
        .parse()
        .ok()
        .filter(|n| (1..=1_000_000).contains(n))
        .ok_or_else(|| "is no number from 1 to 1000000".into())
}

fn time(value: &DeValue<'_>) -> std::result::Result<Duration, String> {
    duration::parse(&text(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Site> {
        Site::parse(Path::new("etc/site.toml"), text)
    }

    #[test]
    fn everything_can_be_said() {
        let site = parse(
            "scheduler = 'pbs'\nlaunch = 'mpiexec -n {{ ranks }}'\ntemplate = 'own.pbs'\nmodules = ['a/1', 'b']\n\
             setup = 'source x'\ndirectives = ['-l place=excl']\n[environment]\nA_1 = 'b c'\n[defaults]\naccount = 'p1'\n\
             time = '90min'\nnodes = 2\n[limits]\nmax-nodes = 1_000\n[queue.debug]\nmax-time = '00:30:00'\n[queue.big]\n",
        )
        .expect("a site");
        assert_eq!(site.scheduler, Some(Scheduler::Pbs));
        assert_eq!(site.template.as_deref(), Some(Path::new("etc/own.pbs")));
        assert_eq!((site.modules.len(), site.setup.len()), (2, 1));
        assert_eq!(site.environment, [("A_1".to_owned(), "b c".to_owned())]);
        assert_eq!(site.defaults.time, Some(Duration::from_secs(5400)));
        assert_eq!(site.limits.max_nodes, Some(1000));
        assert_eq!(site.queue("debug").and_then(|q| q.max_time), Some(Duration::from_secs(1800)));
        assert!(site.queue("big").is_some() && site.queue("small").is_none());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, what) in [
            ("\nscheduler = 'lsf'", 2, "neither"),
            ("nodes = 3", 1, "nothing that"),
            ("[limit]\nmax-nodes = 3", 1, "no section"),
            ("[limits]\nmax-node = 3", 2, "no limit"),
            ("[limits]\nmax-nodes = 0", 2, "from 1"),
            ("[limits]\nmax-nodes = '3'", 2, "whole number"),
            ("[limits]\nmax-time = 'soon'", 2, "no time"),
            ("[queue.a]\nb = 1", 2, "no limit"),
            ("[queue]\na = 1", 2, "nothing that"),
            ("[defaults]\naccount = 'a b'", 2, "more than letters"),
            ("[environment]\n'a b' = 'c'", 2, "no name"),
            ("setup = [\"a\\nb\"]", 1, "one line"),
            ("a = ", 1, "TOML"),
        ] {
            let said = parse(text).expect_err(text).to_string();
            assert!(
                said.starts_with(&format!("etc/site.toml:{line}: ")) && said.contains(what),
                "{text}: {said}"
            );
        }
    }
}

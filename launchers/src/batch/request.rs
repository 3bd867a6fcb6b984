//! What a job asks for: options of the command line, else of the site, within the site's limits.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use super::array::{self, Array};
use super::scheduler::Scheduler;
use super::site::{Limits, Site};
use crate::duration;
use halocline_core::{Error, Result};
use std::path::PathBuf;
use std::time::Duration;

/// What to ask the scheduler for.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct RequestArgs {
    /// Which scheduler: slurm, pbs, or whichever has its commands here
    #[arg(long, value_name = "slurm|pbs|auto", default_value = "auto", value_parser = parse_scheduler)]
    scheduler: Choice,
    /// What the site wants, as in jobscripts/site [default: $HALOCLINE_SITE, else
    /// ~/.config/halocline/site.toml if it is there]
    #[arg(long, value_name = "FILE")]
    pub(super) site: Option<PathBuf>,
    /// Computers
    #[arg(long, short = 'N', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    nodes: Option<u32>,
    /// MPI ranks on each computer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    ntasks_per_node: Option<u32>,
    /// Cores of each rank, used as its threads
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=512))]
    cpus_per_task: Option<u32>,
    /// Wall time, as in 90min, 3h or HH:MM:SS
    #[arg(long, short = 't', value_name = "TIME", value_parser = duration::parse)]
    time: Option<Duration>,
    /// Who pays
    #[arg(long, short = 'A', value_name = "NAME")]
    account: Option<String>,
    /// Queue, or partition
    #[arg(long, visible_alias = "partition", value_name = "NAME")]
    queue: Option<String>,
    /// One job for each index, as in 1-10, 1979-2020 or 1-100%8 (8 at a time); {index} in the
    /// command stands for it, {index:03} with zeros in front
    #[arg(long, value_name = "A-B", value_parser = array::parse)]
    array: Option<Array>,
    /// Wait until these jobs have ended well
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    after: Vec<String>,
    /// Go back into the queue when the state was saved before the end (code 75)
    #[arg(long)]
    requeue: bool,
    /// Give up after so many runs of a job that goes back into the queue
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    most_runs: u32,
    /// Name of the job [default: halocline and the command]
    #[arg(long, short = 'J', value_name = "NAME")]
    job_name: Option<String>,
    /// A further directive of the scheduler, as in --directive=--mem=8G
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    directive: Vec<String>,
    /// Folder of scripts, outputs and status files [default: halocline-jobs]
    #[arg(long, value_name = "DIR")]
    jobs: Option<String>,
}

/// A scheduler, or whichever is here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Choice(pub(super) Option<Scheduler>);

pub(super) fn parse_scheduler(word: &str) -> std::result::Result<Choice, String> {
    match (word, Scheduler::of(word)) {
        ("auto", _) => Ok(Choice(None)),
        (_, Some(scheduler)) => Ok(Choice(Some(scheduler))),
        _ => Err("there are slurm, pbs and auto".to_owned()),
    }
}

/// A job as it is asked for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) scheduler: Scheduler,
    pub(super) nodes: u32,
    pub(super) ranks_per_node: u32,
    pub(super) threads: u32,
    pub(super) time: Duration,
    pub(super) account: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) array: Option<Array>,
    pub(super) after: Vec<String>,
    pub(super) requeue: bool,
    pub(super) most_runs: u32,
    pub(super) name: Option<String>,
    pub(super) directives: Vec<String>,
    pub(super) jobs: String,
}

impl RequestArgs {
    /// Brings options and site together.
    ///
    /// # Errors
    /// Usage, if something is missing, forbidden by the site, or has no place in a script.
    pub(super) fn request(&self, site: &Site) -> Result<Request> {
        let scheduler = self.scheduler.0.or(site.scheduler).or_else(Scheduler::here).ok_or_else(|| {
            Error::usage("there is no scheduler here: neither sbatch nor qsub is on the path")
                .remedy("add --scheduler slurm or --scheduler pbs to see the script with --dry-run")
        })?;
        let missing = |what: &str, option: &str| {
            Error::usage(format!("{what} is not said"))
                .remedy(format!("add {option}, or a default to the site file"))
        };
        let defaults = &site.defaults;
        let request = Request {
            scheduler,
            nodes: self.nodes.or(defaults.nodes).unwrap_or(1),
            ranks_per_node: self
                .ntasks_per_node
                .or(defaults.ntasks_per_node)
                .ok_or_else(|| missing("the number of ranks on each node", "--ntasks-per-node N"))?,
            threads: self.cpus_per_task.or(defaults.cpus_per_task).unwrap_or(1),
            time: self.time.or(defaults.time).ok_or_else(|| missing("the wall time", "--time TIME"))?,
            account: self.account.clone().or_else(|| defaults.account.clone()),
            queue: self.queue.clone().or_else(|| defaults.queue.clone()),
            array: self.array.clone(),
            after: self.after.clone(),
            requeue: self.requeue,
            most_runs: self.most_runs,
            name: self.job_name.clone(),
            directives: site.directives.iter().chain(&self.directive).cloned().collect(),
            jobs: self.jobs.clone().or_else(|| site.jobs.clone()).unwrap_or_else(|| super::JOBS.to_owned()),
        };
        request.check_words()?;
        request.check_site(site)?;
        Ok(request)
    }
}

impl Request {
    /// Refuses words that a script can't hold.
    fn check_words(&self) -> Result<()> {
        let words = [("--account", &self.account), ("--queue", &self.queue), ("--job-name", &self.name)];
        let words = words.into_iter().filter_map(|(option, word)| Some((option, word.as_ref()?)));
        let words = words.chain([("--jobs", &self.jobs)]).chain(self.after.iter().map(|id| ("--after", id)));
        for (option, word) in words {
            // PBS numbers arrays as 12[].server.
            let word_of = if option == "--after" { word.replace("[]", "") } else { word.clone() };
            if !super::is_plain(&word_of) {
                return Err(Error::usage(format!(
                    "{option} `{word}` holds more than letters, digits and -_./+:@=,"
                ))
                .remedy("choose a plain name"));
            }
        }
        if self.name.as_ref().is_some_and(|name| name.contains('/')) {
            return Err(Error::usage("the name of a job holds no /").remedy("choose another with --job-name"));
        }
        if let Some(odd) = self.directives.iter().find(|d| d.is_empty() || d.chars().any(char::is_control)) {
            return Err(Error::usage(format!("the directive {odd:?} is not one line")));
        }
        let is_pbs = self.scheduler == Scheduler::Pbs;
        if let Some(array) = self.array.as_ref().filter(|array| is_pbs && array.is_list) {
            return Err(Error::usage(format!("PBS takes one range of indices, not `{}`", array.text))
                .remedy("write --array A-B or A-B:STEP"));
        }
        Ok(())
    }

    /// Refuses what the site forbids.
    fn check_site(&self, site: &Site) -> Result<()> {
        let refused = |what: String, remedy: String| {
            let error = Error::usage(what).remedy(remedy);
            Err(match &site.file {
                Some(file) => error.in_file(file),
                None => error,
            })
        };
        let mut limits = vec![("the site".to_owned(), &site.limits)];
        if let Some(queue) = self.queue.as_ref().filter(|_| !site.queues.is_empty()) {
            let Some(of_queue) = site.queue(queue) else {
                let all: Vec<&str> = site.queues.iter().map(|(name, _)| name.as_str()).collect();
                return refused(
                    format!("there is no queue `{queue}`"),
                    format!("there are {}", all.join(", ")),
                );
            };
            // What is said of the queue is the more helpful answer.
            limits.insert(0, (format!("queue `{queue}`"), of_queue));
        }
        for (whose, limits) in limits {
            if let Some((what, remedy)) = self.beyond(limits) {
                return refused(format!("{whose} allows {what}"), remedy);
            }
        }
        Ok(())
    }

    /// The first limit that is passed, and the option to be changed.
    fn beyond(&self, limits: &Limits) -> Option<(String, String)> {
        let of = |limit: Option<u32>, asked: u32, what: &str, option: &str| {
            let limit = limit.filter(|limit| asked > *limit)?;
            Some((format!("{limit} {what}, not {asked}"), format!("ask for less with {option}")))
        };
        let cores = self.ranks_per_node.saturating_mul(self.threads);
        let elements = self.array.as_ref().map_or(0, |array| u32::try_from(array.count).unwrap_or(u32::MAX));
        let time = || {
            let limit = limits.max_time.filter(|limit| self.time > *limit)?;
            let what = format!("{}, not {}", clock(limit), clock(self.time));
            Some((what, "ask for less with --time, and with --checkpoint go on in a further job".to_owned()))
        };
        of(limits.max_nodes, self.nodes, "nodes", "--nodes")
            .or_else(|| {
                of(
                    limits.cores_per_node,
                    cores,
                    "ranks x threads on a node",
                    "--ntasks-per-node or --cpus-per-task",
                )
            })
            .or_else(|| of(limits.max_array, elements, "jobs in an array", "--array"))
            .or_else(time)
    }

    /// The wall time as schedulers write it.
    pub(super) fn clock(&self) -> String {
        clock(self.time)
    }
}

/// `HH:MM:SS`, rounded up.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil() as u64;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::path::Path;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: RequestArgs,
    }

    fn of(line: &str, site: &str) -> Result<Request> {
        let words = std::iter::once("test").chain(line.split_whitespace());
        let args = Line::try_parse_from(words).map_err(|e| crate::usage(&e))?.args;
        args.request(&Site::parse(Path::new("site.toml"), site)?)
    }

    const SITE: &str = "scheduler = 'slurm'\n[defaults]\ntime = '1h'\nntasks-per-node = 4\nqueue = 'main'\n\
        [limits]\nmax-nodes = 10\ncores-per-node = 8\nmax-array = 50\nmax-time = '24h'\n\
        [queue.main]\n[queue.debug]\nmax-nodes = 1\nmax-time = '00:30:00'\n";

    #[test]
    fn options_go_before_the_site() {
        let request = of("", SITE).expect("a request");
        assert_eq!((request.nodes, request.ranks_per_node, request.threads), (1, 4, 1));
        assert_eq!((request.clock().as_str(), request.queue.as_deref()), ("01:00:00", Some("main")));
        let request = of("-N 3 --ntasks-per-node 2 --cpus-per-task 4 -t 90.5s --scheduler pbs", SITE)
            .expect("a request");
        assert_eq!((request.scheduler, request.nodes, request.threads), (Scheduler::Pbs, 3, 4));
        assert_eq!(request.clock(), "00:01:31");
    }

    #[test]
    fn what_the_site_forbids_is_refused() {
        for (line, what) in [
            ("-N 11", "the site allows 10 nodes, not 11"),
            ("--cpus-per-task 3", "allows 8 ranks x threads"),
            ("--array 1-51", "50 jobs"),
            ("--time 25h", "24:00:00, not 25:00:00"),
            ("--queue debug", "queue `debug` allows 00:30:00, not 01:00:00"),
            ("--partition debug -N 2 -t 60", "queue `debug` allows 1 nodes"),
            ("--queue gpu", "no queue `gpu`"),
            ("--account a;b", "--account"),
            ("--job-name a/b", "no /"),
            ("--after 1,$x", "--after"),
            ("--jobs a%b", "--jobs"),
            ("--scheduler pbs --array 1,3", "one range"),
            ("--scheduler lsf", "slurm, pbs"),
            ("--array 3-1", "no range"),
        ] {
            let error = of(line, SITE).expect_err(line);
            assert!(error.exit_code() == 2 && error.to_string().contains(what), "{line}: {error}");
        }
        assert!(of("--scheduler slurm", "").expect_err("no time").to_string().contains("--ntasks-per-node"));
        assert!(of("--after 12[].server", SITE).is_ok());
    }
}

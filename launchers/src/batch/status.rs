//! `halocline status`: how a job is, from its status file and from the scheduler.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

use super::request::{parse_scheduler, Choice};
use super::scheduler::{is_over, Scheduler};
use super::site::Site;
use crate::common::bytes_text;
use crate::duration;
use crate::info::print;
use crate::status_file::{self, State, Status};
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What ends the name of a status file.
const ENDING: &str = ".status.json";

/// Tell how a job is: how far, on how many ranks, when it last saved its state.
///
/// Reads the status file that the job keeps, and asks the scheduler where there is one. Without a
/// number, all jobs of this folder.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct StatusArgs {
    /// Number of the job, as `halocline submit`, sbatch or qsub has printed it; of an array, all
    /// its elements, or one as in 12_3
    #[arg(value_name = "ID", conflicts_with = "file")]
    id: Option<String>,
    /// A status file, as --status has named it
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Folder of the job's status file [default: the site's, else halocline-jobs]
    #[arg(long, value_name = "DIR")]
    jobs: Option<PathBuf>,
    /// What the site wants, as for `halocline submit`
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// Whom to ask: slurm, pbs, or whichever has its commands here
    #[arg(long, value_name = "slurm|pbs|auto", default_value = "auto", value_parser = parse_scheduler)]
    scheduler: Choice,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// What is known of one job.
struct Known {
    id: Option<String>,
    file: Option<PathBuf>,
    status: Option<Status>,
    /// In the scheduler's words.
    queue: Option<String>,
}

/// Runs the command.
///
/// # Collective
/// One rank does it.
pub(crate) fn run(comm: &Comm, args: &StatusArgs) -> Result<()> {
    comm.on_root(|| {
        let all = look(args)?;
        if args.json {
            let all: Vec<_> = all.iter().map(Known::as_json).collect();
            return print(&(serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"));
        }
        print(&all.iter().map(Known::as_text).collect::<String>())
    })
}

fn look(args: &StatusArgs) -> Result<Vec<Known>> {
    if let Some(file) = &args.file {
        let status = status_file::read(file)?;
        let id = status.job.clone();
        let queue = id.as_ref().and_then(|id| words_for(id, &asked(args, id)));
        return Ok(vec![Known { id, file: Some(file.clone()), status: Some(status), queue }]);
    }
    let site = Site::find(args.site.as_deref())?;
    let folder = args.jobs.clone().or(site.jobs.map(PathBuf::from)).unwrap_or_else(|| super::JOBS.into());
    let found = files(&folder);
    let Some(id) = &args.id else {
        if found.is_empty() {
            return Err(Error::data("there are no status files of jobs")
                .in_file(&folder)
                .remedy("name another folder with --jobs, or a file with --file"));
        }
        return found.into_iter().map(of_file).collect();
    };
    let id = plain(id);
    let mine = |file: &PathBuf| {
        let number = number_of(file);
        number == id || number.strip_prefix(id.as_str()).is_some_and(|rest| rest.starts_with('_'))
    };
    let mut all = found.into_iter().filter(mine).map(of_file).collect::<Result<Vec<_>>>()?;
    let mut queue = asked(args, args.id.as_deref().unwrap_or_default());
    for known in &mut all {
        known.queue = known.id.as_ref().and_then(|id| words_for(id, &queue));
    }
    // What waits has no file yet.
    queue.retain(|(number, _)| !all.iter().any(|known| known.id.as_deref() == Some(&plain(number))));
    all.extend(queue.into_iter().map(|(number, words)| Known {
        id: Some(plain(&number)),
        file: None,
        status: None,
        queue: Some(words),
    }));
    if all.is_empty() {
        return Err(Error::data(format!("nothing is known of job {id}")).in_file(&folder).remedy(
            "look from the folder where it was handed in, or name that of its status file with --jobs",
        ));
    }
    Ok(all)
}

fn of_file(file: PathBuf) -> Result<Known> {
    let status = status_file::read(&file)?;
    Ok(Known { id: Some(number_of(&file)), file: Some(file), status: Some(status), queue: None })
}

/// The status files of a folder, by number of the job.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = entries
        .map(|e| e.path())
        .filter(|path| !number_of(path).is_empty() && path.to_string_lossy().ends_with(ENDING))
        .collect();
    let order = |file: &PathBuf| -> Vec<u64> {
        number_of(file).split('_').map(|part| part.parse().unwrap_or(u64::MAX)).collect()
    };
    all.sort_by_key(order);
    all
}

/// The number in `name-12_3.status.json`.
fn number_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(ENDING).unwrap_or_default();
    stem.rsplit_once('-').map_or(String::new(), |(_, number)| plain(number))
}

/// `12`, `12_3` of what schedulers print: `12.server`, `12[3].server`, `12[]`.
fn plain(id: &str) -> String {
    let number = id.split(['.', ';']).next().unwrap_or_default();
    number.replace("[]", "").replace('[', "_").replace(']', "")
}

fn asked(args: &StatusArgs, id: &str) -> Vec<(String, String)> {
    // Nobody else's words go to a scheduler.
    let good = !id.is_empty()
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "._[]-".contains(c))
        && !id.starts_with('-');
    let scheduler = args.scheduler.0.or_else(Scheduler::here).filter(|_| good);
    scheduler.map(|scheduler| scheduler.look(id)).unwrap_or_default()
}

fn words_for(id: &str, queue: &[(String, String)]) -> Option<String> {
    let mine = queue.iter().find(|(number, _)| plain(number) == plain(id));
    mine.or(queue.first().filter(|_| queue.len() == 1)).map(|(_, words)| words.clone())
}

impl Known {
    /// Whether the run has ended without being able to say so: its file says that it runs, and
    /// the scheduler, or this machine, that it does not.
    fn is_lost(&self) -> bool {
        let Some(status) = self.status.as_ref().filter(|status| status.state == State::Running) else {
            return false;
        };
        if let Some(words) = &self.queue {
            return is_over(words);
        }
        let here = status.host == status_file::host();
        here && !Path::new(&format!("/proc/{}", status.process)).exists()
    }

    fn as_json(&self) -> serde_json::Value {
        json!({
            "job": self.id,
            "file": self.file.as_ref().map(|file| file.display().to_string()),
            "scheduler": self.queue,
            "lost": self.is_lost(),
            "status": self.status,
        })
    }

    fn as_text(&self) -> String {
        let mut out = String::new();
        let title = match (&self.id, &self.file) {
            (Some(id), _) => format!("job {id}"),
            (None, Some(file)) => file.display().to_string(),
            (None, None) => "a job".to_owned(),
        };
        let queue = self.queue.as_ref().map_or_else(String::new, |words| format!("  {words}"));
        let _ = writeln!(out, "{title}{queue}");
        match &self.status {
            None => {
                let _ = writeln!(out, "  halocline has not begun");
            }
            Some(status) => {
                for line in lines(status, self.is_lost(), status_file::now()) {
                    let _ = writeln!(out, "  {line}");
                }
            }
        }
        out
    }
}

fn lines(status: &Status, lost: bool, now: f64) -> Vec<String> {
    let span =
        |from: f64, to: f64| duration::text(Duration::try_from_secs_f64(to - from).unwrap_or_default());
    let share = status.fraction.map(|f| {
        format!("{:.0} % ({} of {} tiles)", (f * 100.0).floor(), status.tiles_done, status.tiles_total)
    });
    let plural = |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    let mut all = Vec::new();
    let mut first = vec![if lost { "lost".to_owned() } else { status.state.name().to_owned() }];
    match status.state {
        _ if lost => first.push("killed, without a last word".to_owned()),
        State::Running => {
            first.extend(share);
            first.push(status.phase.clone());
            let left = status.seconds_left.and_then(|s| Duration::try_from_secs_f64(s).ok());
            first.extend(left.map(|left| format!("{} left", duration::text(left))));
        }
        State::Checkpointed => first.extend(share),
        State::Done | State::Failed => {}
    }
    if let Some(code) = status.exit_code {
        first.push(format!("exit code {code}"));
    }
    first.push(format!(
        "{} since its start",
        span(status.started, if status.state == State::Running { now } else { status.updated })
    ));
    all.push(first.join(", "));
    all.extend(status.error.iter().cloned());
    all.push(format!(
        "{} x {}, rank 0 on {}",
        plural(status.ranks, "rank"),
        plural(status.threads, "thread"),
        status.host
    ));
    if let Some(saved) = &status.checkpoint {
        all.push(format!(
            "state saved {} ago to {} ({})",
            span(saved.time, now),
            saved.file,
            bytes_text(saved.bytes)
        ));
    }
    all.push(format!("last word {} ago", span(status.updated, now)));
    all.push(status.command.clone());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_jobs() {
        assert_eq!(
            ["12.srv", "12[3].srv", "12[]", "12_3", "12;c"].map(plain),
            ["12", "12_3", "12", "12_3", "12"]
        );
        let of = |name: &str| number_of(Path::new(name));
        assert_eq!(
            [of("j/halocline-eof-12_3.status.json"), of("a-b.json"), of("x.status.json")],
            ["12_3", "", ""]
        );
        assert_eq!(of("x-12[3].status.json"), "12_3");
        let queue =
            vec![("12_3".to_owned(), "RUNNING".to_owned()), ("12_4".to_owned(), "PENDING".to_owned())];
        assert_eq!(words_for("12_4", &queue).as_deref(), Some("PENDING"));
        assert_eq!(words_for("12_5", &queue), None);
    }

    #[test]
    fn a_status_in_words() {
        let mut status: Status = serde_json::from_value(json!({
            "schema": 1, "program": "halocline", "version": "0", "command": "halocline stats", "job": "12", "host": "n1",
            "process": 0, "ranks": 4, "threads": 1, "state": "running", "phase": "read", "fraction": 0.427,
            "tiles_done": 54, "tiles_total": 128, "seconds_left": 190.0, "started": 1000.0, "updated": 1097.0,
            "checkpoint": { "file": "s", "bytes": 1_200_000, "time": 1060.0 }, "exit_code": null, "error": null,
        }))
        .expect("a status");
        let said = lines(&status, false, 1100.0);
        assert_eq!(
            said[0],
            "running, 42 % (54 of 128 tiles), read, 3 min 10 s left, 1 min 40 s since its start"
        );
        assert_eq!(said[1], "4 ranks x 1 thread, rank 0 on n1");
        assert_eq!(said[2], "state saved 40.0 s ago to s (1.2 MB)");
        assert_eq!(said[3], "last word 3.00 s ago");
        assert!(lines(&status, true, 1100.0)[0].starts_with("lost, killed"));
        status.state = State::Failed;
        status.exit_code = Some(3);
        status.error = Some("a.nc: is cut short".into());
        let said = lines(&status, false, 1100.0);
        assert_eq!(
            (said[0].as_str(), said[1].as_str()),
            ("failed, exit code 3, 97.0 s since its start", "a.nc: is cut short")
        );
    }
}

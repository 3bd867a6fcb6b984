//! This program again, under the launcher.

use halocline_core::comm::{Comm, Launch};
use halocline_core::{Error, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// How ranks are started.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct LaunchArgs {
    /// How ranks are started; {ranks} stands for their number, as in 'srun -n {ranks} --mpi=pmix';
    /// threads: ranks are threads of one process, without MPI
    #[arg(long, value_name = "COMMAND", default_value = "mpirun -n {ranks}")]
    pub(super) launcher: String,
    /// A folder that all ranks see, with room for the data
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(super) dir: PathBuf,
    /// Seconds after which a run is given up
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) timeout: u64,
}

/// The launcher that is none: `--thread-ranks`.
const THREADS: &str = "threads";

impl LaunchArgs {
    pub(super) fn check(&self) -> Result<()> {
        if self.launcher.contains("{ranks}") || self.launcher == THREADS {
            return Ok(());
        }
        Err(Error::usage(format!(
            "the launcher `{}` does not say where the number of ranks goes",
            self.launcher
        ))
        .remedy("write {ranks}, as in --launcher 'mpirun -n {ranks}'"))
    }
}

/// Refuses to be started on several ranks: this process starts the ranks.
pub(super) fn alone(comm: &Comm) -> Result<()> {
    let remedy = "start it without mpirun or srun; say how ranks are started with --launcher";
    Launch::detect().check_alone("`halocline bench` starts the ranks itself", remedy)?;
    if comm.size() > 1 {
        return Err(
            Error::usage("`halocline bench` starts the ranks itself").remedy("leave out --thread-ranks")
        );
    }
    Ok(())
}

/// What a run told.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// From outside: from the start of the launcher to its end, seconds.
    pub(super) wall: f64,
    /// `summary` of its log, or null.
    pub(super) summary: Value,
}

/// A folder of one's own, gone when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(dir: &Path) -> Result<Self> {
        let path = dir.join(format!("halocline-bench-{}", std::process::id()));
        std::fs::create_dir(&path).map_err(|e| {
            Error::system(format!("can't be made: {e}"))
                .in_file(&path)
                .remedy("choose another folder with --dir")
        })?;
        // Ranks may have another working directory.
        Ok(Self(std::fs::canonicalize(&path).unwrap_or(path)))
    }
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs this program with `words` on `ranks` ranks of `threads` threads; one rank needs no launcher
/// unless `launched`.
pub(super) fn run(
    args: &LaunchArgs,
    scratch: &Scratch,
    (ranks, threads, launched): (usize, usize, bool),
    words: &[String],
) -> Result<Told> {
    let me =
        std::env::current_exe().map_err(|e| Error::system(format!("this program can't be found: {e}")))?;
    let mut line: Vec<String> = Vec::new();
    let are_threads = args.launcher == THREADS;
    if (ranks > 1 || launched) && !are_threads {
        line.extend(
            args.launcher.replace("{ranks}", &ranks.to_string()).split_whitespace().map(str::to_owned),
        );
    }
    let log = scratch.file("log.json");
    let _ = std::fs::remove_file(&log);
    line.push(me.display().to_string());
    line.extend(words.iter().cloned());
    if ranks > 1 && are_threads {
        line.extend(["--thread-ranks".into(), ranks.to_string()]);
    }
    line.extend(["--quiet".into(), "--threads".into(), threads.to_string()]);
    line.extend(["--log-json".into(), log.display().to_string()]);
    let begun = Instant::now();
    // Open MPI refuses more ranks than cores unless told; others don't know the variable.
    let child = Command::new(&line[0])
        .args(&line[1..])
        .env("OMPI_MCA_rmaps_base_oversubscribe", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| {
            Error::system(format!("`{}` can't be started: {e}", line[0]))
                .remedy("say how ranks are started with --launcher")
        })?;
    let (status, complaint) = wait(child, args.timeout)?;
    let wall = begun.elapsed().as_secs_f64();
    if !status.success() {
        let first =
            complaint.lines().find(|l| l.contains("halocline: ")).or_else(|| complaint.lines().next());
        let code = status.code().map_or("no code".to_owned(), |c| format!("code {c}"));
        let error = format!("`{}` ended with {code}: {}", line.join(" "), first.unwrap_or("no message"));
        return Err(Error::communication(error).remedy("run it by hand to see what is wrong"));
    }
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let events: Vec<Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let of = |name: &str| events.iter().rev().find(|e| e["event"] == name).cloned().unwrap_or_default();
    Ok(Told { wall, summary: of("end")["summary"].clone() })
}

/// Waits for a child, not for ever, and gives what it wrote to standard error.
fn wait(mut child: std::process::Child, timeout: u64) -> Result<(std::process::ExitStatus, String)> {
    let failed = |e: std::io::Error| Error::system(format!("a run can't be waited for: {e}"));
    let pipe = child.stderr.take();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = std::io::Read::read_to_end(&mut pipe, &mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok((status, reader.join().unwrap_or_default()));
        }
        if begun.elapsed().as_secs() >= timeout {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Error::communication(format!("a run was given up after {timeout} s"))
                .remedy("look whether the launcher works, or give it longer with --timeout"));
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

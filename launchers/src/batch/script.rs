//! Fills the template of a job script.

use super::array;
use super::request::Request;
use super::scheduler::Scheduler;
use super::site::Site;
use crate::common::quoted;
use halocline_core::{Error, Result};
use minijinja::{context, Environment, UndefinedBehavior, Value};
use std::path::Path;

const SLURM: &str = include_str!("templates/slurm.sbatch");
const PBS: &str = include_str!("templates/pbs.pbs");

/// How ranks are started where the site does not say: Open MPI, each rank on its own cores.
const SLURM_LAUNCH: &str = "srun --mpi=pmix --kill-on-bad-exit=1 --ntasks={{ ranks }} \
    --ntasks-per-node={{ ranks_per_node }} --cpus-per-task={{ threads }} --cpu-bind=cores";
const PBS_LAUNCH: &str = "mpirun --hostfile \"$PBS_NODEFILE\" -np {{ ranks }} \
    --map-by slot:PE={{ threads }} --bind-to core";

/// A command line longer than this goes on in the next line.
const WIDTH: usize = 100;

/// What is to run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work<'a> {
    pub(super) program: &'a str,
    /// The words behind the program, checked.
    pub(super) words: &'a [String],
    /// Whether they say how many threads.
    pub(super) has_threads: bool,
    /// Name of the job.
    pub(super) name: &'a str,
    /// Where the script is going to be.
    pub(super) script: &'a Path,
    /// What the user typed, for whoever reads the script.
    pub(super) typed: &'a str,
}

/// The script of a job.
///
/// # Errors
/// Usage, if a template of the site can't be filled.
pub(super) fn fill(request: &Request, site: &Site, work: Work<'_>) -> Result<String> {
    let of_site = site.template.as_deref().map(|file| {
        let failed = |e| Error::data(format!("can't read the template: {e}")).in_file(file);
        std::fs::read_to_string(file).map_err(failed)
    });
    let (template, launch) = match request.scheduler {
        Scheduler::Slurm => (SLURM, SLURM_LAUNCH),
        Scheduler::Pbs => (PBS, PBS_LAUNCH),
    };
    let template = of_site.transpose()?.unwrap_or_else(|| template.to_owned());
    let launch = site.launch.as_deref().unwrap_or(launch);
    let values = values(request, site, work)?;
    let launch =
        render(launch, &values).map_err(|what| blame("the launch line", &what, site.file.as_deref()))?;
    let values = context! { launch => launch, ..values };
    let mut script =
        render(&template, &values).map_err(|what| blame("the template", &what, site.template.as_deref()))?;
    if !script.ends_with('\n') {
        script.push('\n');
    }
    Ok(script)
}

fn blame(whose: &str, what: &str, file: Option<&Path>) -> Error {
    let error =
        Error::usage(format!("{whose} can't be filled: {what}")).remedy("see jobscripts/site/README.md");
    match file {
        Some(file) => error.in_file(file),
        None => error,
    }
}

/// Everything that a template may ask for.
fn values(request: &Request, site: &Site, work: Work<'_>) -> Result<Value> {
    let mut setup = site.setup.clone();
    if !site.modules.is_empty() {
        let all: Vec<String> = site.modules.iter().map(|module| quoted(module)).collect();
        setup.push(format!("module load {} || exit 2", all.join(" ")));
    }
    setup.extend(site.environment.iter().map(|(name, value)| format!("export {name}={}", quoted(value))));
    // No line of a comment may end in the middle of what the user typed.
    let about: String = work.typed.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let ranks = u64::from(request.nodes) * u64::from(request.ranks_per_node);
    Ok(context! {
        about => vec![about],
        name => work.name,
        nodes => request.nodes,
        ranks => ranks,
        ranks_per_node => request.ranks_per_node,
        threads => request.threads,
        time => request.clock(),
        seconds => request.time.as_secs(),
        account => request.account.clone(),
        queue => request.queue.clone(),
        array => request.array.as_ref().map(|array| array.text.clone()),
        after => request.after.clone(),
        requeue => request.requeue,
        most_runs => request.most_runs,
        directives => request.directives.clone(),
        jobs => request.jobs.clone(),
        setup => setup,
        script => quoted(&work.script.to_string_lossy()),
        command => command(request, work)?,
    })
}

/// The command line for the shell, in lines.
fn command(request: &Request, work: Work<'_>) -> Result<String> {
    let mut words = vec![quoted(work.program)];
    if !work.has_threads {
        words.push(format!("--threads {}", request.threads));
    }
    words.push(format!("--status \"{}/{}-$JOB.status.json\"", request.jobs, work.name));
    for word in work.words {
        words.push(array::for_shell(word)?);
    }
    let (mut out, mut column) = (String::new(), 0);
    for word in words {
        if column > 0 && column + word.len() > WIDTH {
            out += " \\\n    ";
            column = 4;
        } else if column > 0 {
            out.push(' ');
        }
        column += word.len() + 1;
        out += &word;
    }
    Ok(out)
}

fn render(template: &str, values: &Value) -> std::result::Result<String, String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.render_str(template, values.clone()).map_err(|e| e.to_string().replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use super::super::array::parse;
    use super::*;
    use std::process::Command;
    use std::time::Duration;

    fn request(scheduler: Scheduler) -> Request {
        Request {
            scheduler,
            nodes: 2,
            ranks_per_node: 3,
            threads: 4,
            time: Duration::from_secs(3600),
            account: None,
            queue: None,
            array: None,
            after: Vec::new(),
            requeue: false,
            most_runs: 20,
            name: None,
            directives: Vec::new(),
            jobs: "jobs".to_owned(),
        }
    }

    fn filled(request: &Request, site: &str, words: &[&str]) -> Result<String> {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        let site = Site::parse(Path::new("site.toml"), site)?;
        let script = Path::new("jobs/x.pbs");
        let work = Work {
            program: "/opt/a b/halocline",
            words: &words,
            has_threads: false,
            name: "x",
            script,
            typed: "a\nb",
        };
        fill(request, &site, work)
    }

    /// What the shell makes of the command of a script: it is run with `printf` in place of the
    /// launcher.
    fn words_of(script: &str) -> Vec<String> {
        let folder = std::env::temp_dir();
        let shell = Command::new("bash")
            .args(["-c", script])
            .env("SLURM_SUBMIT_DIR", &folder)
            .env("PBS_O_WORKDIR", &folder)
            .envs([("SLURM_JOB_ID", "12"), ("SLURM_JOB_NODELIST", "n1"), ("SLURM_ARRAY_JOB_ID", "12")])
            .envs([("SLURM_ARRAY_TASK_ID", "7"), ("PBS_JOBID", "12[7].srv"), ("PBS_ARRAY_INDEX", "7")])
            .env("PBS_NODEFILE", "/dev/null")
            .output()
            .expect("bash");
        assert!(shell.status.success(), "{script}\n{}", String::from_utf8_lossy(&shell.stderr));
        let out = String::from_utf8_lossy(&shell.stdout).into_owned();
        // The first line is the script's own.
        out.split_once('\n').map_or("", |(_, rest)| rest).split('\0').map(str::to_owned).collect()
    }

    #[test]
    fn words_arrive_as_they_were_typed() {
        let odd =
            ["stats", "a b.nc", "it's", "$HOME", "`id`", "*", "\"q\"", "a\nb", "\\", "", "é", "#x", "~"];
        for scheduler in [Scheduler::Slurm, Scheduler::Pbs] {
            let script = filled(&request(scheduler), "launch = 'printf %s\\\\0'", &odd).expect("filled");
            let words = words_of(&script);
            let job = if scheduler == Scheduler::Slurm { "12" } else { "12[7]" };
            let status = format!("jobs/x-{job}.status.json");
            let front = ["/opt/a b/halocline", "--threads", "4", "--status", status.as_str()];
            let wanted: Vec<&str> = front.iter().chain(&odd).copied().chain([""]).collect();
            assert_eq!(words, wanted, "{scheduler:?}");
        }
    }

    #[test]
    fn elements_of_arrays_have_their_index() {
        for scheduler in [Scheduler::Slurm, Scheduler::Pbs] {
            let array = Some(parse("1-10").expect("a range"));
            let request = Request { array, requeue: true, ..request(scheduler) };
            let script =
                filled(&request, "launch = 'printf %s\\\\0'", &["a {index}", "{index:03}"]).expect("filled");
            let words = words_of(&script);
            assert_eq!(words[4..7], ["jobs/x-12_7.status.json", "a 7", "007"], "{scheduler:?}");
        }
    }

    #[test]
    fn directives_say_what_was_asked_for() {
        let full = |scheduler| Request {
            account: Some("p1".into()),
            queue: Some("main".into()),
            after: vec!["3".into(), "4".into()],
            directives: vec!["--mem=8G".into()],
            requeue: true,
            ..request(scheduler)
        };
        let site = "modules = ['a/1', 'b']\n[environment]\nX = 'y z'\n";
        let script = filled(&full(Scheduler::Slurm), site, &["info", "x"]).expect("filled");
        for line in [
            "#   a?b",
            "#SBATCH --nodes=2",
            "#SBATCH --ntasks-per-node=3",
            "#SBATCH --cpus-per-task=4",
            "#SBATCH --time=01:00:00",
            "#SBATCH --output=jobs/x-%j.out",
            "#SBATCH --requeue",
            "#SBATCH --account=p1",
            "#SBATCH --partition=main",
            "#SBATCH --dependency=afterok:3:4",
            "#SBATCH --mem=8G",
            "module load a/1 b || exit 2",
            "export X='y z'",
        ] {
            assert!(script.lines().any(|l| l == line), "{line} is not in\n{script}");
        }
        assert!(script.contains("srun --mpi=pmix") && script.contains("--ntasks=6"));
        let script = filled(&full(Scheduler::Pbs), site, &["info", "x"]).expect("filled");
        for line in [
            "#PBS -l select=2:ncpus=12:mpiprocs=3:ompthreads=4",
            "#PBS -l walltime=01:00:00",
            "#PBS -A p1",
            "#PBS -q main",
            "#PBS -W depend=afterok:3:4",
            "#PBS --mem=8G",
        ] {
            assert!(script.lines().any(|l| l == line), "{line} is not in\n{script}");
        }
        assert!(script.contains("-np 6") && script.contains("qsub -v \"HALOCLINE_RUNS=$runs\" jobs/x.pbs"));
    }

    #[test]
    fn templates_of_sites_that_are_wrong_are_refused() {
        for (site, what) in [
            ("launch = 'srun {{ rank }}'", "the launch line"),
            ("launch = 'srun {{ ranks'", "the launch line"),
            ("template = 'absent'", "can't read the template"),
        ] {
            let said = filled(&request(Scheduler::Slurm), site, &["info"]).expect_err(site).to_string();
            assert!(said.contains(what) && !said.contains('\n'), "{said}");
        }
    }
}

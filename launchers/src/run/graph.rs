//! From what is written to a pipeline that can run: what reads what, in which order.

use super::commands::Kind;
use super::document::{Document, Item, Section};
use super::inputs::Input;
use super::names::{Names, Node, Reference};
use super::scratch::prefix;
use super::steps::{Pipeline, Step};
use super::words::{check_keys, keys, nearest, text};
use halocline_core::{Error, Result};
use std::path::{Path, PathBuf};

/// Steps of a pipeline, at most; nobody writes more by hand.
const MOST: usize = 500;

/// How far a step is.
#[derive(Debug)]
enum State {
    New,
    /// What it reads is being looked at.
    Open,
    Selection(Input),
    /// A command, with its place among the steps that run and what it reads.
    Command(usize, Input),
}

/// What of the command line a pipeline depends on.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    /// The directory for files that do not stay.
    pub(super) scratch: Option<&'a Path>,
    /// A number that no other run has.
    pub(super) run: u64,
    /// The most memory of a rank.
    pub(super) memory: Option<&'a str>,
    /// Where files that stay go instead of where the pipeline says.
    pub(super) into: Option<&'a Path>,
}

/// The pipeline in the making.
pub(super) struct Resolver<'a> {
    pub(super) document: &'a Document,
    pub(super) around: &'a Surroundings<'a>,
    pub(super) names: Names<'a>,
    /// How the paths of files that do not stay begin.
    pub(super) scratch: String,
    kinds: Vec<Kind>,
    sources: Vec<Input>,
    states: Vec<State>,
    /// Files of steps (or their anomalies) that others read.
    wanted: Vec<(usize, bool)>,
    steps: Vec<Step>,
}

/// Makes a pipeline of a document.
///
/// # Errors
/// Usage, with the line.
pub(super) fn resolve(document: &Document, around: &Surroundings<'_>) -> Result<Pipeline> {
    let kinds = document.steps.iter().map(|step| kind(document, step)).collect::<Result<Vec<_>>>()?;
    for (section, &kind) in document.steps.iter().zip(&kinds) {
        check_keys(document, &section.entries, &keys(kind, true), &format!("`{}`", kind.name()))?;
    }
    let (names, sources) = (Names::of(document)?, sources(document)?);
    if document.steps.is_empty() {
        return Err(Error::usage("the pipeline has no steps")
            .in_file(&document.file)
            .remedy("add a [[step]]"));
    }
    if let Some(section) = document.steps.get(MOST) {
        return Err(document.refuse(section.line, format!("there are more than {MOST} steps")));
    }
    let scratch = around.scratch.map_or_else(|| beside_first_output(document), Path::to_owned);
    let mut resolver = Resolver {
        document,
        around,
        scratch: prefix(&scratch, around.run).display().to_string(),
        sources,
        states: kinds.iter().map(|_| State::New).collect(),
        wanted: names.wanted(document, &kinds)?,
        kinds,
        names,
        steps: Vec::new(),
    };
    for index in 0..document.steps.len() {
        resolver.visit(index)?;
    }
    let Resolver { steps, scratch, .. } = resolver;
    if steps.is_empty() {
        return Err(Error::usage("the pipeline makes nothing: its steps only select").in_file(&document.file));
    }
    let rounds = rounds(&steps);
    Ok(Pipeline { file: document.file.clone(), steps, rounds, scratch })
}

fn kind(document: &Document, section: &Section) -> Result<Kind> {
    let all = || format!("there are {}", Kind::names().collect::<Vec<_>>().join(", "));
    let Some(entry) = section.get("do") else {
        return Err(document.refuse(section.line, "the step does not say what to `do`").remedy(all()));
    };
    let word = text(document, entry)?;
    Kind::of(word).ok_or_else(|| {
        let near = nearest(word, Kind::names()).map(|near| format!("did you mean `{near}`?"));
        document.refuse(entry.line, format!("there is no step `{word}`")).remedy(near.unwrap_or_else(all))
    })
}

fn sources(document: &Document) -> Result<Vec<Input>> {
    let known = keys(Kind::Select, false);
    let input = |(name, section): &(String, Section)| {
        check_keys(document, &section.entries, &known, "a source")?;
        let input = Input::own(document, section)?;
        if input.names_files() {
            return Ok(input);
        }
        Err(document.refuse(section.line, format!("source `{name}` names no `files`")))
    };
    document.sources.iter().map(input).collect()
}

/// The directory of the first file that stays: one that all ranks see.
fn beside_first_output(document: &Document) -> PathBuf {
    let of_climatology = |s: &&Section| s.get("do").and_then(|e| e.value.scalar()) == Some("climatology");
    let anomaly = |s| Some(s).filter(of_climatology).and_then(|s| s.get("anomaly"));
    let outputs = document.steps.iter().flat_map(|s| s.get("output").into_iter().chain(anomaly(s)));
    let first = outputs.filter_map(|entry| entry.value.scalar()).map(Path::new).next();
    first.and_then(Path::parent).map_or_else(PathBuf::new, Path::to_owned)
}

/// Which steps can run as soon as those of the rounds before are done.
fn rounds(steps: &[Step]) -> Vec<Vec<usize>> {
    let mut depth = vec![0; steps.len()];
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    // Steps stand behind those that they need.
    for (index, step) in steps.iter().enumerate() {
        depth[index] = step.needs.iter().map(|&need| depth[need] + 1).max().unwrap_or(0);
        rounds.resize_with(rounds.len().max(depth[index] + 1), Vec::new);
        rounds[depth[index]].push(index);
    }
    rounds
}

impl<'a> Resolver<'a> {
    pub(super) fn section(&self, index: usize) -> &'a Section {
        &self.document.steps[index]
    }
    pub(super) fn kind(&self, index: usize) -> Kind {
        self.kinds[index]
    }
    /// Whether others read the output of a step, and its anomalies.
    pub(super) fn wanted(&self, index: usize) -> [bool; 2] {
        [false, true].map(|anomaly| self.wanted.contains(&(index, anomaly)))
    }
    /// How errors call a step.
    pub(super) fn label(&self, index: usize) -> String {
        let name = self.section(index).get("name").and_then(|e| e.value.scalar());
        name.map_or_else(|| format!("step {}", index + 1), |name| format!("step `{name}`"))
    }

    /// Resolves a step behind all that it reads.
    fn visit(&mut self, index: usize) -> Result<()> {
        if !matches!(self.states[index], State::New) {
            return Ok(());
        }
        self.states[index] = State::Open;
        let input = self.input(index)?;
        self.states[index] = if self.kinds[index] == Kind::Select {
            State::Selection(input)
        } else {
            let step = self.command(index, &input)?;
            self.steps.push(step);
            State::Command(self.steps.len() - 1, input)
        };
        Ok(())
    }

    /// What a step reads.
    fn input(&mut self, index: usize) -> Result<Input> {
        let section = self.section(index);
        if let Some(entry) = section.get("from") {
            let reference = self.names.from(self.document, entry)?;
            return self.referred(reference, entry.line)?.select(self.document, section);
        }
        let input = Input::own(self.document, section)?;
        if input.names_files() {
            return Ok(input);
        }
        let what = format!("{} has no data", self.label(index));
        Err(self.document.refuse(section.line, what).remedy("say `from` or `files`"))
    }

    /// What a reference on a line stands for.
    pub(super) fn referred(&mut self, reference: Reference, line: usize) -> Result<Input> {
        let anomaly = reference.anomaly;
        let refuse = |what: String, remedy: &str| Err(self.document.refuse(line, what).remedy(remedy));
        let index = match reference.node {
            Node::Source(index) if !anomaly => return Ok(self.sources[index].clone()),
            Node::Source(_) => return refuse("a source has no anomalies".into(), "name a climatology"),
            Node::Step(index) => index,
        };
        let label = self.label(index);
        if matches!(self.states[index], State::Open) {
            return refuse(
                format!("{label} would read what is made of its own output"),
                "steps can't go round in a circle: name another source or step",
            );
        }
        if self.kinds[index] == Kind::Plot {
            return refuse(format!("{label} makes a picture"), "name a step that makes data");
        }
        self.visit(index)?;
        let (step, own) = match &self.states[index] {
            State::Selection(input) if !anomaly => return Ok(input.clone()),
            State::Command(step, own) => (*step, own),
            _ => return refuse(format!("{label} makes no anomalies"), "name a climatology"),
        };
        let anomaly = anomaly || self.kinds[index] == Kind::Anomaly;
        let Some(file) = self.steps[step].made.get(usize::from(anomaly)) else {
            return refuse(
                format!("{label} makes no anomalies"),
                "add `anomaly = true` to it, if it is a climatology, or name its output",
            );
        };
        let file = file.path.to_string_lossy().into_owned();
        let var = own.var.clone().filter(|_| anomaly || self.keeps_name(index));
        Ok(Input::of_step(step, file, line, var, own.of_files("io").cloned()))
    }

    /// Whether the output of a step has its variables under the names that they had.
    fn keeps_name(&self, index: usize) -> bool {
        let section = self.section(index);
        let one = match section.get("op").map(|entry| &entry.value) {
            Some(Item::List(items)) => items.len() == 1,
            Some(item) => item.scalar().is_some_and(|text| !text.contains(',')),
            // A standardized climatology has deviations, too.
            None => section.get("standardize").is_none_or(|e| e.value == Item::Flag(false)),
        };
        match self.kinds[index] {
            Kind::Stats | Kind::Climatology => one,
            kind => matches!(
                kind,
                Kind::Rechunk
                    | Kind::Regrid
                    | Kind::FilterSpace
                    | Kind::FilterTime
                    | Kind::CalcTruncate
                    | Kind::Vertical
                    | Kind::CalcMesh(crate::calc::MeshKind::Interp)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLES: [&str; 4] = [
        include_str!("../../../docs/pipelines/monthly.toml"),
        include_str!("../../../docs/pipelines/statistics.toml"),
        include_str!("../../../docs/pipelines/index.toml"),
        include_str!("../../../docs/pipelines/ensemble.toml"),
    ];

    fn resolved(text: &str) -> Result<Pipeline> {
        let document = Document::parse(Path::new("p.toml"), text)?;
        resolve(&document, &Surroundings { scratch: Some(Path::new("s")), run: 7, memory: None, into: None })
    }

    #[test]
    fn rounds_follow_what_is_read() {
        let pipeline = resolved(EXAMPLES[2]).expect("an example");
        assert_eq!(pipeline.rounds, [vec![0], vec![1], vec![2, 3]]);
        let kept = |round| pipeline.useless_after(round).map(Path::to_owned).collect::<Vec<_>>();
        assert_eq!(kept(1), [] as [PathBuf; 0]);
        assert_eq!(kept(2), [PathBuf::from("s/.halocline-run-0000000000000007.anomalies.climatology.nc")]);
        let backwards = "[[step]]\ndo = 'eof'\nfrom = 'b'\nvar = 'x'\noutput = 'e'\n\
             [[step]]\nname = 'b'\ndo = 'select'\nfrom = 'a'\n\
             [[step]]\nname = 'a'\ndo = 'stats'\nfiles = 'f'\nvar = 'x'\n";
        let pipeline = resolved(backwards).expect("in any order");
        let labels: Vec<&str> = pipeline.steps.iter().map(|step| step.label.as_str()).collect();
        assert_eq!((labels, pipeline.rounds.len()), (vec!["step `a`", "step 1"], 2));
    }

    #[test]
    fn damaged_pipelines_are_errors_on_their_lines() {
        for example in EXAMPLES {
            resolved(example).expect("an example");
            for (count, (at, _)) in example.char_indices().enumerate().filter(|(n, _)| n % 5 == 0) {
                let rest = &example[at..];
                let other = ["", "\"", "[", "=", "\n", "\u{e9}", "1"][count % 7];
                let without = rest.chars().next().map_or(0, char::len_utf8);
                let text = format!("{}{other}{}", &example[..at], &rest[without..]);
                if let Err(e) = resolved(&text) {
                    assert_eq!(e.exit_code(), 2, "{e}");
                    assert!(e.file.as_deref().is_some_and(|file| file.starts_with("p.toml")), "{e}");
                }
            }
        }
    }
}

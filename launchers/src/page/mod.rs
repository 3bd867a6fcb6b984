//! `halocline report`: what files hold and how they were made, as a page for people.

#![allow(clippy::doc_markdown)] // the comments on options are their help texts

mod about;
mod figures;
mod made;
mod numbers;
mod words;

use crate::common::{check_output, MemoryArgs, Verbosity};
use crate::plot::write_beside;
use crate::provenance;
use crate::spectrum::parse_at;
use figures::Asked;
use halocline_core::budget::MemoryBudget;
use halocline_core::comm::Comm;
use halocline_core::{Error, Result};
use halocline_io::dataset::{Dataset, VariableInfo};
use halocline_io::inputs::RECORD;
use minijinja::{context, AutoEscape, Environment, UndefinedBehavior, Value};
use numbers::Numbers;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("page.html");

/// One page about results: figures, numbers, how they were made and how to make them again.
///
/// The page is one HTML file that holds all it shows, for a screen of any size and for print: it
/// loads nothing and runs nothing. Figures are those of `halocline plot`; numbers are of all values,
/// read block by block; what is told of the making is the record of each file.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// NetCDF files, each a part of the page
    #[arg(required = true, value_name = "OUT.nc")]
    files: Vec<String>,
    /// The variables to draw [default: what `halocline plot` chooses, else all, of many the first 8]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    var: Vec<String>,
    /// The modes to draw, where there are any, from 1
    #[arg(long, value_name = "K,…", value_delimiter = ',', default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    mode: Vec<u32>,
    /// The time step to draw of maps that have times, from 1
    #[arg(long, value_name = "N")]
    step: Option<usize>,
    /// The place whose spectra are drawn, of files that have those of many cells: the nearest cell
    #[arg(long, value_name = "LON,LAT", allow_hyphen_values = true, value_parser = parse_at)]
    at: Option<[f64; 2]>,
    /// The frequency of which maps are drawn, of files that have the spectra of many cells, in their
    /// units: the nearest
    #[arg(long, value_name = "F", conflicts_with = "at")]
    frequency: Option<f64>,
    /// The headline [default: of one file its title]
    #[arg(long)]
    title: Option<String>,
    /// The page to write, .html
    #[arg(long, short, value_name = "X.html")]
    output: PathBuf,
    #[command(flatten)]
    memory: MemoryArgs,
}

impl ReportArgs {
    fn check(&self) -> Result<()> {
        let ending = self.output.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        if !matches!(ending.as_deref(), Some("html" | "htm")) {
            return Err(Error::usage("a report is a page of HTML")
                .in_file(&self.output)
                .remedy("name it .html"));
        }
        // A pattern would name other files than the one that is meant.
        match self.files.iter().find(|file| !Path::new(file).exists()) {
            Some(file) => Err(Error::data("no such file").in_file(file)),
            None => Ok(()),
        }
    }
    /// What is to be drawn of each file.
    fn asked(&self) -> Asked {
        let mut options = Vec::new();
        options.extend(self.step.map(|n| format!("--step={n}")));
        options.extend(self.at.map(|[lon, lat]| format!("--at={lon},{lat}")));
        options.extend(self.frequency.map(|f| format!("--frequency={f}")));
        Asked { variables: self.var.clone(), modes: self.mode.clone(), options }
    }
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this; all read, one draws and writes.
pub(crate) fn run(comm: &Comm, args: &ReportArgs, verbosity: Verbosity) -> Result<()> {
    comm.on_root(|| args.check())?;
    let inputs: Vec<PathBuf> = args.files.iter().map(PathBuf::from).collect();
    check_output(comm, &args.output, &inputs)?;
    let budget = args.memory.budget(comm)?;
    let mut found = vec![false; args.var.len()];
    let mut sections = Vec::new();
    let mut figures = 0;
    for file in &args.files {
        let dataset = halocline_io::open(comm, std::slice::from_ref(file))?;
        for (name, found) in args.var.iter().zip(&mut found) {
            *found |= dataset.variable(name).is_ok();
        }
        let rows = rows(comm, &dataset, &budget).map_err(|e| e.in_file(file))?;
        comm.on_root(|| {
            sections.push(section(&dataset, file, args, &rows, &budget, &mut figures));
            Ok(())
        })?;
    }
    if let Some((name, _)) = args.var.iter().zip(&found).find(|(_, found)| !**found) {
        return Err(Error::usage("no file has such a variable").in_variable(name));
    }
    comm.on_root(|| {
        let page = fill(args, sections)?;
        write_beside(&args.output, page.as_bytes())
    })?;
    verbosity.say(comm, || format!("wrote {}", args.output.display()));
    Ok(())
}

/// Numbers of a variable, or why there are none.
type Row = (VariableInfo, std::result::Result<Numbers, String>);

/// Numbers of each data variable.
///
/// # Collective
/// Every rank calls this.
fn rows(comm: &Comm, dataset: &Dataset, budget: &MemoryBudget) -> Result<Vec<Row>> {
    let mut all = Vec::new();
    for info in dataset.data_variables() {
        let numbers = if info.variable.dtype.is_numeric() {
            Ok(numbers::numbers(comm, dataset, info, budget)?)
        } else {
            Err(format!("holds {} values, no numbers", info.variable.dtype.name()))
        };
        all.push((info.clone(), numbers));
    }
    Ok(all)
}

/// What the page says of a file. Not collective.
fn section(
    dataset: &Dataset,
    path: &str,
    args: &ReportArgs,
    rows: &[Row],
    budget: &MemoryBudget,
    figures: &mut usize,
) -> Value {
    let name =
        Path::new(path).file_name().map_or_else(|| path.to_owned(), |n| n.to_string_lossy().into_owned());
    let pictures = figures::draw(dataset, &args.asked(), budget);
    let drawn: Vec<Value> = pictures
        .drawn
        .iter()
        .map(|picture| {
            *figures += 1;
            context! {
                number => *figures,
                data => picture.data.as_str(),
                width => picture.size.0,
                height => picture.size.1,
                alt => picture.alt.as_str(),
                caption => picture.caption.as_str(),
            }
        })
        .collect();
    let variables: Vec<Value> =
        rows.iter().map(|(info, numbers)| about::row(info, numbers.clone())).collect();
    // Without a record, what a file says itself is in its history.
    let (record, unknown) = match dataset.attributes().text(RECORD) {
        None => (None, "It has no record of how it was made: only outputs of halocline have.".to_owned()),
        Some(_) => match provenance::read(Path::new(path)) {
            Ok(record) => (Some(provenance::chained(&record)), String::new()),
            Err(e) => (None, format!("How it was made can't be told: {e}")),
        },
    };
    let history = match &record {
        Some(_) => "",
        None => dataset.attributes().text("history").unwrap_or_default(),
    };
    let (again, verify) = record.as_ref().map(|r| made::again(r, path)).unwrap_or_default();
    context! {
        title => about::title(dataset, &name),
        name,
        facts => about::facts(dataset, path, args.title.is_some() && args.files.len() == 1),
        figures => drawn,
        notes => pictures.notes,
        variables,
        made => record.as_ref().map(made::made).unwrap_or_default(),
        unknown,
        history,
        timings => record.as_ref().map(made::timings).unwrap_or_default(),
        again,
        verify,
    }
}

fn fill(args: &ReportArgs, sections: Vec<Value>) -> Result<String> {
    let failed = |e: minijinja::Error| Error::internal(format!("the page can't be filled: {e}"));
    let only = match sections.as_slice() {
        [one] => one.get_attr("title").map_err(failed)?.to_string(),
        _ => format!("{} results", sections.len()),
    };
    let mut environment = Environment::new();
    // What a user forgot to quote is no markup: text of files is escaped everywhere.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let title = args.title.clone().unwrap_or(only);
    let page = context! { title, version => env!("CARGO_PKG_VERSION"), sections };
    environment.render_str(PAGE, page).map(|text| words::harmless(&text)).map_err(failed)
}

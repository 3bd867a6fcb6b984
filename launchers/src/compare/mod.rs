//! `halocline compare`.

mod fields;
mod metadata;
mod numbers;
mod side;
mod told;
mod walk;

use crate::common::{parse_io, MemoryArgs, Verbosity};
use crate::info::print;
use halocline_algorithms::compare::{Differences, Tolerance};
use halocline_core::budget::MemoryBudget;
use halocline_core::comm::Comm;
use halocline_core::{Error, ErrorKind, Result};
use halocline_io::Io;
use side::Side;

/// How two NetCDF files differ: values, what is missing, attributes, dimensions, types.
///
/// Ends with 0 if they are the same, 7 if they differ, 3 if a file can't be read, no variable is in
/// both, or something (values with lengths of their own, what NetCDF does not see in an HDF5 file, an
/// attribute of a type that the writer has defined) can't be compared. Variables in groups go by their full names, as in /model/sst. A cell
/// that is missing in both files is the same in both, whatever stands for missing.
#[derive(Debug, clap::Args)]
// Answers to questions that do not depend on each other.
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct CompareArgs {
    /// The first file
    #[arg(value_name = "A.nc")]
    first: String,
    /// The second file
    #[arg(value_name = "B.nc")]
    second: String,
    /// Variables to compare [default: all]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    var: Vec<String>,
    /// Variables and groups to leave out
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    exclude: Vec<String>,
    /// Attributes to leave out, of the file and of all variables; an empty text: none
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        default_value = "history,halocline_provenance"
    )]
    ignore_attributes: Vec<String>,
    /// Compare values only: no attributes, and no names of dimensions
    #[arg(long)]
    data_only: bool,
    /// Compare packed values as they are unpacked, not as they are stored
    #[arg(long)]
    unpacked: bool,
    /// Take values for the same whose difference is at most this; within any tolerance is within
    #[arg(long, value_name = "X", value_parser = tolerance)]
    tolerance_abs: Option<f64>,
    /// Take values for the same whose difference is at most this part of the larger of the two
    #[arg(long, value_name = "X", value_parser = tolerance)]
    tolerance_rel: Option<f64>,
    /// Take values for the same that are at most this many units in the last place apart
    #[arg(long, value_name = "N")]
    tolerance_ulp: Option<u64>,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    /// How files are read
    #[arg(long, default_value = "auto", value_parser = parse_io, value_name = "auto|direct|library")]
    io: Io,
    #[command(flatten)]
    memory: MemoryArgs,
}

fn tolerance(text: &str) -> std::result::Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0);
    number.ok_or_else(|| "is no number from 0 on".to_owned())
}

/// What is compared, and what counts as the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    /// Empty: all variables.
    pub(crate) var: Vec<String>,
    pub(crate) exclude: Vec<String>,
    pub(crate) ignore: Vec<String>,
    pub(crate) data_only: bool,
    pub(crate) unpacked: bool,
    pub(crate) tolerance: Tolerance,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) files: [String; 2],
    pub(crate) variables: Vec<Compared>,
    /// Differences of the files themselves: dimensions, attributes, groups that only one has.
    pub(crate) metadata: Vec<String>,
    /// Attributes of both files whose values nobody here reads, a line each.
    pub(crate) unread: Vec<String>,
    /// Full names of data sets of both files that NetCDF does not see.
    pub(crate) unseen: Vec<String>,
}

/// A variable of one or both files.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) name: String,
    /// As in `sst(time, lat, lon) float`.
    pub(crate) described: String,
    /// Differences of description.
    pub(crate) metadata: Vec<String>,
    /// Differences of values; `None` where they were not compared.
    pub(crate) values: Option<Differences>,
    /// Why they were not, if that makes files differ.
    pub(crate) refused: Option<String>,
    /// Why nobody can compare values of their type, if that is so.
    pub(crate) unread: Option<&'static str>,
    /// Where extremes are, in words.
    pub(crate) places: Places,
}

/// Index and coordinates of the largest differences.
#[derive(Debug, Default)]
pub(crate) struct Places {
    pub(crate) absolute: Place,
    pub(crate) relative: Place,
    pub(crate) ulp: Place,
    pub(crate) first: Place,
}

/// Where a cell is.
#[derive(Debug, Default, Clone)]
pub(crate) struct Place {
    pub(crate) index: Vec<usize>,
    /// `lat 10.5`, one for each dimension that has coordinates.
    pub(crate) coordinates: Vec<String>,
}

impl Compared {
    pub(crate) fn differs(&self) -> bool {
        !self.metadata.is_empty()
            || self.refused.is_some()
            || self.values.as_ref().is_some_and(|v| v.beyond > 0)
    }
    /// Whether nobody has looked at the values.
    pub(crate) fn is_unknown(&self) -> bool {
        self.values.is_none() && self.refused.is_none()
    }
}

impl Comparison {
    /// Whether all that is asked for was compared and is the same.
    pub(crate) fn is_same(&self) -> bool {
        !self.differs() && self.untold() == 0
    }
    /// How many variables, attributes and data sets were not compared.
    fn untold(&self) -> usize {
        self.unknown().len() + self.unread.len() + self.unseen.len()
    }
    /// Whether a difference was found.
    pub(crate) fn differs(&self) -> bool {
        !self.metadata.is_empty() || self.variables.iter().any(Compared::differs)
    }
    /// Variables that were not compared.
    pub(crate) fn unknown(&self) -> Vec<&str> {
        self.variables.iter().filter(|v| v.is_unknown()).map(|v| v.name.as_str()).collect()
    }
    /// What differs, a line each.
    pub(crate) fn text(&self) -> String {
        told::text(self)
    }
    pub(crate) fn json(&self) -> serde_json::Value {
        told::json(self)
    }
}

/// Compares two files.
///
/// # Errors
/// Data, if a file can't be read or there is nothing to compare; usage, if a variable that is named
/// is in neither; memory, if a block of both can't be held.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn compare(
    comm: &Comm,
    files: [&str; 2],
    rules: &Rules,
    io: Io,
    budget: &MemoryBudget,
) -> Result<Comparison> {
    let [first, second] = files.map(|path| comm.on_root(|| side::existing(path)));
    let (a, b) = (Side::open(comm, &first?, io)?, Side::open(comm, &second?, io)?);
    let wanted = metadata::wanted(&a, &b, rules)?;
    let mut variables = Vec::new();
    for name in &wanted {
        variables.push(fields::compare(comm, (&a, &b), name, rules, budget)?);
    }
    let mut metadata = if rules.data_only { Vec::new() } else { metadata::of_files(&a, &b, rules) };
    metadata.extend(metadata::of_groups(&a, &b, rules));
    let (unread, lonely) = metadata::unread(&a, &b, &wanted, rules);
    metadata.extend(lonely);
    let (unseen, lonely) = metadata::unseen(&a, &b, rules);
    metadata.extend(lonely);
    if variables.iter().all(|v| v.values.is_none()) && !wanted.is_empty() && unseen.is_empty() {
        let both = |v: &Compared| {
            v.refused.as_deref() != Some(fields::ONLY_IN_FIRST)
                && v.refused.as_deref() != Some(fields::ONLY_IN_SECOND)
        };
        if !variables.iter().any(both) {
            return Err(strangers(&a, &b));
        }
    }
    // Groups that one file lacks have no variables to compare: where there are no others, none is in both.
    if wanted.is_empty() && unseen.is_empty() && rules.exclude.is_empty() && !metadata.is_empty() {
        return Err(strangers(&a, &b));
    }
    if wanted.is_empty() && metadata.is_empty() && unseen.is_empty() {
        return Err(Error::data("there are no variables to compare").in_file(&a.path));
    }
    Ok(Comparison { files: [a.path, b.path], variables, metadata, unread, unseen })
}

fn strangers(a: &Side, b: &Side) -> Error {
    Error::data(format!("has no variable in common with {}", b.path)).in_file(&a.path)
}

/// Runs the command.
///
/// # Collective
/// Every rank calls this.
pub(crate) fn run(comm: &Comm, args: &CompareArgs, verbosity: Verbosity) -> Result<()> {
    let budget = args.memory.budget(comm)?;
    let rules = Rules {
        var: args.var.clone(),
        exclude: args.exclude.clone(),
        ignore: args.ignore_attributes.clone(),
        data_only: args.data_only,
        unpacked: args.unpacked,
        tolerance: Tolerance {
            absolute: args.tolerance_abs,
            relative: args.tolerance_rel,
            ulp: args.tolerance_ulp,
        },
    };
    let compared = compare(comm, [&args.first, &args.second], &rules, args.io, &budget)?;
    let mut printed = Ok(());
    if comm.is_root() && (args.json || !verbosity.is_quiet()) {
        printed = print(&if args.json {
            serde_json::to_string_pretty(&compared.json()).unwrap_or_default() + "\n"
        } else {
            compared.text()
        });
    }
    comm.agree(printed)?;
    if compared.is_same() {
        return Ok(());
    }
    if !compared.differs() {
        let unknown = compared.unknown();
        let unknown: Vec<&str> =
            unknown.into_iter().chain(compared.unseen.iter().map(String::as_str)).collect();
        let names = unknown.iter().map(|name| format!("`{name}`"));
        let all: Vec<String> = names.chain(compared.unread.iter().cloned()).collect();
        let what = format!(
            "what is compared is the same as in {}, but not everything is: {}",
            args.second,
            all.join(", ")
        );
        let remedy = if unknown.is_empty() {
            "leave attributes out with --ignore-attributes, or compare with --data-only".to_owned()
        } else {
            format!("leave them out with --exclude {}", unknown.join(","))
        };
        return Err(Error::data(what).in_file(&args.first).remedy(remedy));
    }
    Err(Error::new(ErrorKind::Difference, format!("differs from {}", args.second)).in_file(&args.first))
}

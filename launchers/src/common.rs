//! Options and habits that all data commands share.

pub(crate) use halocline_core::budget::bytes_text;
use halocline_core::budget::{parse_bytes, MemoryBudget};
use halocline_core::calendar::TimeRange;
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::memory;
use halocline_core::meta::Dim;
use halocline_core::{Error, Result};
use halocline_io::output::{Compression, Schema};
use halocline_io::{Dataset, Io, NamedRegion, OpenOptions, Region, Selection};
use std::io::Read as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

/// How much is said.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct Verbosity {
    /// Say nothing but errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Say more
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    verbose: bool,
}

/// The log for machines.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LogArgs {
    /// Append one JSON object a line to FILE, or print them on standard output: what a machine
    /// wants to know of start, progress and end
    #[arg(long, global = true, value_name = "FILE|-")]
    pub(crate) log_json: Option<PathBuf>,
    /// Keep FILE an account of how far the run is, one JSON object that is always whole;
    /// `halocline status` reads it
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) status: Option<PathBuf>,
}

impl Verbosity {
    /// Nothing but errors.
    pub(crate) const fn silent() -> Self {
        Self { quiet: true, verbose: false }
    }
    /// Whether nothing is said but errors.
    pub(crate) fn is_quiet(self) -> bool {
        self.quiet
    }
    /// Whether more is to be said.
    pub(crate) fn is_verbose(self) -> bool {
        self.verbose
    }
    /// Prints a line on one rank, unless quiet.
    pub(crate) fn say(self, comm: &Comm, line: impl FnOnce() -> String) {
        if !self.quiet && comm.is_root() {
            crate::progress::line(&line());
        }
    }
    /// Prints a line on one rank when more was asked for.
    pub(crate) fn detail(self, comm: &Comm, line: impl FnOnce() -> String) {
        if self.verbose && comm.is_root() {
            crate::progress::line(&line());
        }
    }
}

/// Which files.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct InputArgs {
    /// NetCDF files, read as one data set along time; patterns such as 'sst_*.nc' are expanded
    #[arg(required_unless_present = "files", value_name = "FILES")]
    inputs: Vec<String>,
    /// A text file that lists further input files, one a line
    #[arg(long, value_name = "LIST")]
    files: Option<PathBuf>,
    /// Files are members of an ensemble: the same times in each, side by side along a new
    /// dimension `member`
    #[arg(long)]
    ensemble: bool,
    /// Neither look metadata up in the cache nor keep them there
    #[arg(long)]
    no_cache: bool,
    /// How files are read: directly by all threads, through the NetCDF library, or directly
    /// wherever that is known to work. All ways give the same bits
    #[arg(long, default_value = "auto", value_parser = parse_io, value_name = "auto|direct|library")]
    pub(crate) io: Io,
}

pub(crate) fn parse_io(word: &str) -> std::result::Result<Io, String> {
    word.parse().map_err(|e: Error| e.to_string())
}

/// How what is written is compressed.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CompressArgs {
    /// Compression of what is written: none, deflate:N with N from 1 (fast) to 9, or zstd:N with N
    /// from -7 to 22, which not every reader has the plugin for
    #[arg(long, value_name = "none|deflate:N|zstd:N", default_value = "deflate:1", value_parser = parse_compression)]
    compress: Compression,
}

fn parse_compression(word: &str) -> std::result::Result<Compression, String> {
    word.parse().map_err(|e: Error| e.to_string())
}

impl CompressArgs {
    /// How a variable is compressed.
    pub(crate) fn compression(&self) -> Compression {
        self.compress
    }
    /// Has all of a file's data compressed so.
    pub(crate) fn apply(&self, schema: &mut Schema) {
        schema.compress(self.compress);
    }
}

/// How much memory.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct MemoryArgs {
    /// The most memory that each rank's process may have resident, as in 512MB or 4GiB
    /// [default: four fifths of what the job or the machine grants, shared by its ranks]
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
}

impl MemoryArgs {
    /// As it was asked for.
    pub(crate) fn asked(&self) -> Option<&str> {
        self.memory.as_deref()
    }
    /// This, or what is asked for elsewhere.
    pub(crate) fn or(&self, other: Option<&str>) -> Self {
        Self { memory: self.memory.clone().or_else(|| other.map(str::to_owned)) }
    }
    /// The budget of this rank, the same on every one.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn budget(&self, comm: &Comm) -> Result<MemoryBudget> {
        let asked = self.memory.as_deref().map(parse_bytes).transpose()?;
        let budget = MemoryBudget::of(comm, asked);
        if budget.bytes < TIGHT {
            memory::return_large_blocks();
        }
        Ok(budget)
    }
}

/// Budgets below this are short of what the allocator would keep of freed memory.
const TIGHT: u64 = 1 << 30;

impl InputArgs {
    /// Opens all inputs as one data set.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn open(&self, comm: &Comm, verbosity: Verbosity) -> Result<Dataset> {
        self.open_only(comm, verbosity, &self.resolve(comm)?)
    }

    /// Opens some files in the way of these options.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn open_only(&self, comm: &Comm, verbosity: Verbosity, files: &[String]) -> Result<Dataset> {
        let options = OpenOptions { cache: !self.no_cache, io: self.io, ensemble: self.ensemble };
        let dataset = halocline_io::open_with(comm, files, options)?;
        dataset.notes().iter().for_each(|note| verbosity.detail(comm, || note.clone()));
        Ok(dataset)
    }

    /// For each of the names, the inputs that hold such a variable.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn holders(&self, comm: &Comm, names: &[&str]) -> Result<Vec<Vec<String>>> {
        halocline_io::dataset::holders(comm, &self.resolve(comm)?, self.io, names)
    }

    /// Opens inputs that may hold different variables: a data set for each group of files that hold
    /// the same.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn open_groups(&self, comm: &Comm, verbosity: Verbosity) -> Result<Vec<Dataset>> {
        let options = OpenOptions { cache: !self.no_cache, io: self.io, ensemble: self.ensemble };
        let all = halocline_io::open_groups(comm, &self.resolve(comm)?, options)?;
        all.iter().flat_map(Dataset::notes).for_each(|note| verbosity.detail(comm, || note.clone()));
        Ok(all)
    }

    /// What of it results depend on, as it is written into outputs.
    pub(crate) fn describe(&self) -> Option<(&'static str, String)> {
        self.ensemble.then(|| ("ensemble", "yes".to_owned()))
    }

    /// All inputs, those of the list included.
    ///
    /// # Collective
    /// One rank reads the list.
    fn resolve(&self, comm: &Comm) -> Result<Vec<String>> {
        let Some(list) = &self.files else { return Ok(self.inputs.clone()) };
        let listed = comm.on_root(|| listed(list))?;
        halocline_io::inputs::note(list);
        if listed.is_empty() && self.inputs.is_empty() {
            return Err(Error::usage("the list names no files").in_file(list));
        }
        Ok(self.inputs.iter().cloned().chain(listed).collect())
    }
}

/// The files that a list names, one a line.
///
/// # Errors
/// Data, if it is not there; system, if it can't be read.
pub(crate) fn listed(list: &Path) -> Result<Vec<String>> {
    /// Bytes of a list, at most: a million long paths.
    const LONGEST: u64 = 256 << 20;
    let mut text = String::new();
    // It may be a pipe, whose length nobody knows; but not a device without end.
    let is_endless = |about: &std::fs::Metadata| about.file_type().is_char_device();
    let read = std::fs::File::open(list).and_then(|file| {
        if is_endless(&file.metadata()?) {
            return Err(std::io::Error::other("it is a device"));
        }
        file.take(LONGEST + 1).read_to_string(&mut text)
    });
    read.map_err(|e| {
        let kind = if e.kind() == std::io::ErrorKind::NotFound { Error::data } else { Error::system };
        kind(format!("can't read the list of files: {e}")).in_file(list)
    })?;
    if text.len() as u64 > LONGEST {
        return Err(Error::data("is too long for a list of files").in_file(list));
    }
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// Which part of the data, and how it is divided among ranks.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SelectionArgs {
    /// Times from A to B, both included: dates such as 1990, 1990-03 or 1990-03-15
    #[arg(long, value_name = "A/B")]
    time: Option<String>,
    /// Longitudes west to east, latitudes south to north, in degrees; may cross any meridian
    #[arg(long = "box", value_name = "W,E,S,N", allow_hyphen_values = true)]
    pub(crate) lon_lat_box: Option<String>,
    /// One level, or those from A to B, by value in the file's units
    #[arg(long, value_name = "L|A/B", allow_hyphen_values = true)]
    level: Option<String>,
    /// Leave out cells where variable VAR of FILE is 0 or missing, or is none of these values; may
    /// be given more than once
    #[arg(long, value_name = "FILE:VAR[=N,…]")]
    mask: Vec<String>,
    /// Leave out cells whose centre lies outside of this region, such as nino3.4, or of the
    /// polygons of a GeoJSON file; `list` tells the names
    #[arg(long, value_name = "NAME|FILE.geojson[:FEATURE]")]
    region: Option<String>,
    /// How ranks divide the reading, as in time=2,lat=4 [default: by stored chunks]; the result
    /// does not depend on it
    #[arg(long, value_name = "lat=2,…")]
    decomposition: Option<String>,
}

impl SelectionArgs {
    /// The selection as checked values.
    pub(crate) fn selection(&self) -> Result<Selection> {
        let time = self.time.as_deref().map(TimeRange::parse).transpose()?;
        let lon_lat_box = self.lon_lat_box.as_deref().map(parse_box).transpose()?;
        let (level, levels) = self.level.as_deref().map(parse_level).transpose()?.unwrap_or_default();
        let masks = self.mask.iter().map(|m| m.parse()).collect::<Result<_>>()?;
        let region = self.region.as_deref().map(parse_region).transpose()?;
        Ok(Selection { time, lon_lat_box, level, levels, masks, region, ..Selection::default() })
    }
    /// Parts of the dimensions, by hand.
    pub(crate) fn parts(&self, comm: &Comm, dims: &[Dim]) -> Result<Option<Vec<usize>>> {
        let text = self.decomposition.as_deref();
        text.map(|text| Decomposition::parse_parts(text, dims, comm.size())).transpose()
    }
    /// [`Self::selection`] of all levels and members, unless one is chosen, to be read as `io` says.
    pub(crate) fn of_all_levels(&self, io: Io) -> Result<Selection> {
        Ok(Selection { all_levels: true, io, ..self.selection()? })
    }
    /// As it is written into outputs.
    pub(crate) fn describe(&self) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        all.extend(self.time.iter().map(|t| ("time", t.clone())));
        all.extend(self.lon_lat_box.iter().map(|b| ("box", b.clone())));
        all.extend(self.level.iter().map(|l| ("level", l.clone())));
        all.extend(self.mask.iter().map(|m| ("mask", m.clone())));
        all.extend(self.region.iter().map(|r| ("region", r.clone())));
        all
    }
}

/// Where the files of a data set are.
pub(crate) fn paths(dataset: &Dataset) -> Vec<PathBuf> {
    dataset.files().iter().map(|f| PathBuf::from(&f.path)).collect()
}

/// What was chosen of the input, as it is written into outputs.
pub(crate) fn described(input: &InputArgs, selection: &SelectionArgs) -> Vec<String> {
    let all = input.describe().into_iter().chain(selection.describe());
    all.map(|(k, v)| format!("{k}={v}")).collect()
}

/// Refuses what is no radius of a planet, in metres.
pub(crate) fn check_radius(radius: f64) -> Result<()> {
    if (1.0..=1e12).contains(&radius) {
        return Ok(());
    }
    Err(Error::usage(format!("--radius {radius} is no radius of a planet"))
        .remedy("give it in metres, as in 6371200"))
}

/// Refuses what is named more than once.
pub(crate) fn check_once<T: AsRef<str>>(names: &[T]) -> Result<()> {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        None => Ok(()),
        Some((_, name)) => Err(Error::usage(format!("`{name}` is asked for twice")).remedy("name it once")),
    }
}

/// One level, or a range of them.
fn parse_level(text: &str) -> Result<(Option<f64>, Option<[f64; 2]>)> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|l| l.is_finite());
    let found = match text.split_once('/') {
        None => number(text).map(|level| (Some(level), None)),
        // Pressure falls upwards: either end may be first.
        Some((a, b)) => number(a).zip(number(b)).map(|(a, b)| (None, Some([a.min(b), a.max(b)]))),
    };
    found.ok_or_else(|| {
        Error::usage(format!("--level `{text}` is no level"))
            .remedy("write --level 500 or --level 1000/500, in the units of the file")
    })
}

fn parse_region(text: &str) -> Result<Region> {
    if text != "list" {
        return text.parse();
    }
    let about = |r: &NamedRegion| {
        let boxes: Vec<String> = r.boxes.iter().map(|[w, e, s, n]| format!("{w},{e},{s},{n}")).collect();
        let extent = if r.is_outlined() { r.about.to_owned() } else { boxes.join(" and ") };
        format!("{} ({extent})", r.names.join(" or "))
    };
    let all: Vec<String> = Region::named().iter().map(about).collect();
    Err(Error::usage("regions are asked for")
        .remedy(format!("choose one of these, boxes W,E,S,N or oceans: {}", all.join("; "))))
}

fn parse_box(text: &str) -> Result<[f64; 4]> {
    let numbers: Vec<f64> = text.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    match numbers.as_slice() {
        &[w, e, s, n] if text.split(',').count() == 4 && numbers.iter().all(|v| v.is_finite()) => {
            Ok([w, e, s, n])
        }
        _ => Err(Error::usage(format!("--box `{text}` is not four numbers"))
            .remedy("write --box W,E,S,N in degrees, as in --box 120,290,-20,20")),
    }
}

/// Refuses, before any work, an output that could not be written or would replace an input: one of
/// `inputs`, or a mask, region or list of the command line.
///
/// # Collective
/// One rank looks.
pub(crate) fn check_output(comm: &Comm, output: &Path, inputs: &[PathBuf]) -> Result<()> {
    comm.on_root(|| {
        if output == Path::new("-") {
            return Err(Error::usage("NetCDF can't be written to standard output").remedy("name a file with -o"));
        }
        if output.is_dir() {
            return Err(Error::usage("the output is a directory").in_file(output).remedy("name a file with -o"));
        }
        let parent = match output.parent() {
            Some(p) if !p.as_os_str().is_empty() => p,
            _ => Path::new("."),
        };
        if !parent.is_dir() {
            return Err(Error::system("the directory of the output does not exist")
                .in_file(output)
                .remedy(format!("create {} first", parent.display())));
        }
        let same = |input: &PathBuf| {
            matches!((input.canonicalize(), output.canonicalize()), (Ok(a), Ok(b)) if a == b)
        };
        if crate::status_file::target().is_some_and(|status| is_same_place(&status, output)) {
            return Err(Error::usage("the output would replace the status file").in_file(output).remedy("name another file with -o"));
        }
        if crate::report::target().is_some_and(|log| is_same_place(log, output)) {
            return Err(Error::usage("the output would replace the log").in_file(output).remedy("name another file with -o"));
        }
        let beside = crate::provenance::arguments::given().map_or_else(Vec::new, crate::provenance::arguments::Given::files_beside);
        if inputs.iter().chain(&beside).any(same) {
            return Err(Error::usage("the output would replace an input").in_file(output).remedy("name another file with -o"));
        }
        Ok(())
    })
}

/// Whether two paths, which need not exist, name the same entry of the same directory.
pub(crate) fn is_same_place(a: &Path, b: &Path) -> bool {
    let place = |path: &Path| {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        Some((parent.canonicalize().ok()?, path.file_name()?.to_owned()))
    };
    let entry = |path: &Path| path.canonicalize().ok();
    matches!((place(a), place(b)), (Some(a), Some(b)) if a == b)
        || matches!((entry(a), entry(b)), (Some(a), Some(b)) if a == b)
}

/// The command line as typed, for `history`.
pub(crate) fn command_line() -> String {
    let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let program = words.next().map_or_else(
        || "halocline".to_owned(),
        |p| Path::new(&p).file_name().map_or(p.clone(), |n| n.to_string_lossy().into_owned()),
    );
    std::iter::once(program).chain(words.map(|word| quoted(&word))).collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it back, whatever is in it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

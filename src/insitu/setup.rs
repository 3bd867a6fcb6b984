//! What is to be found in a running program, checked once.

use super::Kind;
use halocline_core::calendar::{Calendar, DateTime, TimeUnits};
use halocline_core::comm::{Comm, Reduce};
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::{Error, Result};

/// What is to be done, with which fields, on which grid.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What to find.
    pub kind: Kind,
    /// Name and attributes of each field that is pushed.
    pub fields: Vec<(String, Attributes)>,
    /// Dimensions in space, slowest first.
    pub space: Vec<Dim>,
    /// Their coordinates, as far as they are known.
    pub coordinates: Vec<Coordinate>,
    /// What times count.
    pub time: TimeUnits,
    /// The value that stands for missing, beside NaN.
    pub missing: Option<f64>,
    /// All options as one text: what a saved state must have been made with.
    text: String,
}

/// Options as they are written: `key=value`, divided by semicolons.
pub(super) struct Given<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Given<'a> {
    fn new(options: &'a str) -> Result<Self> {
        let mut given: Vec<(&str, &str)> = Vec::new();
        for item in options.split(';').map(str::trim).filter(|item| !item.is_empty()) {
            let (key, value) = item.split_once('=').ok_or_else(|| {
                Error::usage(format!("`{item}` is no option")).remedy("write key=value; key=value")
            })?;
            given.push((key.trim(), value.trim()));
        }
        Ok(Self(given))
    }
    /// The last value of a key.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(k, _)| *k == key).map(|(_, v)| *v)
    }
    pub(super) fn list(&self, key: &str) -> Option<Vec<&'a str>> {
        self.text(key).map(|v| v.split(',').map(str::trim).collect())
    }
}

/// Refuses a word.
pub(super) fn odd(key: &str, value: &str, choices: &str) -> Error {
    Error::usage(format!("the option {key}={value} is not known")).remedy(format!("choose {choices}"))
}

impl Setup {
    /// Reads `options`, a list of `key=value` divided by semicolons, for a domain of `shape`
    /// (slowest dimension first):
    ///
    /// | key | value | default |
    /// |---|---|---|
    /// | `variable` | names of the fields, divided by commas | `field`, `field2` |
    /// | `units` | units of each, divided by commas | none |
    /// | `dims` | names of the dimensions, divided by commas | `y,x`, `lev,y,x` |
    /// | `time_units` | what times count | `days since 2000-01-01` |
    /// | `calendar` | as CF names it | `standard` |
    /// | `missing` | a number that stands for missing | none |
    ///
    /// and those of the kind:
    ///
    /// | kind | key | value | default |
    /// |---|---|---|---|
    /// | `stats`, `climatology` | `ops` | mean, sum, min, max, std, var, count, range, rms | `mean` |
    /// | `climatology` | `cycle` | month, season, day, hour | `month` |
    /// | `covariance` | `ddof` | 0 or 1 | 1 |
    /// | `histogram` | `bins`, `bins2` | `A:B:N`, or edges divided by commas; of a second field | |
    /// | | `over` | all cells together, or time alone | `all` |
    /// | | `density` | yes or no | `no` |
    /// | | `weights` | area (latitudes and longitudes are needed) or none | `none` |
    /// | `welch` | `segment` | steps of a segment | |
    /// | | `overlap`, `window`, `detrend`, `scaling` | as `halocline spectrum power` | 0.5, `hann`, `constant`, `density` |
    /// | | `frequency_units` | cycles/hour, /day, /month, /year | `cycles/day` |
    /// | | `gaps` | drop or refuse series with gaps | `drop` |
    /// | `eof` | `modes`, `state_modes` | modes in the file, and kept from batch to batch | 10, 100 |
    /// | | `batch` | steps that are merged together | 64 |
    /// | | `anomaly` | mean or climatology | `mean` |
    /// | | `weights` | coslat or none | `coslat`, if latitudes are known |
    ///
    /// # Errors
    /// Usage, for what is not in this table, or does not fit the shape.
    pub fn parse(kind: &str, shape: &[usize], options: &str) -> Result<Self> {
        let given = Given::new(options)?;
        let known = Kind::keys(kind)?;
        let common = ["variable", "units", "dims", "time_units", "calendar", "missing"];
        if let Some((key, _)) = given.0.iter().find(|(key, _)| !known.contains(key) && !common.contains(key))
        {
            let all: Vec<&str> = common.iter().chain(known).copied().collect();
            return Err(Error::usage(format!("{kind} has no option `{key}`"))
                .remedy(format!("it has {}", all.join(", "))));
        }
        let kind = Kind::parse(kind, &given)?;
        let calendar = Calendar::parse(given.text("calendar").unwrap_or("standard"))?;
        let missing = given
            .text("missing")
            .map(|v| v.parse().map_err(|_| odd("missing", v, "a number")))
            .transpose()?;
        let mut setup = Self {
            fields: Vec::new(),
            space: dims(given.list("dims").as_deref(), shape)?,
            coordinates: Vec::new(),
            time: TimeUnits::parse(given.text("time_units").unwrap_or("days since 2000-01-01"), calendar)?,
            missing,
            text: String::new(),
            kind,
        };
        let wanted = setup.field_count();
        let names = given.list("variable").unwrap_or_else(|| ["field", "field2"][..wanted].to_vec());
        if names.len() != wanted
            || names.iter().any(|n| n.is_empty())
            || (wanted == 2 && names[0] == names[1])
        {
            return Err(odd("variable", &names.join(","), &format!("{wanted} name(s) of fields")));
        }
        let units = given.list("units").unwrap_or_default();
        for (k, name) in names.iter().enumerate() {
            let mut attributes = Attributes::new();
            if let Some(units) = units.get(k).filter(|u| !u.is_empty()) {
                attributes.set("units", *units);
            }
            setup.fields.push(((*name).to_owned(), attributes));
        }
        if let Some((name, _)) =
            setup.fields.iter().find(|(n, _)| setup.space.iter().any(|d| d.name == *n) || n == "time")
        {
            return Err(Error::usage(format!("`{name}` is the name of a dimension, too"))
                .remedy("name the field otherwise"));
        }
        if let Some(dim) = setup.space.iter().find(|d| is_taken(&setup.kind, &names, &d.name)) {
            return Err(Error::usage(format!("`{}` is a name of the results, too", dim.name))
                .remedy("name the dimension otherwise with dims=..."));
        }
        setup.text = format!(
            "{:?} of {names:?} in {units:?} on {shape:?}, {} in {}, missing {missing:?}",
            setup.kind,
            setup.time.text(),
            calendar
        );
        Ok(setup)
    }

    /// How many fields are pushed together.
    pub fn field_count(&self) -> usize {
        self.kind.field_count()
    }

    /// All that a saved state depends on, as one text.
    pub fn describe(&self) -> &str {
        &self.text
    }

    /// The lengths of the domain.
    pub fn shape(&self) -> Vec<usize> {
        self.space.iter().map(|d| d.len).collect()
    }

    /// Gives dimension `d` its coordinate: values in `units`, which also tell latitudes and longitudes.
    ///
    /// # Errors
    /// Usage, if there is no such dimension, or not a finite value for each index.
    pub fn axis(&mut self, d: usize, values: &[f64], units: &str) -> Result<()> {
        let Some(dim) = self.space.get(d).filter(|dim| dim.len == values.len()) else {
            return Err(Error::usage(format!("{} values are no coordinate of dimension {d}", values.len())));
        };
        if values.iter().any(|v| !v.is_finite()) {
            return Err(Error::usage(format!("the coordinate of `{}` is not finite", dim.name)));
        }
        let mut attributes = Attributes::new();
        if !units.is_empty() {
            attributes.set("units", units);
        }
        match units {
            "degrees_north" => attributes.set("standard_name", "latitude"),
            "degrees_east" => attributes.set("standard_name", "longitude"),
            _ => match dim.role {
                Role::X => attributes.set("axis", "X"),
                Role::Y => attributes.set("axis", "Y"),
                Role::Level => attributes.set("axis", "Z"),
                _ => {}
            },
        }
        let variable =
            Variable { name: dim.name.clone(), dims: vec![dim.clone()], dtype: DType::F64, attributes };
        self.coordinates.retain(|c| c.variable.name != dim.name);
        self.coordinates.push(Coordinate { variable, values: Values::F64(values.to_vec()), bounds: None });
        Ok(())
    }

    /// Refuses coordinates that are not the same on all ranks.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn same_everywhere(&self, comm: &Comm) -> Result<()> {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        // FNV-1a of what tells them.
        let mut add = |bytes: &[u8]| {
            bytes.iter().for_each(|b| hash = (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
        };
        for d in &self.space {
            let Some(known) = self.coordinates.iter().find(|c| c.variable.name == d.name) else {
                add(&[0]);
                continue;
            };
            add(&[1]);
            add(known.variable.attributes.text("units").unwrap_or_default().as_bytes());
            known.values.to_f64().iter().for_each(|v| add(&v.to_bits().to_le_bytes()));
        }
        let mut ends = [hash, !hash];
        comm.all_reduce(&mut ends, Reduce::Min);
        if ends[0] == !ends[1] {
            return Ok(());
        }
        Err(Error::usage("the ranks name different coordinates")
            .remedy("call hcl_insitu_axis (or `axis`) on every rank, with the same values"))
    }

    /// The date of a time.
    pub(super) fn date(&self, time: f64) -> Result<DateTime> {
        self.time.decode(time).map(|at| self.time.calendar().datetime(at))
    }
}

/// Whether the file of results has a dimension or variable of this name beside those of the domain.
fn is_taken(kind: &Kind, fields: &[&str], name: &str) -> bool {
    let of_field = |ends: &[&str]| {
        fields.iter().any(|field| name.strip_prefix(field).is_some_and(|end| ends.contains(&end)))
    };
    let own: &[&str] = match kind {
        Kind::Stats(ops) => return ops.iter().any(|op| name == format!("{}_{}", fields[0], op.name())),
        Kind::Climatology(cycle, ops) => {
            return [cycle.name(), "climatology_bounds"].contains(&name)
                || ops.iter().any(|op| name == format!("{}_{}", fields[0], op.name()))
        }
        Kind::Covariance { .. } => return of_field(&["_covariance"]),
        Kind::Histogram(_) => {
            let joint = fields.join("_");
            let ends = ["_histogram", "_density", "_missing"];
            return name == "bin_vertices"
                || of_field(&["_bin", "_bin_bnds", "_below", "_above"])
                || name.strip_prefix(joint.as_str()).is_some_and(|end| ends.contains(&end));
        }
        Kind::Welch(_) => &["frequency", "power", "degrees_of_freedom"],
        Kind::Eof(_) => &[
            "mode",
            "month",
            "pc",
            "eof",
            "mean",
            "eigenvalue",
            "variance_fraction",
            "north_error",
            "eigenvalue_error_bound",
            "total_variance",
        ],
    };
    own.contains(&name)
}

/// The dimensions of a domain; the last two are horizontal, one before them is the vertical.
fn dims(names: Option<&[&str]>, shape: &[usize]) -> Result<Vec<Dim>> {
    let (roles, usual): (&[Role], &[&str]) = match shape.len() {
        1 => (&[Role::X], &["x"]),
        2 => (&[Role::Y, Role::X], &["y", "x"]),
        3 => (&[Role::Level, Role::Y, Role::X], &["lev", "y", "x"]),
        n => {
            return Err(
                Error::usage(format!("a domain of {n} dimensions is not known")).remedy("give one to three")
            )
        }
    };
    let names = names.unwrap_or(usual);
    let twice = (1..names.len()).any(|i| names[..i].contains(&names[i]));
    if names.len() != shape.len()
        || twice
        || names.iter().any(|n| n.is_empty() || ["time", "time_bnds", "bnds"].contains(n))
    {
        return Err(odd("dims", &names.join(","), &format!("{} names that differ", shape.len())));
    }
    if shape.contains(&0)
        || shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).is_none_or(|n| n > 1 << 48)
    {
        return Err(Error::usage(format!("a domain of {shape:?} has no cells, or too many")));
    }
    Ok(names.iter().zip(shape).zip(roles).map(|((name, &len), &role)| Dim::new(*name, len, role)).collect())
}

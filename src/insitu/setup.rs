//! What is to be found in a running program, checked once.

use halocline_algorithms::statistics::Op;
use halocline_core::calendar::{Calendar, Cycle, DateTime, LeapDay, TimeUnits};
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::{Error, Result};

/// The kind of analysis.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Operations over all steps at each cell: the file that `halocline stats` writes.
    Stats(Vec<Op>),
    /// Operations over the steps of each part of a cycle: the file that `halocline climatology` writes.
    Climatology(Cycle, Vec<Op>),
    /// The covariance of two fields, an eddy flux: Σ (x − x̄)(y − ȳ) / (n − ddof).
    Covariance {
        /// Subtracted from the number of pairs.
        ddof: u8,
    },
}

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

/// Refuses a word.
fn odd(key: &str, value: &str, choices: &str) -> Error {
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
    /// | `ops` | of stats and climatology: mean, sum, min, max, std, var, count, range, rms | `mean` |
    /// | `cycle` | of a climatology: month, season, day, hour | `month` |
    /// | `ddof` | of a covariance: 0 or 1 | 1 |
    /// | `dims` | names of the dimensions, divided by commas | `y,x`, `lev,y,x` |
    /// | `time_units` | what times count | `days since 2000-01-01` |
    /// | `calendar` | as CF names it | `standard` |
    /// | `missing` | a number that stands for missing | none |
    ///
    /// # Errors
    /// Usage, for what is not in this table, or does not fit the shape.
    pub fn parse(kind: &str, shape: &[usize], options: &str) -> Result<Self> {
        let mut given: Vec<(&str, &str)> = Vec::new();
        for item in options.split(';').map(str::trim).filter(|item| !item.is_empty()) {
            let (key, value) = item.split_once('=').ok_or_else(|| {
                Error::usage(format!("`{item}` is no option")).remedy("write key=value; key=value")
            })?;
            given.push((key.trim(), value.trim()));
        }
        let known: &[&str] = match kind {
            "stats" => &["ops"],
            "climatology" => &["ops", "cycle"],
            "covariance" => &["ddof"],
            _ => return Err(odd("kind", kind, "stats, climatology or covariance")),
        };
        let common = ["variable", "units", "dims", "time_units", "calendar", "missing"];
        if let Some((key, _)) = given.iter().find(|(key, _)| !known.contains(key) && !common.contains(key)) {
            let all: Vec<&str> = common.iter().chain(known).copied().collect();
            return Err(Error::usage(format!("{kind} has no option `{key}`"))
                .remedy(format!("it has {}", all.join(", "))));
        }
        let text = |key: &str| given.iter().rev().find(|(k, _)| *k == key).map(|(_, v)| *v);
        let list = |key: &str| text(key).map(|v| v.split(',').map(str::trim).collect::<Vec<_>>());
        let kind = match kind {
            "stats" => Kind::Stats(ops(list("ops"))?),
            "climatology" => Kind::Climatology(cycle(text("cycle").unwrap_or("month"))?, ops(list("ops"))?),
            _ => match text("ddof").unwrap_or("1") {
                "0" => Kind::Covariance { ddof: 0 },
                "1" => Kind::Covariance { ddof: 1 },
                other => return Err(odd("ddof", other, "0 or 1")),
            },
        };
        let calendar = Calendar::parse(text("calendar").unwrap_or("standard"))?;
        let missing =
            text("missing").map(|v| v.parse().map_err(|_| odd("missing", v, "a number"))).transpose()?;
        let mut setup = Self {
            fields: Vec::new(),
            space: dims(list("dims").as_deref(), shape)?,
            coordinates: Vec::new(),
            time: TimeUnits::parse(text("time_units").unwrap_or("days since 2000-01-01"), calendar)?,
            missing,
            text: String::new(),
            kind,
        };
        let wanted = setup.field_count();
        let names = list("variable").unwrap_or_else(|| ["field", "field2"][..wanted].to_vec());
        if names.len() != wanted
            || names.iter().any(|n| n.is_empty())
            || (wanted == 2 && names[0] == names[1])
        {
            return Err(odd("variable", &names.join(","), &format!("{wanted} name(s) of fields")));
        }
        let units = list("units").unwrap_or_default();
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
        setup.text = format!(
            "{:?} of {names:?} on {shape:?}, {} in {}, missing {missing:?}",
            setup.kind,
            setup.time.text(),
            calendar
        );
        Ok(setup)
    }

    /// How many fields are pushed together.
    pub fn field_count(&self) -> usize {
        if matches!(self.kind, Kind::Covariance { .. }) {
            2
        } else {
            1
        }
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

    /// The date of a time.
    pub(super) fn date(&self, time: f64) -> Result<DateTime> {
        self.time.decode(time).map(|at| self.time.calendar().datetime(at))
    }
}

fn ops(words: Option<Vec<&str>>) -> Result<Vec<Op>> {
    let words = words.unwrap_or_else(|| vec!["mean"]);
    let mut all = Vec::new();
    for word in words {
        // A trend is a fit over a finished axis.
        let op = Op::ALL.into_iter().find(|op| op.name() == word && *op != Op::Trend);
        let op = op.ok_or_else(|| odd("ops", word, "mean, sum, min, max, std, var, count, range or rms"))?;
        if all.contains(&op) {
            return Err(Error::usage(format!("the operation {word} is named twice")));
        }
        all.push(op);
    }
    Ok(all)
}

fn cycle(word: &str) -> Result<Cycle> {
    Ok(match word {
        "month" => Cycle::Month,
        "season" => Cycle::Season,
        "day" => Cycle::DayOfYear(LeapDay::Keep),
        "hour" => Cycle::Hour,
        _ => return Err(odd("cycle", word, "month, season, day or hour")),
    })
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
        || names.iter().any(|n| n.is_empty() || ["time", "bnds"].contains(n))
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

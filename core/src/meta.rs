//! The data model of NetCDF as plain data: dimensions with their roles, attributes, variables,
//! coordinates and values. Readers fill it, analyses describe their results in it, writers
//! write it; no file is known here.

use serde::{Deserialize, Serialize};

/// What a dimension is, found from CF metadata once; nothing else compares names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Time (`axis = "T"`).
    Time,
    /// The vertical (`axis = "Z"`).
    Level,
    /// The second-fastest horizontal dimension: `lat`, `y`, `j`.
    Y,
    /// The fastest horizontal dimension: `lon`, `x`, `i`.
    X,
    /// Mode number of a decomposition.
    Mode,
    /// Anything else.
    Other,
    /// Number of a member of an ensemble (`standard_name = "realization"`).
    Member,
}

impl Role {
    /// The role that a user's word names, as in `--decomposition time=4,lat=2`.
    pub fn from_user(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "time" | "t" => Self::Time,
            "lev" | "level" | "z" | "depth" | "plev" => Self::Level,
            "lat" | "latitude" | "y" | "j" => Self::Y,
            "lon" | "longitude" | "x" | "i" => Self::X,
            "mode" => Self::Mode,
            "member" | "realization" | "ensemble" => Self::Member,
            _ => return None,
        })
    }
}

/// A named dimension of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dim {
    /// Its name in the file.
    pub name: String,
    /// Its global length.
    pub len: usize,
    /// What it is.
    pub role: Role,
}

impl Dim {
    /// A dimension.
    pub fn new(name: impl Into<String>, len: usize, role: Role) -> Self {
        Self { name: name.into(), len, role }
    }
    /// The dimension of one step that stands for time where a variable has none. No file holds it:
    /// readers put it in front, writers leave it out.
    pub fn no_time() -> Self {
        Self::new(Self::NO_TIME, 1, Role::Time)
    }
    /// What [`Self::no_time`] is called, as nothing in a file can be.
    pub const NO_TIME: &'static str = "no/time";
}

/// The type of a variable's stored values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum DType {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    /// NetCDF `char`.
    Char,
    /// NetCDF-4 `string`.
    String,
    /// Compound, enum, opaque, variable length: not data that we analyse.
    Other,
}

impl DType {
    /// The name as `ncdump` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::I8 => "byte",
            Self::U8 => "ubyte",
            Self::I16 => "short",
            Self::U16 => "ushort",
            Self::I32 => "int",
            Self::U32 => "uint",
            Self::I64 => "int64",
            Self::U64 => "uint64",
            Self::F32 => "float",
            Self::F64 => "double",
            Self::Char => "char",
            Self::String => "string",
            Self::Other => "user-defined",
        }
    }
    /// Bytes a value takes in the file; 0 where that has no fixed answer.
    pub const fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Char => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
            Self::String | Self::Other => 0,
        }
    }
    /// Whether values are numbers.
    pub const fn is_numeric(self) -> bool {
        !matches!(self, Self::Char | Self::String | Self::Other)
    }
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AttributeValue {
    /// Text.
    Text(String),
    /// Whole numbers of any width.
    Integers(Vec<i64>),
    /// Single-precision numbers.
    Singles(Vec<f32>),
    /// Double-precision numbers.
    Doubles(Vec<f64>),
}

impl AttributeValue {
    /// The numbers, if it holds numbers.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        match self {
            Self::Text(_) => None,
            Self::Integers(v) => Some(v.iter().map(|&x| x as f64).collect()),
            Self::Singles(v) => Some(v.iter().map(|&x| f64::from(x)).collect()),
            Self::Doubles(v) => Some(v.clone()),
        }
    }
}

impl From<&str> for AttributeValue {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}
impl From<String> for AttributeValue {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}
impl From<f64> for AttributeValue {
    fn from(v: f64) -> Self {
        Self::Doubles(vec![v])
    }
}
impl From<i64> for AttributeValue {
    fn from(v: i64) -> Self {
        Self::Integers(vec![v])
    }
}

/// Named attributes in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Attributes(Vec<(String, AttributeValue)>);

impl Attributes {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }
    /// Sets `name`, in place if it is there already.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<AttributeValue>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some((_, v)) => *v = value,
            None => self.0.push((name, value)),
        }
    }
    /// [`Self::set`] for building in a chain.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        self.set(name, value);
        self
    }
    /// Removes `name` and gives its value.
    pub fn remove(&mut self, name: &str) -> Option<AttributeValue> {
        let at = self.0.iter().position(|(n, _)| n == name)?;
        Some(self.0.remove(at).1)
    }
    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }
    /// The text of `name`, if it is text, without surrounding blanks and NULs.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            AttributeValue::Text(t) => Some(t.trim_matches(|c: char| c == '\0' || c.is_whitespace())),
            _ => None,
        }
    }
    /// The first number of `name`, if it is numeric.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.numbers()?.first().copied()
    }
    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v))
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A variable without its values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    /// Name in the file.
    pub name: String,
    /// Dimensions, slowest first.
    pub dims: Vec<Dim>,
    /// Stored type.
    pub dtype: DType,
    /// Attributes as stored.
    pub attributes: Attributes,
}

impl Variable {
    /// Global lengths, slowest first.
    pub fn shape(&self) -> Vec<usize> {
        self.dims.iter().map(|d| d.len).collect()
    }
    /// Where the dimension of `role` stands.
    pub fn position(&self, role: Role) -> Option<usize> {
        self.dims.iter().position(|d| d.role == role)
    }
    /// `units`, if stated.
    pub fn units(&self) -> Option<&str> {
        self.attributes.text("units")
    }
}

/// Values in memory, C order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Values {
    /// Single precision; missing is NaN.
    F32(Vec<f32>),
    /// Double precision; missing is NaN.
    F64(Vec<f64>),
    /// 32-bit integers.
    I32(Vec<i32>),
    /// 64-bit integers.
    I64(Vec<i64>),
    /// Text.
    Text(Vec<String>),
}

impl Values {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::Text(v) => v.len(),
        }
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The type that stores them without loss.
    pub fn dtype(&self) -> DType {
        match self {
            Self::F32(_) => DType::F32,
            Self::F64(_) => DType::F64,
            Self::I32(_) => DType::I32,
            Self::I64(_) => DType::I64,
            Self::Text(_) => DType::String,
        }
    }
    /// As doubles; text becomes NaN.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Self::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Self::F64(v) => v.clone(),
            Self::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Self::I64(v) => v.iter().map(|&x| x as f64).collect(),
            Self::Text(v) => vec![f64::NAN; v.len()],
        }
    }
}

/// A variable with all its values: coordinates, bounds, small results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coordinate {
    /// Name, dimensions, attributes.
    pub variable: Variable,
    /// The values, decoded, C order.
    pub values: Values,
    /// Cell bounds (same dimensions plus one of vertices), if the file has them.
    pub bounds: Option<Box<Coordinate>>,
}

//! What a file is going to hold: dimensions, variables, attributes, without values.

use super::chunking::default_chunks;
use super::Compression;
use halocline_core::meta::{Attributes, Coordinate, DType, Values};
use halocline_core::{Error, Result};

/// A dimension of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutDim {
    /// Its name.
    pub name: String,
    /// Its length in the end.
    pub len: usize,
    /// Whether others may append to it later. Fixed dimensions are written and read faster.
    pub unlimited: bool,
}

/// A variable of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableSpec {
    /// Its name.
    pub name: String,
    /// The names of its dimensions, slowest first; none for a scalar.
    pub dims: Vec<String>,
    /// The stored type. `F32`, `F64`, `Char` and the integers up to 64 bits can be written.
    pub dtype: DType,
    /// Attributes, in order. `_FillValue` is not among them: see [`Self::fill`].
    pub attributes: Attributes,
    /// Lengths of a stored chunk. `None`: whole maps (the last two dimensions) up to 4 MiB,
    /// several of them where maps are small; contiguous if neither compressed nor unlimited.
    pub chunks: Option<Vec<usize>>,
    /// How chunks are compressed. A scalar never is.
    pub compression: Compression,
    /// Whether cells can be missing: declares `_FillValue` as the type's default, which NaN
    /// becomes in the file.
    pub fill: bool,
    /// Whether infinite values are refused: of finite input, they are what its type can't hold.
    pub finite: bool,
}

impl VariableSpec {
    /// A variable without attributes, neither compressed nor with missing cells: a coordinate.
    pub fn new<S: Into<String>>(
        name: impl Into<String>,
        dims: impl IntoIterator<Item = S>,
        dtype: DType,
    ) -> Self {
        Self {
            name: name.into(),
            dims: dims.into_iter().map(Into::into).collect(),
            dtype,
            attributes: Attributes::new(),
            chunks: None,
            compression: Compression::None,
            fill: false,
            finite: false,
        }
    }
    /// A data variable: deflated at level 1, and with a fill value if `dtype` is a float.
    pub fn data<S: Into<String>>(
        name: impl Into<String>,
        dims: impl IntoIterator<Item = S>,
        dtype: DType,
    ) -> Self {
        let fill = matches!(dtype, DType::F32 | DType::F64);
        Self { compression: Compression::Deflate(1), fill, ..Self::new(name, dims, dtype) }
    }
    /// Refusing infinite values.
    #[must_use]
    pub fn finite(mut self) -> Self {
        self.finite = true;
        self
    }
    /// With this compression.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }
    /// With stored chunks of these lengths.
    #[must_use]
    pub fn chunks(mut self, lengths: impl Into<Vec<usize>>) -> Self {
        self.chunks = Some(lengths.into());
        self
    }
    /// With these attributes.
    #[must_use]
    pub fn attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }
}

/// Values that wait for the file in which [`Schema::add_coordinate`] made room for them:
/// the variable's name and its values.
pub type Pending<'a> = (&'a str, &'a Values);

/// What a file is going to hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    /// Dimensions, in order.
    pub dims: Vec<OutDim>,
    /// Variables, in order.
    pub variables: Vec<VariableSpec>,
    /// Attributes of the file: `Conventions`, `history`, `title`.
    pub attributes: Attributes,
}

/// Attributes that say how values are stored, or which there were before a selection. Of
/// decoded and selected values they would be untrue.
const ENCODING: [&str; 6] =
    ["actual_range", "_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned"];
/// Limits stated in stored units: untrue once values are unpacked.
const LIMITS: [&str; 3] = ["valid_min", "valid_max", "valid_range"];

impl Schema {
    /// An empty file.
    pub fn new() -> Self {
        Self::default()
    }
    /// The dimension called `name`.
    pub fn dim(&self, name: &str) -> Option<&OutDim> {
        self.dims.iter().find(|d| d.name == name)
    }
    /// Has all variables that are compressed ([`VariableSpec::data`] are) compressed so.
    pub fn compress(&mut self, compression: Compression) {
        let data = self.variables.iter_mut().filter(|v| v.compression != Compression::None);
        data.for_each(|v| v.compression = compression);
    }
    /// The variable called `name`.
    pub fn variable(&self, name: &str) -> Option<&VariableSpec> {
        self.variables.iter().find(|v| v.name == name)
    }
    /// Adds a dimension of fixed length, unless it is there already.
    ///
    /// # Errors
    /// [`halocline_core::ErrorKind::Internal`] if it is there with another length.
    pub fn add_dim(&mut self, name: &str, len: usize) -> Result<()> {
        match self.dim(name) {
            Some(dim) if dim.len == len => Ok(()),
            Some(dim) => {
                let was = dim.len;
                Err(Error::internal(format!("dimension `{name}` is to have the lengths {was} and {len}")))
            }
            None => {
                self.dims.push(OutDim { name: name.to_owned(), len, unlimited: false });
                Ok(())
            }
        }
    }
    /// Adds a variable.
    pub fn add_variable(&mut self, variable: VariableSpec) {
        self.variables.push(variable);
    }
    /// Adds a coordinate with its dimensions and its bounds, and says what to write later
    /// (see [`Output::write_pending`](super::Output::write_pending)). A coordinate that is
    /// there already, with the same description, is not added again.
    ///
    /// Attributes of the stored form (packing, fill value) are left out: values are written
    /// as they are, in their own type. A fill value is declared only if a value is missing.
    /// Text becomes `char` with one more dimension, the length of the longest.
    ///
    /// # Errors
    /// [`halocline_core::ErrorKind::Internal`] if a dimension or variable of that name is
    /// there already and another one.
    pub fn add_coordinate<'a>(&mut self, coordinate: &'a Coordinate) -> Result<Vec<Pending<'a>>> {
        let (variable, values) = (&coordinate.variable, &coordinate.values);
        let mut spec = VariableSpec::new(
            &variable.name,
            variable.dims.iter().map(|d| d.name.as_str()),
            match values.dtype() {
                DType::String => DType::Char,
                dtype => dtype,
            },
        );
        for dim in &variable.dims {
            self.add_dim(&dim.name, dim.len)?;
        }
        if let Values::Text(texts) = values {
            let longest = texts.iter().map(String::len).max().unwrap_or(0).max(1);
            // A grid mapping is a scalar that holds nothing: it needs no length.
            if longest > 1 || !spec.dims.is_empty() {
                let name = format!("string_length_{longest}");
                self.add_dim(&name, longest)?;
                spec.dims.push(name);
            }
        }
        let stored = &variable.attributes;
        let packed = stored.get("scale_factor").is_some() || stored.get("add_offset").is_some();
        for (name, value) in stored.iter() {
            if !(ENCODING.contains(&name) || packed && LIMITS.contains(&name)) {
                spec.attributes.set(name, value.clone());
            }
        }
        spec.fill = match values {
            Values::F32(v) => v.iter().any(|x| x.is_nan()),
            Values::F64(v) => v.iter().any(|x| x.is_nan()),
            _ => false,
        };
        // The reference to bounds that are not written would dangle.
        if coordinate.bounds.is_none() {
            spec.attributes.remove("bounds");
        } else if let Some(bounds) = &coordinate.bounds {
            spec.attributes.set("bounds", bounds.variable.name.as_str());
        }
        match self.variable(&spec.name) {
            Some(same) if *same == spec => return Ok(Vec::new()),
            Some(_) => {
                return Err(Error::internal("is described in two ways").in_variable(&spec.name));
            }
            None => self.add_variable(spec),
        }
        let mut pending = vec![(variable.name.as_str(), values)];
        if let Some(bounds) = &coordinate.bounds {
            pending.extend(self.add_coordinate(bounds)?);
        }
        Ok(pending)
    }

    /// Lengths of a variable's dimensions, slowest first.
    pub(super) fn shape(&self, variable: &VariableSpec) -> Result<Vec<usize>> {
        variable
            .dims
            .iter()
            .map(|name| {
                self.dim(name).map(|d| d.len).ok_or_else(|| {
                    Error::internal(format!("there is no dimension `{name}`")).in_variable(&variable.name)
                })
            })
            .collect()
    }
    /// Lengths of a variable's chunks; `None` if it is stored contiguously.
    pub(super) fn chunks(&self, variable: &VariableSpec) -> Result<Option<Vec<usize>>> {
        let shape = self.shape(variable)?;
        if shape.is_empty() {
            return Ok(None);
        }
        if let Some(chunks) = &variable.chunks {
            return Ok(Some(chunks.clone()));
        }
        let size = variable.dtype.size().max(1);
        let chunked = variable.compression != Compression::None || self.grows(variable);
        Ok(chunked.then(|| default_chunks(&shape, size)))
    }
    /// Whether a dimension of the variable is unlimited.
    pub(super) fn grows(&self, variable: &VariableSpec) -> bool {
        variable.dims.iter().any(|name| self.dim(name).is_some_and(|d| d.unlimited))
    }
    /// Refuses what the library would refuse later on, or worse, take for something else.
    pub(super) fn check(&self) -> Result<()> {
        unique("dimension", self.dims.iter().map(|d| d.name.as_str()))?;
        unique("variable", self.variables.iter().map(|v| v.name.as_str()))?;
        check_names("attribute", self.attributes.iter().map(|(n, _)| n))?;
        for dim in &self.dims {
            // To the library, length 0 means "unlimited".
            if dim.len == 0 && !dim.unlimited {
                return Err(Error::internal(format!("dimension `{}` has length 0", dim.name)));
            }
        }
        for variable in &self.variables {
            self.check_variable(variable).map_err(|e| e.in_variable(&variable.name))?;
        }
        Ok(())
    }
    fn check_variable(&self, variable: &VariableSpec) -> Result<()> {
        let bad = |what: &str| Err(Error::internal(what));
        check_names("attribute", variable.attributes.iter().map(|(n, _)| n))?;
        if matches!(variable.dtype, DType::String | DType::Other) {
            return bad("can't be written in its type");
        }
        if variable.fill && !matches!(variable.dtype, DType::F32 | DType::F64) {
            return bad("has a fill value, but is no float");
        }
        if variable.attributes.get("_FillValue").is_some() {
            return bad("has `_FillValue` among its attributes");
        }
        variable.compression.check()?;
        let shape = self.shape(variable)?;
        if let Some(chunks) = &variable.chunks {
            let fits = |(&chunk, name): (&usize, &String)| {
                chunk > 0 && self.dim(name).is_some_and(|d| d.unlimited || chunk <= d.len)
            };
            if chunks.len() != shape.len() || !chunks.iter().zip(&variable.dims).all(fits) {
                return bad("has chunks that don't fit its dimensions");
            }
            let bytes = chunks.iter().fold(variable.dtype.size() as u64, |n, &c| n.saturating_mul(c as u64));
            if bytes > u64::from(u32::MAX) {
                return Err(Error::usage(format!("has chunks of {bytes} bytes"))
                    .remedy("make them smaller: HDF5 stores at most 4 GiB in one"));
            }
        }
        Ok(())
    }
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str> + Clone) -> Result<()> {
    check_names(what, names.clone())?;
    let mut sorted: Vec<&str> = names.collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::internal(format!("there are two {what}s `{}`", pair[0]))),
        None => Ok(()),
    }
}

/// A slash would make a group, and a NUL ends a name in C.
fn check_names<'a>(what: &str, mut names: impl Iterator<Item = &'a str>) -> Result<()> {
    let bad = |n: &str| n.is_empty() || n.len() > 255 || n.contains(|c: char| c == '/' || c.is_control());
    match names.find(|n| bad(n)) {
        Some(name) => Err(Error::internal(format!("{name:?} can't be the name of a {what}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::meta::{Dim, Role, Variable};

    #[test]
    fn coordinates_bring_dims_and_bounds_but_not_their_packing() {
        let dims = vec![Dim::new("lat", 2, Role::Y)];
        let bounds = Coordinate {
            variable: Variable {
                name: "lat_bnds".into(),
                dims: vec![dims[0].clone(), Dim::new("nv", 2, Role::Other)],
                dtype: DType::F64,
                attributes: Attributes::new(),
            },
            values: Values::F64(vec![0.0, 1.0, 1.0, 2.0]),
            bounds: None,
        };
        let lat = Coordinate {
            variable: Variable {
                name: "lat".into(),
                dims,
                dtype: DType::I16,
                attributes: Attributes::new()
                    .with("units", "degrees_north")
                    .with("scale_factor", 0.5)
                    .with("valid_max", 180_i64)
                    .with("_FillValue", -1_i64)
                    .with("bounds", "lat_bnds"),
            },
            values: Values::F64(vec![0.5, 1.5]),
            bounds: Some(Box::new(bounds)),
        };
        let mut schema = Schema::new();
        let pending = schema.add_coordinate(&lat).unwrap();
        assert_eq!(pending.iter().map(|p| p.0).collect::<Vec<_>>(), ["lat", "lat_bnds"]);
        assert!(schema.add_coordinate(&lat).unwrap().is_empty());
        let spec = schema.variable("lat").unwrap();
        assert_eq!(spec.dtype, DType::F64);
        assert_eq!(spec.attributes.iter().map(|a| a.0).collect::<Vec<_>>(), ["units", "bounds"]);
        assert_eq!(schema.dims.len(), 2);
        schema.check().unwrap();
        assert!(schema.add_dim("lat", 3).is_err());
    }

    #[test]
    fn inconsistent_schemas_are_refused() {
        let good = || {
            let mut schema = Schema::new();
            schema.add_dim("x", 4).unwrap();
            schema.add_variable(VariableSpec::data("a", ["x"], DType::F64));
            schema
        };
        good().check().unwrap();
        let spoil: [fn(&mut Schema); 9] = [
            |s| s.variables[0].dims = vec!["y".into()],
            |s| s.variables[0].chunks = Some(vec![5]),
            |s| s.variables[0].chunks = Some(vec![0]),
            |s| s.variables[0].dtype = DType::String,
            |s| s.variables[0].name = "g/a".into(),
            |s| s.variables[0].attributes.set("a\0b", 1.0),
            |s| s.variables.push(s.variables[0].clone()),
            |s| s.dims[0].len = 0,
            |s| s.variables[0].attributes.set("_FillValue", 1.0),
        ];
        for (i, spoil) in spoil.iter().enumerate() {
            let mut schema = good();
            spoil(&mut schema);
            assert!(schema.check().is_err(), "{i}");
        }
    }
}

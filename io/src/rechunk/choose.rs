//! Which variables get which chunks.

use super::RechunkOptions;
use crate::dataset::{Dataset, VariableInfo};
use crate::output::Compression;
use halocline_core::meta::{Dim, Role};
use halocline_core::rechunk::thickness;
use halocline_core::{Error, Result};

/// HDF5 keeps the size of a chunk in 32 bits.
const LARGEST_CHUNK: u64 = u32::MAX as u64;
/// Bytes of a chunk, about, where a variable had none and is to be compressed.
const USUAL_CHUNK: usize = 1 << 20;

/// The length of a chunk in one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkLength {
    /// The whole dimension.
    All,
    /// So many indices; the whole dimension if it is shorter.
    Cells(usize),
}

/// A variable to be rechunked.
#[derive(Debug)]
pub(super) struct Chosen<'a> {
    pub(super) info: &'a VariableInfo,
    /// Its stored chunks; ones where it is stored in one piece and may be cut anywhere.
    pub(super) from: Vec<usize>,
    /// Its chunks in the output.
    pub(super) to: Vec<usize>,
    /// Whether it is stored in chunks in the output.
    pub(super) chunked: bool,
}

/// Chunk lengths as users write them: `time=all,lat=10,lon=10`. Words are names of dimensions or
/// roles (`time`, `lev`, `lat`/`y`, `lon`/`x`).
///
/// # Errors
/// Usage, for anything else, and for a word twice.
pub fn parse_chunks(text: &str) -> Result<Vec<(String, ChunkLength)>> {
    let example = "write such as --chunks time=all,lat=10,lon=10";
    let mut chunks: Vec<(String, ChunkLength)> = Vec::new();
    for item in text.split(',').map(str::trim) {
        let wrong = |what: &str| Error::usage(format!("--chunks: `{item}` {what}")).remedy(example);
        let (word, length) =
            item.split_once('=').ok_or_else(|| wrong("is not of the form dimension=length"))?;
        let (word, length) = (word.trim(), length.trim());
        let length = match length.parse::<usize>() {
            Ok(n) if n > 0 => ChunkLength::Cells(n),
            _ if length.eq_ignore_ascii_case("all") => ChunkLength::All,
            _ => return Err(wrong("needs a positive whole number, or `all`")),
        };
        if word.is_empty() || chunks.iter().any(|(w, _)| w == word) {
            return Err(wrong("names no dimension, or one that is named already"));
        }
        chunks.push((word.to_owned(), length));
    }
    Ok(chunks)
}

/// The variables to be rechunked, in the order of the file.
///
/// # Errors
/// Usage, if a variable or a dimension is not there, or no variable has chunks; data, if files
/// store a variable in different ways.
pub(super) fn choose<'a>(dataset: &'a Dataset, options: &RechunkOptions) -> Result<Vec<Chosen<'a>>> {
    let wanted: Vec<&VariableInfo> = match &options.variables {
        None => dataset.data_variables().filter(|v| rechunkable(v)).collect(),
        Some(names) => {
            let named = names.iter().map(|name| dataset.variable(name)).collect::<Result<Vec<_>>>()?;
            if let Some(other) = named.iter().find(|v| !rechunkable(v)) {
                let what =
                    if other.variable.dims.is_empty() { "has no dimensions" } else { "holds no numbers" };
                return Err(
                    Error::usage(format!("{what}: it can't be rechunked")).in_variable(&other.variable.name)
                );
            }
            let is_named = |v: &&VariableInfo| named.iter().any(|n| n.variable.name == v.variable.name);
            dataset.variables().iter().filter(is_named).collect()
        }
    };
    for (word, _) in &options.chunks {
        if !wanted.iter().any(|v| v.variable.dims.iter().any(|d| is_meant(word, d, &v.variable.dims))) {
            let mut names: Vec<&str> = Vec::new();
            for dim in wanted.iter().flat_map(|v| &v.variable.dims) {
                if !names.contains(&dim.name.as_str()) {
                    names.push(&dim.name);
                }
            }
            return Err(Error::usage(format!(
                "--chunks names `{word}`, which is no dimension of the variables to be rechunked"
            ))
            .remedy(format!("their dimensions are {}", names.join(", "))));
        }
    }
    let chosen = wanted.into_iter().map(|info| one(dataset, info, options));
    chosen.collect()
}

fn rechunkable(info: &VariableInfo) -> bool {
    info.variable.dtype.is_numeric() && !info.variable.dims.is_empty()
}

/// Whether a word means a dimension: its name, or its role where no dimension has that name.
fn is_meant(word: &str, dim: &Dim, dims: &[Dim]) -> bool {
    if dims.iter().any(|d| d.name == word) {
        return dim.name == word;
    }
    dim.role != Role::Other && Role::from_user(word) == Some(dim.role)
}

fn one<'a>(dataset: &Dataset, info: &'a VariableInfo, options: &RechunkOptions) -> Result<Chosen<'a>> {
    same_everywhere(dataset, info)?;
    let (variable, shape) = (&info.variable, info.variable.shape());
    let from: Vec<usize> = match &info.chunks {
        Some(chunks) => chunks.iter().zip(&shape).map(|(&c, &n)| c.clamp(1, n.max(1))).collect(),
        None => vec![1; shape.len()],
    };
    let asked = |dim: &Dim| {
        let found = options.chunks.iter().find(|(word, _)| is_meant(word, dim, &variable.dims))?;
        Some(match found.1 {
            ChunkLength::All => dim.len.max(1),
            ChunkLength::Cells(n) => n.min(dim.len.max(1)),
        })
    };
    let lengths: Vec<Option<usize>> = variable.dims.iter().map(asked).collect();
    let kept = || match &info.chunks {
        Some(_) => from.clone(),
        // In one piece until now: whole where nothing is asked for, cut to a usual size if
        // nothing is asked for at all.
        None if lengths.iter().any(Option::is_some) => shape.iter().map(|&n| n.max(1)).collect(),
        None => {
            let thick = thickness(&shape, &from, USUAL_CHUNK / variable.dtype.size().max(1));
            thick.iter().zip(&shape).map(|(&t, &n)| t.clamp(1, n.max(1))).collect()
        }
    };
    let to: Vec<usize> = lengths.iter().zip(kept()).map(|(asked, kept)| asked.unwrap_or(kept)).collect();
    let bytes = to.iter().fold(variable.dtype.size() as u64, |n, &c| n.saturating_mul(c as u64));
    if bytes > LARGEST_CHUNK {
        return Err(Error::usage(format!("chunks of {to:?} have {bytes} bytes, and HDF5 allows 4 GiB"))
            .in_variable(&variable.name)
            .remedy("choose smaller --chunks"));
    }
    let chunked = info.chunks.is_some()
        || options.compression != Compression::None
        || lengths.iter().any(Option::is_some);
    Ok(Chosen { info, from, to, chunked })
}

/// Stored values of several files can stand in one only if they mean the same in all.
pub(super) fn same_everywhere(dataset: &Dataset, info: &VariableInfo) -> Result<()> {
    if dataset.files().len() < 2 {
        return Ok(());
    }
    if let Some(problem) = &info.problem {
        return Err(problem.clone());
    }
    if info.decode_of_file.is_empty() {
        return Ok(());
    }
    let odd = info.decode_of_file.iter().position(|&d| d > 0).unwrap_or(0);
    Err(Error::data(format!(
        "its packing, missing values or units are not those of {}: stored values can't be put into one file",
        dataset.files()[0].path
    ))
    .in_file(&dataset.files()[odd].path)
    .in_variable(&info.variable.name)
    .remedy("rechunk the files one by one, or unpack them first, for example with `ncpdq -U`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_read_as_users_write_them() {
        let parsed = parse_chunks("time=all, lat=10,lon=7").unwrap();
        let expected =
            [("time", ChunkLength::All), ("lat", ChunkLength::Cells(10)), ("lon", ChunkLength::Cells(7))];
        assert!(parsed.iter().zip(expected).all(|((w, l), (word, length))| w == word && *l == length));
        for bad in
            ["", "time", "time=", "time=0", "time=-1", "time=1.5", "lat=1,lat=2", "=3", "time=all,", "t=x"]
        {
            let error = parse_chunks(bad).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{bad}");
            assert!(error.to_string().contains("time=all,lat=10"), "{error}");
        }
    }

    #[test]
    fn words_are_names_first_then_roles() {
        let dims = [Dim::new("t", 5, Role::Time), Dim::new("x", 4, Role::Y), Dim::new("j", 3, Role::X)];
        let meant = |word: &str| dims.iter().position(|d| is_meant(word, d, &dims));
        assert_eq!(
            [meant("time"), meant("x"), meant("lat"), meant("lon")],
            [Some(0), Some(1), Some(1), Some(2)]
        );
        assert_eq!(meant("depth"), None);
    }
}

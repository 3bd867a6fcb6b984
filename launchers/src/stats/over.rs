//! Which dimensions of a variable are reduced.

use halocline_core::grid::GridKind;
use halocline_core::meta::{Dim, Role};
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// The dimensions that are reduced, by their roles, in the order of the variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reduced {
    pub(crate) roles: Vec<Role>,
    /// For each dimension, whether it is.
    pub(crate) dims: Vec<bool>,
}

impl Reduced {
    /// Finds the dimensions that words name: by their names, else by what they are.
    pub(crate) fn find(words: &[String], source: &Source) -> Result<Self> {
        let dims = &source.variable().dims;
        let mut reduced = vec![false; dims.len()];
        for word in words {
            let at = find(word, words, source).ok_or_else(|| unknown(word, dims))?;
            if dims[at].role == Role::Time {
                source.needs_time()?;
            }
            reduced[at] = true;
        }
        let roles: Vec<Role> = dims.iter().zip(&reduced).filter(|(_, r)| **r).map(|(d, _)| d.role).collect();
        for role in &roles {
            if dims.iter().zip(&reduced).any(|(d, r)| d.role == *role && !r) {
                return Err(Error::usage("several dimensions are of a kind that is neither time nor space")
                    .remedy("reduce all of them, or pick one index of the others first"));
            }
        }
        Ok(Self { roles, dims: reduced })
    }

    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The horizontal dimensions that are reduced: north-south and east-west.
    pub(crate) fn ground(&self, source: &Source) -> Ground {
        match source.grid().dims.as_slice() {
            [_, _] => match (self.has(Role::Y), self.has(Role::X)) {
                (true, true) => Ground::Both,
                (true, false) => Ground::Rows,
                (false, true) => Ground::Columns,
                (false, false) => Ground::None,
            },
            [_] if self.has(Role::X) => match (&source.grid().lat, &source.grid().lon) {
                (Some(_), Some(_)) => Ground::Both,
                (Some(_), None) => Ground::Rows,
                _ => Ground::Columns,
            },
            _ => Ground::None,
        }
    }
}

/// What of the horizontal is reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    None,
    /// Over the rows: along north-south.
    Rows,
    /// Along east-west.
    Columns,
    /// All of it.
    Both,
}

fn find(word: &str, words: &[String], source: &Source) -> Option<usize> {
    let dims = &source.variable().dims;
    if let Some(at) = dims.iter().position(|d| d.name == *word) {
        return Some(at);
    }
    let role = Role::from_user(word)?;
    let unstructured = source.grid().dims.len() == 1 && source.grid().kind == GridKind::Unstructured;
    let of = |word: &str| Role::from_user(word);
    let horizontal = |r: Role| matches!(r, Role::Y | Role::X);
    if unstructured && horizontal(role) {
        // Latitude and longitude run along one dimension: both of them, or neither.
        let both = [Role::Y, Role::X].iter().all(|r| words.iter().any(|w| of(w) == Some(*r)));
        let grid = source.grid();
        let alone = match role {
            Role::Y => grid.lon.is_none() && grid.lat.is_some(),
            _ => grid.lat.is_none() && grid.lon.is_some(),
        };
        return dims.iter().position(|d| d.role == Role::X).filter(|_| both || alone);
    }
    dims.iter().position(|d| d.role == role)
}

fn unknown(word: &str, dims: &[Dim]) -> Error {
    let there = dims.iter().filter(|d| d.name != Dim::NO_TIME);
    let all: Vec<&str> = there.map(|d| d.name.as_str()).collect();
    Error::usage(format!("there is no dimension `{word}` to reduce"))
        .remedy(format!("choose --over from {}", all.join(", ")))
}

//! The plane that is transformed: which dimensions, how far apart its values are.

use halocline_core::grid::{along_line, Spacing, Steps};
use halocline_core::meta::{Coordinate, Role};
use halocline_core::{Error, Result};
use halocline_io::source::Source;

/// What wave numbers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Per {
    Metre,
    Degree,
}

impl Per {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Metre => "metre",
            Self::Degree => "degree",
        }
    }
    /// The unit of length.
    pub(super) const fn units(self) -> &'static str {
        match self {
            Self::Metre => "m",
            Self::Degree => "degree",
        }
    }
}

/// A plane of a variable.
#[derive(Debug, Clone)]
pub(super) struct PlaneOf {
    /// Of its dimensions, in the order of the variable.
    pub(super) roles: [Role; 2],
    pub(super) names: [String; 2],
    pub(super) shape: [usize; 2],
    pub(super) steps: Spacing,
    /// The radius that they were found with, if any was.
    pub(super) radius: Option<f64>,
    per: Per,
}

impl PlaneOf {
    /// Distances along both dimensions.
    pub(super) fn spacing(&self) -> [f64; 2] {
        [self.steps.y.step, self.steps.x.step]
    }
    /// What a user should know of distances that differ.
    pub(super) fn notes(&self) -> Vec<String> {
        /// A share of the step that says nothing to anybody.
        const SMALL: f64 = 1e-3;
        let all = [&self.steps.y, &self.steps.x].into_iter().zip(&self.names);
        let told = all.filter(|(steps, _)| steps.uneven() > SMALL);
        told.map(|(Steps { step, least, greatest, .. }, name)| {
            format!(
                "distances along `{name}` are {} to {} {unit}, taken to be {} {unit}",
                short(*least),
                short(*greatest),
                short(*step),
                unit = self.per.units()
            )
        })
        .collect()
    }
}

fn short(v: f64) -> String {
    if (0.01..1e7).contains(&v) {
        format!("{v:.prec$}", prec = if v < 100.0 { 4 } else { 0 })
    } else {
        format!("{v:.4e}")
    }
}

/// Finds the plane: the horizontal dimensions, unless two others are named.
pub(super) fn find(source: &Source, words: &[String], per: Per, radius: f64) -> Result<PlaneOf> {
    let (dims, grid) = (&source.variable().dims, source.grid());
    let names = || dims.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(", ");
    let mut at = Vec::new();
    for word in words {
        let named = dims.iter().position(|d| d.name == *word);
        let found =
            named.or_else(|| Role::from_user(word).and_then(|r| dims.iter().position(|d| d.role == r)));
        at.push(found.ok_or_else(|| {
            Error::usage(format!("there is no dimension `{word}`"))
                .remedy(format!("choose --dims from {}", names()))
        })?);
    }
    if words.is_empty() {
        at.extend([Role::Y, Role::X].iter().filter_map(|r| dims.iter().position(|d| d.role == *r)));
    }
    at.sort_unstable();
    at.dedup();
    let [y, x] = at[..] else {
        return Err(Error::data(format!("has no plane among its dimensions {}", names()))
            .remedy("bring it to a grid of rows and columns first, or name two dimensions with --dims"));
    };
    if dims[y].role == Role::Time {
        return Err(Error::usage("a plane of time and space has no isotropic wave number")
            .remedy("use `halocline spectrum zonal --space-time`"));
    }
    if dims.iter().filter(|d| d.role == dims[y].role || d.role == dims[x].role).count() != 2 {
        return Err(Error::usage("several dimensions are of the same kind as those of the plane")
            .remedy("pick one index of the others first"));
    }
    let is_horizontal = [dims[y].role, dims[x].role] == [Role::Y, Role::X] && grid.dims.len() == 2;
    let (steps, radius) = match (is_horizontal, per) {
        (true, Per::Degree) => (grid.spacing_in_degrees()?, None),
        (true, Per::Metre) => (grid.spacing(radius)?, Some(radius).filter(|_| grid.lat.is_some())),
        (false, Per::Degree) => {
            return Err(Error::usage("--per degree is for latitudes and longitudes").remedy("leave --per out"))
        }
        (false, Per::Metre) => {
            let of = |d: usize| along_line(along(source, &dims[d].name)?);
            (Spacing { y: of(y)?, x: of(x)? }, None)
        }
    };
    Ok(PlaneOf {
        roles: [dims[y].role, dims[x].role],
        names: [dims[y].name.clone(), dims[x].name.clone()],
        shape: [dims[y].len, dims[x].len],
        steps,
        radius,
        per,
    })
}

/// The coordinate along a dimension.
fn along<'a>(source: &'a Source, dim: &str) -> Result<&'a Coordinate> {
    let grid = source.grid();
    let mut all = source.levels().iter().chain(&grid.extra).chain(&grid.lat).chain(&grid.lon);
    all.find(|c| matches!(c.variable.dims.as_slice(), [only] if only.name == dim)).ok_or_else(|| {
        Error::data(format!("has no coordinate along `{dim}`"))
            .remedy("add one in metres, as with `ncap2`, or choose other --dims")
    })
}

//! Which grids spherical harmonics are known of.

use super::gauss;
use halocline_core::{Error, Result};

/// Degrees by which a latitude may be off, however fine the grid is: files round.
const ROUNDED: f64 = 5e-4;
/// The share of a step by which a latitude or a longitude may be off.
const OFF: f64 = 5e-3;
/// Rows, and columns, at most: beyond any grid, below what takes for ever or overflows.
const MOST: [usize; 2] = [1 << 15, 1 << 20];

/// How latitudes are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatitudeKind {
    /// Zeros of a Legendre polynomial.
    Gaussian,
    /// Evenly spaced from pole to pole, both included.
    Poles,
    /// Evenly spaced, the first and the last half a step from the poles.
    Between,
    /// Evenly spaced, with the north pole and without the south pole (Driscoll and Healy).
    NorthPole,
    /// Evenly spaced, with the south pole and without the north pole.
    SouthPole,
}

/// All of them, those that are told apart by one latitude last.
const KINDS: [LatitudeKind; 5] = [
    LatitudeKind::Gaussian,
    LatitudeKind::Poles,
    LatitudeKind::Between,
    LatitudeKind::NorthPole,
    LatitudeKind::SouthPole,
];

impl LatitudeKind {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gaussian => "Gaussian",
            Self::Poles => "regular with poles",
            Self::Between => "regular without poles",
            Self::NorthPole => "regular with the north pole only",
            Self::SouthPole => "regular with the south pole only",
        }
    }
}

/// A global grid of latitudes and evenly spaced longitudes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SphereGrid {
    /// How its latitudes are laid out.
    pub kind: LatitudeKind,
    /// Number of latitudes.
    pub rows: usize,
    /// Number of longitudes.
    pub columns: usize,
    /// Whether latitudes run from north to south.
    pub southward: bool,
    /// Whether longitudes run from west to east.
    pub eastward: bool,
}

impl SphereGrid {
    /// Recognises a grid by its coordinates in degrees; latitudes in either order, longitudes from
    /// any meridian, either way round.
    ///
    /// # Errors
    /// Data, if latitudes are neither Gaussian nor evenly spaced from pole to pole, or longitudes
    /// do not go round the earth in even steps: says where.
    pub fn of(latitudes: &[f64], longitudes: &[f64]) -> Result<Self> {
        let (rows, columns) = (latitudes.len(), longitudes.len());
        if rows < 2 || columns == 0 || rows > MOST[0] || columns > MOST[1] {
            return Err(Error::data(format!(
                "{rows} latitudes by {columns} longitudes are no map of the sphere"
            ))
            .remedy("spherical harmonics need a global grid"));
        }
        let eastward = columns == 1 || circle(longitudes)?;
        let southward = latitudes[0] > latitudes[rows - 1];
        let mut lat = latitudes.to_vec();
        if !southward {
            lat.reverse();
        }
        let tolerance = (OFF * 180.0 / rows as f64).max(ROUNDED);
        let worst = |kind| worst(&lat, kind);
        if let Some(kind) = KINDS.into_iter().find(|&kind| worst(kind).1 <= tolerance) {
            return Ok(Self { kind, rows, columns, southward, eastward });
        }
        // Of the kind that comes nearest.
        let near = KINDS.into_iter().map(|kind| (kind, worst(kind)));
        let nearest = near.min_by(|a, b| a.1 .1.total_cmp(&b.1 .1));
        let hint = nearest.map_or_else(String::new, |(kind, (at, off))| {
            format!(": of {rows} {} ones, {} is off by {off:.3} degrees", kind.name(), lat[at])
        });
        Err(Error::data(format!("latitudes are neither Gaussian nor evenly spaced from pole to pole{hint}"))
            .remedy("spherical harmonics need a global grid, poles and all: take the whole of it, or bring the field to one first"))
    }

    /// The highest degree that analysis resolves.
    pub const fn highest(&self) -> usize {
        match self.kind {
            LatitudeKind::NorthPole | LatitudeKind::SouthPole => (self.rows - 1 - self.rows % 2) / 2,
            _ => self.rows - 1,
        }
    }
    /// The highest order m that a circle of latitude resolves.
    pub const fn highest_order(&self) -> usize {
        self.columns / 2
    }
    /// Values of a map.
    pub const fn cells(&self) -> usize {
        self.rows * self.columns
    }
    /// In words, as in `Gaussian, 64 x 128`.
    pub fn describe(&self) -> String {
        format!("{}, {} x {}", self.kind.name(), self.rows, self.columns)
    }
}

/// What to do about longitudes that are not all.
const GLOBAL: &str =
    "all longitudes are needed: take the whole globe, or bring the field to a global grid first";

/// Which latitude, from north to south, is farthest from where it would be on a grid of this kind,
/// and how far, in degrees.
fn worst(lat: &[f64], kind: LatitudeKind) -> (usize, f64) {
    let n = lat.len();
    let even = |shift: f64, parts: usize| -> Vec<f64> {
        (0..n).map(|k| 90.0 - 180.0 * (k as f64 + shift) / parts as f64).collect()
    };
    let expected = match kind {
        LatitudeKind::Gaussian => {
            let north = gauss::near(n);
            let of = |k: usize| {
                let lat = north[k.min(n - 1 - k)].asin().to_degrees();
                if 2 * k < n {
                    lat
                } else {
                    -lat
                }
            };
            (0..n).map(of).collect()
        }
        LatitudeKind::Poles => even(0.0, n - 1),
        LatitudeKind::Between => even(0.5, n),
        LatitudeKind::NorthPole => even(0.0, n),
        LatitudeKind::SouthPole => even(1.0, n),
    };
    let off = lat.iter().zip(&expected).map(|(a, b)| if a.is_nan() { f64::INFINITY } else { (a - b).abs() });
    off.enumerate().fold((0, 0.0), |worst, at| if at.1 > worst.1 { at } else { worst })
}

/// Whether longitudes go round the earth eastward, in even steps; or else westward.
///
/// # Errors
/// Data, if they do neither: says why.
pub fn circle(lon: &[f64]) -> Result<bool> {
    let n = lon.len();
    if n < 2 {
        return Err(Error::data("there is one longitude only").remedy(GLOBAL));
    }
    let next = |i: usize| lon[(i + 1) % n];
    // The first of the steps that is none of these in this direction, the last being that to the first.
    let odd = |step: f64, sign: f64, steps: usize| {
        let tolerance = (OFF * step).max(ROUNDED);
        (0..steps).find(|&i| {
            let turn = (sign * (next(i) - lon[i]) - step).rem_euclid(360.0);
            let off = turn.min(360.0 - turn);
            off.is_nan() || off > tolerance
        })
    };
    let whole = 360.0 / n as f64;
    let (east, west) = (odd(whole, 1.0, n), odd(whole, -1.0, n));
    if east.is_none() || west.is_none() {
        return Ok(east.is_none());
    }
    let (first, last) = (lon[0], lon[n - 1]);
    // Even steps that are not all, or more than all.
    let step = (last - first) / (n - 1) as f64;
    if odd(step.abs(), step.signum(), n - 1).is_none() {
        let around = (last - first).abs();
        if (around - 360.0).abs() <= (OFF * step.abs()).max(ROUNDED) {
            return Err(Error::data(format!("the last longitude, {last}, is the first again"))
                .remedy("leave it out with --box"));
        }
        return Err(Error::data(format!(
            "longitudes do not go round the earth: {n} of them, from {first} to {last}, are {} apart",
            step.abs() as f32
        ))
        .remedy(GLOBAL));
    }
    let i = if step < 0.0 { west } else { east }.unwrap_or_default();
    Err(Error::data(format!(
        "longitudes do not go round the earth in even steps: {} is followed by {}",
        lon[i],
        next(i)
    ))
    .remedy(GLOBAL))
}

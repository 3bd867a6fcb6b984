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
        let eastward = circle(longitudes)?;
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
            .remedy("spherical harmonics need a global grid: leave --box out, or bring the field to such a grid first"))
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

/// Whether longitudes go round the earth eastward, in even steps.
fn circle(lon: &[f64]) -> Result<bool> {
    let n = lon.len();
    let step = 360.0 / n as f64;
    let next = |i: usize| lon[(i + 1) % n];
    let tolerance = (OFF * step).max(ROUNDED);
    let off = |i: usize, sign: f64| {
        let turn = (sign * (next(i) - lon[i]) - step).rem_euclid(360.0);
        turn.min(360.0 - turn)
    };
    let odd = |sign: f64| (0..n).find(|&i| off(i, sign).is_nan() || off(i, sign) > tolerance);
    match (odd(1.0), odd(-1.0)) {
        (None, _) => Ok(true),
        (_, None) => Ok(false),
        _ if n > 1 && ((lon[n - 1] - lon[0]).abs() - 360.0).abs() <= tolerance => {
            Err(Error::data(format!("the last longitude, {}, is the first again", lon[n - 1]))
                .remedy("leave it out with --box"))
        }
        (Some(i), _) => Err(Error::data(format!(
            "longitudes do not go round the earth in even steps: {} is followed by {}",
            lon[i],
            next(i)
        ))
        .remedy("spherical harmonics need a global grid: leave --box out, or bring the field to such a grid first")),
    }
}

//! The heat transport of the ocean that fluxes through its surface imply.

use halocline_core::engine::Numbers;

/// No strip: the cell is left out.
pub const NO_STRIP: u32 = u32::MAX;

/// From where fluxes are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// From the southernmost line, where nothing flows.
    South,
    /// From the northernmost line, where nothing flows.
    North,
}

/// How many sums a strip has.
pub const OF_STRIP: usize = 3;

/// What the strips between lines gain, from south to north, one after the other in `out`: of a map the
/// integral of the flux over the cells of each, the area of those that are water, and of those that
/// have a value.
///
/// `areas` are those of cells in m², `strips` the strip of each, or [`NO_STRIP`]; cells are added in
/// their order, so that the same map gives the same bits anywhere. Missing values add nothing.
/// `selected`: cells that count. `zero_is_land`: where the flux is exactly 0 is no water, as where
/// models write land as 0; else all that has a value is.
pub fn gained(
    map: Numbers<'_>,
    (areas, strips): (&[f64], &[u32]),
    selected: Option<&[bool]>,
    zero_is_land: bool,
    out: &mut [[f64; OF_STRIP]],
) {
    for (k, (area, strip)) in areas.iter().zip(strips).enumerate() {
        let value = match map {
            Numbers::F32(v) => f64::from(v[k]),
            Numbers::F64(v) => v[k],
        };
        let counts = *strip != NO_STRIP && selected.is_none_or(|s| s[k]);
        if counts && !value.is_nan() && *area > 0.0 {
            let sum = &mut out[*strip as usize];
            sum[0] += value * area;
            sum[1] += if zero_is_land && value == 0.0 { 0.0 } else { *area };
            sum[2] += area;
        }
    }
}

/// The northward transport across the lines between strips, one more than these, that makes up for what
/// the surface gains: of an ocean that keeps its heat
///
/// H(φ) = ∫ over all south of φ of F dA = H(northern end) - ∫ over all north of φ of F dA,
///
/// F into the ocean. Added up from `side`, where H is 0; at the other end H is what the whole gains
/// (from the south), or minus that (from the north). `spread` is a flux that is taken off everywhere
/// first: the mean of F, if the ocean gains nothing on the whole.
pub fn implied_transport(gained: &[[f64; 2]], side: Side, spread: f64) -> Vec<f64> {
    let of = |[heat, area]: &[f64; 2]| heat - spread * area;
    let mut all = vec![0.0; gained.len() + 1];
    match side {
        Side::South => {
            for (k, strip) in gained.iter().enumerate() {
                all[k + 1] = all[k] + of(strip);
            }
        }
        Side::North => {
            for (k, strip) in gained.iter().enumerate().rev() {
                all[k] = all[k + 1] - of(strip);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_both_sides_it_differs_by_the_residual_which_may_be_spread() {
        // Warmed in the south, cooled in the north, more than that: two cells a strip, one missing.
        let flux = [30.0, 30.0, 10.0, f64::NAN, -20.0, -20.0, -50.0, -50.0];
        let areas = [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 0.0];
        let strips = [0, 0, 1, 1, 2, 2, 3, NO_STRIP];
        let mut sums = [[0.0; OF_STRIP]; 4];
        gained(Numbers::F64(&flux), (&areas, &strips), None, true, &mut sums);
        assert_eq!(sums, [[90.0, 3.0, 3.0], [10.0, 1.0, 1.0], [-60.0, 3.0, 3.0], [-50.0, 1.0, 1.0]]);
        let strip = sums.map(|[heat, area, _]| [heat, area]);
        assert_eq!(implied_transport(&strip, Side::South, 0.0), [0.0, 90.0, 100.0, 40.0, -10.0]);
        assert_eq!(implied_transport(&strip, Side::North, 0.0), [10.0, 100.0, 110.0, 50.0, 0.0]);
        let spread = -10.0 / 8.0;
        let south = implied_transport(&strip, Side::South, spread);
        let north = implied_transport(&strip, Side::North, spread);
        assert!(south.iter().zip(&north).all(|(a, b)| (a - b).abs() < 1e-12));
        assert!(north[0].abs() < 1e-12);
        let mut part = [[0.0; OF_STRIP]; 4];
        let west = [true, false, true, false, true, false, true, false];
        gained(Numbers::F32(&flux.map(|f| f as f32)), (&areas, &strips), Some(&west), true, &mut part);
        assert_eq!(
            part.map(|[heat, area, _]| [heat, area]),
            [[30.0, 1.0], [10.0, 1.0], [-20.0, 1.0], [-50.0, 1.0]]
        );
    }

    #[test]
    fn land_of_zeros_has_no_area_unless_a_mask_tells() {
        let (areas, strips) = ([1.0, 2.0, 4.0], [0; 3]);
        for (zero_is_land, area) in [(true, 1.0), (false, 3.0)] {
            let mut sums = [[0.0; OF_STRIP]];
            let flux = [5.0, 0.0, f32::NAN];
            gained(Numbers::F32(&flux), (&areas, &strips), None, zero_is_land, &mut sums);
            assert_eq!(sums, [[5.0, area, 3.0]]);
        }
    }

    #[test]
    fn a_known_flux_gives_its_known_transport() {
        // F = F0 sin 2φ-like: ∂H/∂φ = 2π R² cos φ F with H = H0 cos²φ sin φ.
        let (n, radius, most) = (720, 6.37e6, 2e15);
        let edge = |k: usize| (-90.0 + 180.0 * k as f64 / n as f64).to_radians();
        let h = |phi: f64| most * phi.cos() * phi.cos() * phi.sin();
        let mut sums = vec![[0.0; OF_STRIP]; n];
        let (mut flux, mut areas) = (Vec::new(), Vec::new());
        for k in 0..n {
            let (a, b) = (edge(k), edge(k + 1));
            areas.push(2.0 * std::f64::consts::PI * radius * radius * (b.sin() - a.sin()));
            flux.push((h(b) - h(a)) / areas[k]);
        }
        let strips: Vec<u32> = (0..n as u32).collect();
        gained(Numbers::F64(&flux), (&areas, &strips), None, false, &mut sums);
        let strip: Vec<[f64; 2]> = sums.iter().map(|[heat, area, _]| [*heat, *area]).collect();
        for (k, value) in implied_transport(&strip, Side::North, 0.0).iter().enumerate() {
            assert!((value - h(edge(k))).abs() < 1e-9 * most, "{k}: {value}");
        }
    }
}

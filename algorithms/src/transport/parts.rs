//! What sums along a line tell, level by level: the streamfunction, and the parts of what is carried.

use super::sums::OF_MEANS;

/// The overturning streamfunction at the interfaces of levels, m³/s: ψ = -∫ V dz from the bottom up,
/// where V is the flux through each level, so that it is 0 at the bottom and positive where water flows
/// northward above and southward below (clockwise seen from the east). At the surface it is minus the
/// net flux: how far the flow is from closed.
///
/// `fluxes` are of levels from the top down; the result has one value more.
pub fn streamfunction(fluxes: &[f64]) -> Vec<f64> {
    let mut psi = vec![0.0; fluxes.len() + 1];
    for k in (0..fluxes.len()).rev() {
        psi[k] = psi[k + 1] - fluxes[k];
    }
    psi
}

/// What is carried across a line, and its parts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Parts {
    /// All of it.
    pub total: f64,
    /// By the flow through each level as a whole: Σ V ⟨T⟩, with ⟨T⟩ the mean over the area.
    pub overturning: f64,
    /// By what differs within a level from the mean of it: Σ (∫ v T dA - V ⟨T⟩).
    pub gyre: f64,
    /// By what departs from the mean over time; 0 of a single time.
    pub eddy: f64,
    /// Net flux, m³/s.
    pub flux: f64,
}

impl Parts {
    /// Of a line that is missing.
    pub const fn missing() -> Self {
        Self { total: f64::NAN, overturning: f64::NAN, gyre: f64::NAN, eddy: f64::NAN, flux: f64::NAN }
    }
    /// How far the parts are from adding up to the total.
    pub fn closure(&self) -> f64 {
        self.total - (self.overturning + self.gyre + self.eddy)
    }

    /// Of a time: for each level the flux V, the area A, ∫ T dA and ∫ v T dA.
    pub fn of_levels<'a>(levels: impl Iterator<Item = &'a [f64]>) -> Self {
        let mut parts = Self::default();
        for sums in levels {
            let over = if sums[1] > 0.0 { sums[0] * (sums[2] / sums[1]) } else { 0.0 };
            parts.total += sums[3];
            parts.overturning += over;
            parts.gyre += sums[3] - over;
            parts.flux += sums[0];
        }
        parts
    }

    /// Of the mean of many times, whose mean total is known: for each level what
    /// [`FaceMeans::along`](super::FaceMeans::along) gives of a tracer.
    pub fn of_means<'a>(total: f64, levels: impl Iterator<Item = &'a [f64]>) -> Self {
        let mut parts = Self { total, ..Self::default() };
        for sums in levels {
            debug_assert_eq!(sums.len(), OF_MEANS);
            let over = if sums[1] > 0.0 { sums[0] * (sums[2] / sums[1]) } else { 0.0 };
            parts.overturning += over;
            parts.gyre += sums[3] - over;
            parts.eddy += sums[4];
            parts.flux += sums[0];
        }
        parts
    }

    /// All but the flux times a factor.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            total: self.total * factor,
            overturning: self.overturning * factor,
            gyre: self.gyre * factor,
            eddy: self.eddy * factor,
            flux: self.flux,
        }
    }

    /// Of salt S to fresh water: ∫ v (1 - S / S₀) dA, m³/s. The flux goes with the overturning.
    #[must_use]
    pub fn to_fresh_water(self, reference: f64) -> Self {
        let turned = self.times(-1.0 / reference);
        Self { total: turned.total + self.flux, overturning: turned.overturning + self.flux, ..turned }
    }
}

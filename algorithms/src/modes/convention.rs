//! What other tools make of the same decomposition: scalings, divisors and signs.
//!
//! With X the weighted anomalies, s a singular value, u and v its unit vectors over time and cells:
//!
//! | tool | weights | eigenvalue | EOF | principal component | sign |
//! | --- | --- | --- | --- | --- | --- |
//! | eofs | on the data | s²/(n − 1) | v, v/√λ or v √λ, not unweighted | u s, over √λ or times √λ | of the solver |
//! | xeofs | on the data | s²/(n − 1) | v, or v s; not unweighted | u, or u s | largest entry positive |
//! | CDO | none | s²/n | v | u s | of the solver |
//! | CDO, `CDO_WEIGHT_MODE=on` | √(area / Σ area) | s²/n | v / weight, so that Σ area v² = Σ area | x · EOF without weights | of the solver |
//! | NCL | as given with the data | s²/(n − 1) | v | u s, its mean removed | of the solver |
//!
//! NCL's `jopt = 1` standardises each cell by its standard deviation (n − 1) before the
//! decomposition, in `eofunc` and in `eofunc_ts`. Of entries of equal magnitude and opposite sign
//! xeofs makes the positive one stay positive.

use serde::{Deserialize, Serialize};

/// Whose result is wanted. The defaults of a tool are those of its functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Convention {
    /// Python eofs 2, `eofs(eofscaling)` and `pcs(pcscaling)`: 0 as they are, 1 divided by √λ, 2
    /// times √λ.
    Eofs {
        /// `eofscaling`.
        eof: Power,
        /// `pcscaling`.
        pc: Power,
    },
    /// xeofs 3, `components(normalized)` and `scores(normalized)`.
    Xeofs {
        /// Whether components have norm 1, not s.
        components: bool,
        /// Whether scores have norm 1, not s.
        scores: bool,
    },
    /// CDO 2, `eof` of anomalies and `eofcoeff`.
    Cdo {
        /// `CDO_WEIGHT_MODE=on`.
        weighted: bool,
    },
    /// NCL 6, `eofunc` and `eofunc_ts`.
    Ncl,
}

/// A power of √λ that multiplies a unit result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Power {
    /// As it is.
    #[default]
    None,
    /// Divided by √λ.
    Divided,
    /// Times √λ.
    Multiplied,
}

impl Power {
    fn of(self, root: f64) -> f64 {
        match self {
            Self::None => 1.0,
            Self::Divided => 1.0 / root,
            Self::Multiplied => root,
        }
    }
}

/// How a tool chooses signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignRule {
    /// It has no rule: compare up to the sign.
    None,
    /// The entry of largest magnitude of the EOF is positive.
    LargestPositive,
}

/// Where the principal components come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Components {
    /// The unit vectors u times these factors, one a mode.
    Units(Vec<f64>),
    /// The products of the *unweighted* anomalies with the EOF as it is put out.
    Projection,
}

/// Factors that turn unit vectors into the result of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// Eigenvalues.
    pub eigenvalues: Vec<f64>,
    /// Factors of the EOFs v, one a mode.
    pub eofs: Vec<f64>,
    /// Whether EOFs are divided by the weights of the data.
    pub unweighted: bool,
    /// Principal components.
    pub components: Components,
}

impl Convention {
    /// The scaling of modes with squared singular values `values` (s², of the weighted anomalies)
    /// of `n` times.
    pub fn scaling(self, values: &[f64], n: usize) -> Scaling {
        let divisor = match self {
            Self::Cdo { .. } => n as f64,
            _ => n as f64 - 1.0,
        };
        let eigenvalues: Vec<f64> = values.iter().map(|v| v / divisor).collect();
        let s: Vec<f64> = values.iter().map(|v| v.sqrt()).collect();
        let ones = vec![1.0; values.len()];
        let roots = |power: Power| eigenvalues.iter().map(move |l| power.of(l.sqrt()));
        let (eofs, components) = match self {
            Self::Eofs { eof, pc } => {
                let pcs = roots(pc).zip(&s).map(|(f, s)| f * s).collect();
                (roots(eof).collect(), Components::Units(pcs))
            }
            Self::Xeofs { components, scores } => {
                let pick = |unit: bool| if unit { ones.clone() } else { s.clone() };
                (pick(components), Components::Units(pick(scores)))
            }
            Self::Cdo { weighted: true } => (ones, Components::Projection),
            Self::Cdo { weighted: false } | Self::Ncl => (ones, Components::Units(s)),
        };
        let unweighted = matches!(self, Self::Cdo { weighted: true });
        Scaling { eigenvalues, eofs, unweighted, components }
    }

    /// How it chooses signs.
    pub const fn signs(self) -> SignRule {
        match self {
            Self::Xeofs { .. } => SignRule::LargestPositive,
            _ => SignRule::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::references::{agree, agree_but_sign, projections, signed, References, Solved};
    use super::*;

    const N: usize = 32;

    /// Eigenvalues, EOFs and components as the convention says; `x` are anomalies, `weights` of
    /// their twelve cells.
    fn result(convention: Convention, x: &[f64], weights: &[f64], modes: usize) -> [Vec<f64>; 3] {
        let times =
            |x: &[f64]| -> Vec<f64> { x.iter().enumerate().map(|(i, v)| v * weights[i % 12]).collect() };
        let solved = Solved::new(times(x), N, modes);
        let scaling = convention.scaling(&solved.pairs.values, N);
        let mut eofs = signed(&solved.maps(&solved.z), 12, &scaling.eofs);
        if scaling.unweighted {
            eofs.iter_mut().enumerate().for_each(|(i, v)| *v /= weights[i % 12]);
        }
        let pcs = match &scaling.components {
            Components::Units(factors) => signed(&solved.pairs.vectors, N, factors),
            Components::Projection => projections(x, N, &eofs),
        };
        if convention.signs() == SignRule::None {
            return [scaling.eigenvalues, eofs, pcs];
        }
        let signs = super::super::references::signs(&eofs, 12);
        [scaling.eigenvalues, signed(&eofs, 12, &signs), signed(&pcs, N, &signs)]
    }

    fn coslat(r: &References) -> Vec<f64> {
        r.get("latitudes").iter().flat_map(|l| [l.to_radians().cos().sqrt(); 4]).collect()
    }

    #[test]
    fn eofs_and_xeofs() {
        let r = References::load();
        let x = r.anomalies("x");
        for (i, power) in [Power::None, Power::Divided, Power::Multiplied].into_iter().enumerate() {
            let convention = Convention::Eofs { eof: power, pc: power };
            let [values, eofs, pcs] = result(convention, &x, &coslat(&r), 3);
            agree(&values, r.get("eofs_eigenvalues"), 1e-12, "eigenvalues");
            agree_but_sign(&eofs, r.get(&format!("eofs_eofs{i}")), 12, 1e-11, "eofs");
            agree_but_sign(&pcs, r.get(&format!("eofs_pcs{i}")), N, 1e-11, "pcs");
            let north = super::super::effective::north_errors(&values, &[32.0; 3]);
            agree(&north, r.get("eofs_north"), 1e-12, "north");
        }
        for (unit, name) in [(true, "unit"), (false, "scaled")] {
            let convention = Convention::Xeofs { components: unit, scores: unit };
            let [values, eofs, pcs] = result(convention, &x, &coslat(&r), 3);
            agree(&values, r.get("xeofs_variance"), 1e-12, "variance");
            agree(&eofs, r.get(&format!("xeofs_components_{name}")), 1e-11, "components");
            agree(&pcs, r.get(&format!("xeofs_scores_{name}")), 1e-11, "scores");
        }
    }

    #[test]
    fn cdo() {
        let r = References::load();
        let x = r.anomalies("x");
        let areas = r.get("cdo_weights");
        let total: f64 = areas.iter().sum();
        for (weighted, name) in [(true, "on"), (false, "off")] {
            let weights: Vec<f64> =
                areas.iter().map(|a| if weighted { (a / total).sqrt() } else { 1.0 }).collect();
            let [values, eofs, pcs] = result(Convention::Cdo { weighted }, &x, &weights, 3);
            agree(&values, &r.get(&format!("cdo_{name}_eigenvalues"))[..3], 1e-11, "eigenvalues");
            agree_but_sign(&eofs, r.get(&format!("cdo_{name}_eofs")), 12, 1e-9, "eofs");
            agree_but_sign(&pcs, r.get(&format!("cdo_{name}_coefficients")), N, 1e-9, "coefficients");
        }
    }

    #[test]
    fn ncl() {
        let r = References::load();
        let x = r.anomalies("x");
        let spread: Vec<f64> = (0..12)
            .map(|c| (0..N).map(|t| x[t * 12 + c].powi(2)).sum::<f64>().sqrt() / 31f64.sqrt())
            .collect();
        // The weights of data that are then standardised cancel.
        for (option, weights) in [(0, coslat(&r)), (1, spread.iter().map(|s| 1.0 / s).collect())] {
            let [values, eofs, pcs] = result(Convention::Ncl, &x, &weights, 4);
            agree(&values, r.get(&format!("ncl{option}_eval")), 1e-11, "eval");
            agree_but_sign(&eofs, r.get(&format!("ncl{option}_eofs")), 12, 1e-9, "eofs");
            agree_but_sign(&pcs, r.get(&format!("ncl{option}_ts")), N, 1e-9, "ts");
        }
    }
}

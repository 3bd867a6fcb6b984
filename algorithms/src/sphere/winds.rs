//! Vector harmonics: winds to vorticity and divergence, scalars to their gradients.

use super::analysis::{cleared, Workspace};
use super::circles::Circles;
use super::coefficients::Coefficients;
use super::latitudes::Latitudes;
use super::synthesis::Waves;
use super::transform::{Transform, DEGREES};
use halocline_core::engine::{Numbers, NumbersMut};
use rayon::prelude::*;

/// One over the eigenvalues of the Laplacian on the unit sphere: -1 / (n (n + 1)), 0 for n = 0.
fn inverse_laplacian(n: usize) -> f64 {
    if n == 0 {
        0.0
    } else {
        -1.0 / (n as f64 * (n as f64 + 1.0))
    }
}

impl Transform {
    /// The coefficients of vorticity and divergence on the unit sphere of `maps` winds, eastward
    /// `u` and northward `v`: those on a sphere of radius a are these divided by a.
    pub fn analyse_wind(&self, u: Numbers<'_>, v: Numbers<'_>, maps: usize) -> (Coefficients, Coefficients) {
        let share = self.whole();
        let circles = self.circles(&[self.all_rows(u), self.all_rows(v)], maps, &share);
        let (vorticity, divergence) = self.project_wind(&circles, maps, share.orders);
        self.spare.give(circles.into_data());
        let of = |orders| Coefficients::new(maps, self.truncation, orders);
        (of(vorticity), of(divergence))
    }

    /// The coefficients of vorticity and of divergence of these orders, from circles of all latitudes
    /// and of these orders.
    pub(super) fn project_wind(
        &self,
        circles: &Circles,
        maps: usize,
        orders: &[usize],
    ) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
        let columns = circles.columns();
        let half = 2 * maps;
        let made = orders.par_iter().enumerate().map_init(Workspace::default, |w, (slot, &m)| {
            // Components of a vector are odd about the poles where scalars are even.
            self.gather(circles, slot, m % 2 == 0, w);
            let degrees = self.truncation + 1 - m;
            let mut vorticity = vec![0.0; degrees * half];
            let mut divergence = vec![0.0; degrees * half];
            self.start_vector(&self.nodes, m, w);
            for at in (0..degrees).step_by(DEGREES) {
                let many = DEGREES.min(degrees - at);
                fill_vector(&self.nodes, (m, m + at, many), w);
                let Workspace { first, second, packed, sums, .. } = w;
                let both = cleared(sums, 2 * many * columns);
                let (along, across) = both.split_at_mut(many * columns);
                self.integrate(first, packed, along, (many, columns), false);
                self.integrate(second, packed, across, (many, columns), true);
                let range = at * half..(at + many) * half;
                let rows = vorticity[range.clone()].chunks_exact_mut(half.max(1));
                let rows = rows.zip(divergence[range].chunks_exact_mut(half.max(1)));
                for (row, (zeta, delta)) in rows.enumerate() {
                    let at = row * columns;
                    for c in (0..half).step_by(2) {
                        // i W times one component, V times the other.
                        let (u, v) = (at + c, at + half + c);
                        zeta[c] = -along[v + 1] - across[u];
                        zeta[c + 1] = along[v] - across[u + 1];
                        delta[c] = across[v] - along[u + 1];
                        delta[c + 1] = across[v + 1] + along[u];
                    }
                }
            }
            // A degree that one of the two kinds of functions does not show; a wave whose derivative
            // does not show.
            let shown =
                if 2 * m == self.grid.columns { 0 } else { degrees - usize::from(self.is_beyond(degrees)) };
            vorticity[shown * half..].fill(0.0);
            divergence[shown * half..].fill(0.0);
            (vorticity, divergence)
        });
        made.unzip::<_, _, Vec<_>, Vec<_>>()
    }

    /// The gradient on the unit sphere of what coefficients make: its eastward component
    /// 1/cos φ ∂/∂λ and its northward component ∂/∂φ, times a factor for each.
    ///
    /// # Panics
    /// If coefficients are a rank's part ([`Coefficients::is_whole`]).
    pub fn gradient(
        &self,
        coefficients: &Coefficients,
        [east, north]: [f64; 2],
        eastward: NumbersMut<'_>,
        northward: NumbersMut<'_>,
    ) {
        coefficients.must_be_whole();
        let share = self.whole();
        let waves = self.gradient_waves(coefficients, [east, north], share.orders);
        let outputs = vec![self.all_rows_mut(eastward), self.all_rows_mut(northward)];
        self.lay_out(&waves, outputs, coefficients.maps(), &share);
        self.spare.give(waves.data);
    }

    /// Sums over degrees of both components of a gradient, of these orders on all latitudes.
    pub(super) fn gradient_waves(
        &self,
        coefficients: &Coefficients,
        [east, north]: [f64; 2],
        orders: &[usize],
    ) -> Waves {
        let half = 2 * coefficients.maps();
        let mut waves = self.room_for_waves(orders.len(), 2 * half);
        let wide = waves.wide();
        waves.data.par_chunks_mut(wide.max(1)).zip(orders).for_each_init(
            Workspace::default,
            |w, (out, &m)| {
                let degrees = self.pack_degrees(coefficients, m, w);
                let packed = std::mem::take(&mut w.packed[0]);
                let mut sums = std::mem::take(&mut w.sums);
                let both = cleared(&mut sums, 4 * self.own.len() * half);
                let (along, across) = both.split_at_mut(2 * self.own.len() * half);
                self.start_vector(&self.own, m, w);
                for at in (0..degrees).step_by(DEGREES) {
                    let many = DEGREES.min(degrees - at);
                    fill_vector(&self.own, (m, m + at, many), w);
                    self.sum_up(&w.first, (&packed, degrees, at), along, (many, half), false);
                    self.sum_up(&w.second, (&packed, degrees, at), across, (many, half), true);
                }
                let rows = along.chunks_exact(half.max(1)).zip(across.chunks_exact(half.max(1)));
                for (out, (along, across)) in out.chunks_exact_mut((2 * half).max(1)).zip(rows) {
                    for c in (0..half).step_by(2) {
                        out[c] = -east * along[c + 1];
                        out[c + 1] = east * along[c];
                        // The functions are derived along colatitude, southward.
                        out[half + c] = -north * across[c];
                        out[half + c + 1] = -north * across[c + 1];
                    }
                }
                (w.packed[0], w.sums) = (packed, sums);
            },
        );
        waves
    }

    fn start_vector(&self, at: &Latitudes, m: usize, w: &mut Workspace) {
        if m > 0 {
            w.functions.start(at, m, self.sectoral[m], true);
        }
        w.next.start(at, m + 1, self.sectoral[m + 1], false);
    }
}

/// Functions of degrees from `n` on: m P / sin θ in `first` and dP/dθ in `second`. From the
/// function over sin θ and that of order m + 1, so that nothing is divided by sin θ and nothing
/// cancels.
fn fill_vector(at: &Latitudes, (m, n, many): (usize, usize, usize), w: &mut Workspace) {
    let Workspace { functions, next, first, second, third, .. } = w;
    let rows = at.len();
    let over = cleared(first, many * rows);
    let slope = cleared(second, many * rows);
    let above = cleared(third, many * rows);
    // Of degree m there is none of order m + 1.
    let skipped = usize::from(n == m);
    next.fill(at, many - skipped, &mut above[skipped * rows..]);
    if m > 0 {
        functions.fill(at, many, over);
    }
    let order = m as f64;
    for row in 0..many {
        let degree = (n + row) as f64;
        let factor = ((degree - order) * (degree + order + 1.0)).sqrt();
        let range = row * rows..(row + 1) * rows;
        let lanes = over[range.clone()].iter_mut().zip(&mut slope[range.clone()]);
        for ((over, slope), (above, cosine)) in lanes.zip(above[range].iter().zip(&at.cosine)) {
            let scaled = order * *over;
            *slope = cosine * scaled - factor * above;
            *over = scaled;
        }
    }
}

impl Coefficients {
    /// A factor times those of the field of which these are the Laplacian on the unit sphere, with
    /// mean 0: of the vorticity on the unit sphere ([`Transform::analyse_wind`]) and the radius, the
    /// streamfunction; of the divergence the velocity potential.
    #[must_use]
    pub fn inverse_laplacian(&self, factor: f64) -> Self {
        let factor = |n: usize| factor * inverse_laplacian(n);
        self.scaled(&(0..=self.truncation()).map(factor).collect::<Vec<_>>())
    }

    /// Kinetic energy of each degree from vorticity or divergence on the unit sphere, as
    /// [`Transform::analyse_wind`] gives it: half the contribution to the mean square of the speed.
    pub fn kinetic_energy(&self) -> Vec<f64> {
        energy_of(self.power(), self.truncation())
    }
}

/// Kinetic energy from the power of vorticity or divergence on the unit sphere, of all degrees of each
/// map.
pub(super) fn energy_of(mut power: Vec<f64>, truncation: usize) -> Vec<f64> {
    for (at, e) in power.iter_mut().enumerate() {
        // That of degree 0 is 0, not the negative one that the product would be.
        let degree = at % (truncation + 1);
        *e = if degree == 0 { 0.0 } else { *e * (-0.5 * inverse_laplacian(degree)) };
    }
    power
}

//! Transforms of maps that are divided among ranks: of one map, all ranks work on parts.
//!
//! Rows go to the ranks that have their latitudes, each with its mirror image beyond the equator
//! ([`DividedTransform::take`]), are transformed along circles there, go on to the ranks that have
//! their orders, and are summed over latitudes; and the same way back. Each sum lies wholly on one
//! rank and is that of [`Transform`], so that no bit depends on the number of ranks.

mod deal;
mod maps;

use super::circles::Circles;
use super::coefficients::Coefficients;
use super::rows::RowsMut;
use super::synthesis::Waves;
use super::transform::{Share, Transform, DEGREES};
use super::winds::energy_of;
use deal::Deal;
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::{Engine, NumbersMut};
use halocline_core::index::IndexBox;
use halocline_core::memory::{filled, fit};
use halocline_core::meta::{Dim, Role};
use halocline_core::redistribution::Redistribution;
use halocline_core::Result;
use maps::{Hemispheres, Ways};
use std::ops::Range;

pub use maps::DividedMaps;

/// Rounds in which circles change ranks, at most: few of them are on their way at once then.
const ROUNDS: usize = 8;
/// Orders of a rank in a round, at least: its threads share them.
const ORDERS: usize = 16;

/// A [`Transform`] of maps that are divided among the ranks of a group.
///
/// [`Coefficients`] are divided by order: of each map a rank has those of some orders
/// ([`Self::orders`], [`Coefficients::holds`]), all degrees of these. What is done with each
/// coefficient by itself ([`Coefficients::scale`], [`Coefficients::inverse_laplacian`]) is done as
/// ever.
///
/// ```
/// use halocline_algorithms::sphere::{DividedTransform, SphereGrid, Transform};
/// use halocline_core::comm::Comm;
/// use halocline_core::decomposition::Decomposition;
/// use halocline_core::engine::{Numbers, NumbersMut};
/// use halocline_core::index::IndexBox;
/// use halocline_core::meta::{Dim, Role};
///
/// # fn main() -> halocline_core::Result<()> {
/// let comm = Comm::serial();
/// let lat: Vec<f64> = (0..16).map(|k| 84.375 - 11.25 * f64::from(k)).collect();
/// let lon: Vec<f64> = (0..32).map(|i| 11.25 * f64::from(i)).collect();
/// let grid = SphereGrid::of(&lat, &lon)?;
/// // Rows to ranks.
/// let dims = [Dim::new("lat", 16, Role::Y), Dim::new("lon", 32, Role::X)];
/// let layout = Decomposition::along(&dims, &IndexBox::whole(&[16, 32]), 0, comm.size())?;
/// let own = layout.block(comm.rank());
/// let map: Vec<f64> = own.range(0).flat_map(|k| vec![lat[k].to_radians().sin(); 32]).collect();
///
/// let mut transform = DividedTransform::new(Transform::new(&grid, Some(10))?, comm.size());
/// let rows = transform.take(&comm, &layout, Numbers::F64(&map))?;
/// let coefficients = transform.analyse(&comm, &rows)?;
/// // The mean of the square of sin φ.
/// assert!((transform.power(&comm, &coefficients)?[1] - 1.0 / 3.0).abs() < 1e-14);
/// let mut back = vec![0.0; map.len()];
/// transform.synthesise(&comm, &coefficients, (&layout, NumbersMut::F64(&mut back)))?;
/// assert!(back.iter().zip(&map).all(|(a, b)| (a - b).abs() < 1e-13));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DividedTransform {
    transform: Transform,
    deal: Deal,
    ways: Ways,
    /// From latitudes to orders and back, in so many rounds.
    turn: Redistribution<f64>,
    rounds: usize,
}

impl DividedTransform {
    /// Divides the work among so many ranks: latitudes evenly, orders so that those of each rank have as
    /// many degrees.
    pub fn new(transform: Transform, ranks: usize) -> Self {
        Self::among(transform, ranks, ranks)
    }

    /// [`Self::new`], among the first `shares` of the ranks only.
    pub fn among(transform: Transform, ranks: usize, shares: usize) -> Self {
        let latitudes = transform.own.len();
        // Carrying meridians over takes as long as some degrees.
        let fixed = if transform.meridian.is_some() { 2 * latitudes } else { 2 };
        let highest = (transform.order, transform.truncation);
        let rounds = ((highest.0 + 1) / (ORDERS * shares.clamp(1, ranks.max(1)))).clamp(1, ROUNDS);
        let deal = Deal::new(latitudes, highest, fixed, (ranks, shares));
        Self { transform, deal, ways: Ways::default(), turn: Redistribution::default(), rounds }
    }

    /// Gives back the memory that is kept from one exchange to the next.
    pub fn release(&mut self) {
        self.ways = Ways::default();
        self.turn = Redistribution::default();
        self.transform.spare.release();
    }

    /// What each rank does its part of. It takes no coefficients that are divided by order.
    pub fn transform(&self) -> &Transform {
        &self.transform
    }
    /// The orders of which a rank has the coefficients.
    pub fn orders(&self, rank: usize) -> &[usize] {
        self.deal.orders(rank)
    }
    /// How many ranks can have something to do on a grid, at most.
    pub fn most(transform: &Transform) -> usize {
        transform.own.len().min(transform.order + 1)
    }

    /// The coefficients of maps, as [`Transform::analyse`] finds them: of the orders of this rank.
    ///
    /// # Collective
    /// Every rank calls this, with its rows of the same maps.
    ///
    /// # Errors
    /// Internal, if it is planned for another number of ranks.
    pub fn analyse(&mut self, comm: &Comm, maps: &DividedMaps) -> Result<Coefficients> {
        self.check_ranks(comm)?;
        let made = self.through_circles(comm, &[maps], Transform::project);
        Ok(self.held(comm, maps.count(), made))
    }

    /// The coefficients of vorticity and divergence on the unit sphere of winds, as
    /// [`Transform::analyse_wind`] finds them: of the orders of this rank.
    ///
    /// # Collective
    /// Every rank calls this, with its rows of the same maps.
    ///
    /// # Errors
    /// As [`Self::analyse`].
    ///
    /// # Panics
    /// If there are not as many maps of `u` and of `v`.
    pub fn analyse_wind(
        &mut self,
        comm: &Comm,
        u: &DividedMaps,
        v: &DividedMaps,
    ) -> Result<(Coefficients, Coefficients)> {
        let maps = u.count();
        assert!(v.count() == maps, "winds of {maps} and {} maps", v.count());
        self.check_ranks(comm)?;
        let both = self.through_circles(comm, &[u, v], |transform, circles, orders| {
            let (vorticity, divergence) = transform.project_wind(circles, maps, orders);
            vorticity.into_iter().zip(divergence).collect()
        });
        let (vorticity, divergence) = both.into_iter().unzip();
        Ok((self.held(comm, maps, vorticity), self.held(comm, maps, divergence)))
    }

    /// [`Coefficients::power`] of coefficients of all ranks, on each of them.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`Self::analyse`].
    pub fn power(&mut self, comm: &Comm, of: &Coefficients) -> Result<Vec<f64>> {
        self.check_ranks(comm)?;
        let (maps, degrees) = (of.maps(), of.truncation() + 1);
        let own = self.deal.orders(comm.rank());
        let mut terms = filled(own.len() * degrees * maps, 0.0f64);
        for (terms, &m) in terms.chunks_exact_mut((degrees * maps).max(1)).zip(own) {
            of.terms(m, |n, map, term| terms[n * maps + map] = term);
        }
        // Each degree is summed on one rank, over orders from the lowest up.
        let dims = dims([self.deal.all_orders().len(), degrees, maps]);
        let ranks = comm.size();
        let cut = (0..=ranks).map(|rank| degrees * rank / ranks).collect::<Vec<_>>();
        let from = division(&dims, [self.deal.edges(), &[0, degrees]], ranks)?;
        let to = division(&dims, [&[0, dims[0].len], &cut], ranks)?;
        let mut arrived = Vec::new();
        self.turn.exchange(comm, (&from, &terms), (&to, &mut arrived));
        let first = cut[comm.rank()];
        let here = cut[comm.rank() + 1] - first;
        let mut sums = vec![0.0; here * maps];
        for (at, sums) in sums.chunks_exact_mut(maps.max(1)).enumerate() {
            for m in 0..=(first + at).min(dims[0].len - 1) {
                let from = (self.deal.slot(m) * here + at) * maps;
                sums.iter_mut().zip(&arrived[from..from + maps]).for_each(|(sum, term)| *sum += term);
            }
        }
        let all: Vec<f64> = Engine::new(comm).gather(&sums)?.concat();
        Ok((0..maps).flat_map(|map| all.iter().skip(map).step_by(maps.max(1)).copied()).collect())
    }

    /// [`Coefficients::kinetic_energy`] of coefficients of all ranks, on each of them.
    ///
    /// # Collective
    /// Every rank calls this.
    ///
    /// # Errors
    /// As [`Self::analyse`].
    pub fn kinetic_energy(&mut self, comm: &Comm, of: &Coefficients) -> Result<Vec<f64>> {
        Ok(energy_of(self.power(comm, of)?, of.truncation()))
    }

    /// The maps that coefficients make, as [`Transform::synthesise`] does it, into this rank's block of a
    /// layout of whole maps `[…, latitude, longitude]`, in the precision of `out`.
    ///
    /// # Collective
    /// Every rank calls this with the same layout.
    ///
    /// # Errors
    /// Internal, if the layout is not one of maps of the grid for this number of ranks.
    ///
    /// # Panics
    /// If it is of another number of maps.
    pub fn synthesise(
        &mut self,
        comm: &Comm,
        coefficients: &Coefficients,
        (layout, out): (&Decomposition, NumbersMut<'_>),
    ) -> Result<()> {
        let maps = coefficients.maps();
        let make = |transform: &Transform, orders: &[usize]| transform.waves(coefficients, orders);
        self.lay_out(comm, (make, 2 * maps), (layout, maps), vec![out])
    }

    /// The gradient on the unit sphere of what coefficients make, as [`Transform::gradient`], into this
    /// rank's blocks of a layout of whole maps.
    ///
    /// # Collective
    /// Every rank calls this with the same layout.
    ///
    /// # Errors
    /// As [`Self::synthesise`].
    ///
    /// # Panics
    /// As [`Self::synthesise`].
    pub fn gradient(
        &mut self,
        comm: &Comm,
        coefficients: &Coefficients,
        factors: [f64; 2],
        (layout, [eastward, northward]): (&Decomposition, [NumbersMut<'_>; 2]),
    ) -> Result<()> {
        let maps = coefficients.maps();
        let make =
            |transform: &Transform, orders: &[usize]| transform.gradient_waves(coefficients, factors, orders);
        self.lay_out(comm, (make, 4 * maps), (layout, maps), vec![eastward, northward])
    }

    /// Bytes of working memory of the rank that needs most, beside [`Transform::bytes`]: `inputs` and
    /// `outputs` of so many maps at once, on so many threads.
    pub fn working(&self, maps: usize, (inputs, outputs): (usize, usize), threads: usize) -> u64 {
        let of = |rank: usize| {
            let (latitudes, orders) = (self.deal.latitudes(rank).len() as u64, self.deal.orders(rank));
            let (all, own) = (self.deal.all_orders().len() as u64, orders.len() as u64);
            let half = self.transform.own.len() as u64;
            let degrees = self.transform.truncation as u64 + 1;
            let wide = (maps * inputs.max(outputs).max(1)) as u64;
            let triangle: u64 = orders.iter().map(|m| 2 * (degrees - *m as u64)).sum();
            // Of circles all that are made here; in a round, those that leave, arrive, and are put in order.
            let turned = 2 * (latitudes * all) + 2 * (half * own);
            let circles = 4 * wide * (latitudes * all + turned.div_ceil(self.rounds as u64));
            let rows = 6 * wide * latitudes * self.transform.grid.columns as u64;
            let power = if outputs == 0 { 4 * maps as u64 * own * degrees } else { 0 };
            let columns = 4 * wide;
            let thread = 3 * DEGREES as u64 * half + 6 * half * columns + 2 * degrees * columns;
            8 * (circles + rows + power + wide * 4 * triangle + threads as u64 * thread)
        };
        (0..self.deal.ranks()).map(of).max().unwrap_or(0)
    }

    /// What `project` makes of circles of all latitudes, of some of the orders of this rank at a time:
    /// of all of them, one after the other.
    fn through_circles<R>(
        &mut self,
        comm: &Comm,
        inputs: &[&DividedMaps],
        project: impl Fn(&Transform, &Circles, &[usize]) -> Vec<R>,
    ) -> Vec<R> {
        let (me, maps) = (comm.rank(), inputs.first().map_or(0, |maps| maps.count()));
        let share = Share { latitudes: self.deal.latitudes(me), orders: self.deal.all_orders() };
        let rows: Vec<_> = inputs.iter().map(|maps| maps.parts()).collect();
        let made = self.transform.circles(&rows, maps, &share);
        let (columns, latitudes) = (made.columns(), self.transform.own.len());
        let part = |latitudes: Range<usize>, slots: Range<usize>| {
            IndexBox::new(vec![latitudes, slots, 0..2 * columns])
        };
        let ranks = 0..self.deal.ranks();
        let from: Vec<_> =
            ranks.clone().map(|r| part(self.deal.latitudes(r), 0..share.orders.len())).collect();
        let mut all = Vec::new();
        let mut arrived = Vec::new();
        for round in 0..self.rounds {
            let slots = |rank: usize| self.deal.slots_of(rank, (round, self.rounds));
            let to: Vec<_> = ranks.clone().map(|r| part(0..latitudes, slots(r))).collect();
            fit(&mut arrived, to[me].len());
            self.turn.exchange_boxes(comm, (&from, made.data()), (&to, &mut arrived));
            let orders = &share.orders[slots(me)];
            let circles = Circles::new(std::mem::take(&mut arrived), columns, orders.len());
            all.extend(project(&self.transform, &circles, orders));
            arrived = circles.into_data();
        }
        self.transform.spare.give(made.into_data());
        all
    }

    /// Coefficients of the orders of this rank.
    fn held(&self, comm: &Comm, maps: usize, made: Vec<Vec<f64>>) -> Coefficients {
        let mut all = vec![Vec::new(); self.deal.all_orders().len()];
        self.deal.orders(comm.rank()).iter().zip(made).for_each(|(m, values)| all[*m] = values);
        Coefficients::new(maps, self.transform.truncation, all)
    }

    /// Brings waves of orders to where their latitudes are, transforms them back along circles, and
    /// brings rows to where they are wanted.
    fn lay_out(
        &mut self,
        comm: &Comm,
        (make, columns): (impl Fn(&Transform, &[usize]) -> Waves, usize),
        (layout, maps): (&Decomposition, usize),
        outputs: Vec<NumbersMut<'_>>,
    ) -> Result<()> {
        for output in &outputs {
            let len = match output {
                NumbersMut::F32(v) => v.len(),
                NumbersMut::F64(v) => v.len(),
            };
            let there = self.check(comm, layout, len)?;
            assert!(there == maps, "coefficients of {maps} maps for {there}");
        }
        let latitudes = self.deal.latitudes(comm.rank());
        let waves = self.through_waves(comm, make, columns);
        let rows = self.rows(comm.rank());
        let room = rows.each_ref().map(|rows| maps * rows.len() * self.transform.grid.columns);
        let mut made: Vec<Hemispheres> = outputs
            .iter()
            .map(|output| match output {
                NumbersMut::F32(_) => Hemispheres::F32(room.map(|n| filled(n, 0.0f32))),
                NumbersMut::F64(_) => Hemispheres::F64(room.map(|n| filled(n, 0.0f64))),
            })
            .collect();
        let pieces = made.iter_mut().map(|made| made.pieces(&rows)).collect();
        let share = Share { latitudes, orders: self.deal.all_orders() };
        self.transform.lay_out(&waves, pieces, maps, &share);
        drop(waves);
        for (made, output) in made.into_iter().zip(outputs) {
            self.give(comm, made, (layout, output))?;
        }
        Ok(())
    }

    /// Waves of all orders, of the latitudes of this rank: `make` gives those of some of the orders of
    /// this rank at a time, of so many columns.
    fn through_waves(
        &mut self,
        comm: &Comm,
        make: impl Fn(&Transform, &[usize]) -> Waves,
        columns: usize,
    ) -> Waves {
        let (me, orders) = (comm.rank(), self.deal.all_orders());
        let part = |slots: Range<usize>, latitudes: Range<usize>| {
            IndexBox::new(vec![slots, 0..2, latitudes, 0..columns])
        };
        let ranks = 0..self.deal.ranks();
        let to: Vec<_> = ranks.clone().map(|r| part(0..orders.len(), self.deal.latitudes(r))).collect();
        let mut arrived = filled(to[me].len(), 0.0f64);
        for round in 0..self.rounds {
            let slots = |rank: usize| self.deal.slots_of(rank, (round, self.rounds));
            let from: Vec<_> = ranks.clone().map(|r| part(slots(r), 0..self.transform.own.len())).collect();
            let made = make(&self.transform, &orders[slots(me)]);
            self.turn.exchange_boxes(comm, (&from, &made.data), (&to, &mut arrived));
            self.transform.spare.give(made.data);
        }
        Waves::new(arrived, self.deal.latitudes(me).len(), columns)
    }
}

impl Hemispheres {
    /// Room for rows, to be written.
    fn pieces(&mut self, rows: &[Range<usize>; 2]) -> Vec<RowsMut<'_>> {
        match self {
            Self::F32([north, south]) => vec![
                RowsMut { values: NumbersMut::F32(north), range: rows[0].clone() },
                RowsMut { values: NumbersMut::F32(south), range: rows[1].clone() },
            ],
            Self::F64([north, south]) => vec![
                RowsMut { values: NumbersMut::F64(north), range: rows[0].clone() },
                RowsMut { values: NumbersMut::F64(south), range: rows[1].clone() },
            ],
        }
    }
}

/// What is exchanged between latitudes or degrees and orders.
fn dims(lengths: [usize; 3]) -> [Dim; 3] {
    lengths.map(|len| Dim::new("part", len, Role::Other))
}

/// A division along the first of three dimensions or the second.
fn division(dims: &[Dim; 3], edges: [&[usize]; 2], ranks: usize) -> Result<Decomposition> {
    let edges = vec![edges[0].to_vec(), edges[1].to_vec(), vec![0, dims[2].len]];
    Decomposition::from_edges(dims.to_vec(), edges, ranks)
}

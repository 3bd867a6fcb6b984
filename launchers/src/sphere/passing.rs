//! What commands make of maps, wherever these are worked on: written once, for maps that one rank has
//! whole and for those that ranks divide.

use crate::calc::{part, room_again};
use halocline_algorithms::sphere::{Coefficients, DividedMaps, DividedTransform, Transform};
use halocline_core::comm::Comm;
use halocline_core::decomposition::Decomposition;
use halocline_core::engine::Numbers;
use halocline_core::meta::{DType, Values};
use halocline_core::{Error, Result};
use std::ops::Range;

/// Some maps of all variables on their way, and the results that they end in, which go by number.
pub(crate) trait Passing {
    /// The coefficients of the first variable.
    ///
    /// # Collective
    /// Of divided maps, as all of these, every rank calls this.
    fn analyse(&mut self) -> Result<Coefficients>;

    /// The coefficients of vorticity and divergence on the unit sphere of the first two variables.
    fn analyse_wind(&mut self) -> Result<(Coefficients, Coefficients)>;

    /// The power of each degree.
    fn power(&mut self, of: &Coefficients) -> Result<Vec<f64>>;

    /// The kinetic energy of each degree, of vorticity or divergence on the unit sphere.
    fn kinetic_energy(&mut self, of: &Coefficients) -> Result<Vec<f64>>;

    /// Makes maps: a result.
    fn synthesise(&mut self, of: &Coefficients, result: usize) -> Result<()>;

    /// Makes maps of the gradient on the unit sphere, eastward and northward, times factors: two results.
    fn gradient(&mut self, of: &Coefficients, factors: [f64; 2], results: [usize; 2]) -> Result<()>;

    /// Adds values to a result that is no map.
    fn keep(&mut self, result: usize, values: &[f64]);
}

/// What a command does with maps.
pub(crate) type Recipe<'r> = dyn Fn(&mut dyn Passing) -> Result<()> + Sync + 'r;

/// Which results there are, all of one kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Results {
    pub(crate) number: usize,
    /// Of maps; others grow as values are kept.
    pub(crate) maps: Option<DType>,
}

impl Results {
    /// Room for all of them, of so many values of maps: where others were, if these are `used` no more.
    pub(super) fn room(self, values: usize, used: Option<Vec<Values>>) -> Vec<Values> {
        let mut used = used.into_iter().flatten();
        let nothing = || Values::F64(Vec::new());
        let mut of = |_| match self.maps {
            Some(dtype) => room_again(used.next().unwrap_or_else(nothing), dtype, values),
            None => nothing(),
        };
        (0..self.number).map(&mut of).collect()
    }
}

fn add(results: &mut [Values], result: usize, values: &[f64]) {
    if let Some(Values::F64(all)) = results.get_mut(result) {
        all.extend_from_slice(values);
    }
}

/// Two results.
fn two(results: &mut [Values], [first, second]: [usize; 2]) -> Result<[&mut Values; 2]> {
    results.get_disjoint_mut([first, second]).map_err(|e| Error::internal(format!("results: {e}")))
}

/// Maps that this rank has whole: some of a window.
pub(super) struct Whole<'a> {
    pub(super) transform: &'a Transform,
    /// Of each variable.
    pub(super) values: &'a [Numbers<'a>],
    /// Which maps of the window.
    pub(super) maps: Range<usize>,
    pub(super) results: &'a mut [Values],
}

impl Whole<'_> {
    fn range(&self) -> Range<usize> {
        let cells = self.transform.grid().cells();
        self.maps.start * cells..self.maps.end * cells
    }
}

impl Passing for Whole<'_> {
    fn analyse(&mut self) -> Result<Coefficients> {
        Ok(self.transform.analyse(self.values[0].slice(self.range()), self.maps.len()))
    }
    fn analyse_wind(&mut self) -> Result<(Coefficients, Coefficients)> {
        let [u, v] = [0, 1].map(|k| self.values[k].slice(self.range()));
        Ok(self.transform.analyse_wind(u, v, self.maps.len()))
    }
    fn power(&mut self, of: &Coefficients) -> Result<Vec<f64>> {
        Ok(of.power())
    }
    fn kinetic_energy(&mut self, of: &Coefficients) -> Result<Vec<f64>> {
        Ok(of.kinetic_energy())
    }
    fn synthesise(&mut self, of: &Coefficients, result: usize) -> Result<()> {
        let range = self.range();
        self.transform.synthesise(of, part(&mut self.results[result], range));
        Ok(())
    }
    fn gradient(&mut self, of: &Coefficients, factors: [f64; 2], results: [usize; 2]) -> Result<()> {
        let range = self.range();
        let [east, north] = two(self.results, results)?.map(|values| part(values, range.clone()));
        self.transform.gradient(of, factors, east, north);
        Ok(())
    }
    fn keep(&mut self, result: usize, values: &[f64]) {
        add(self.results, result, values);
    }
}

/// Maps that ranks divide: of a window, this rank's rows.
pub(super) struct Divided<'a> {
    pub(super) comm: &'a Comm,
    pub(super) transform: &'a mut DividedTransform,
    /// Of each variable.
    pub(super) maps: &'a [DividedMaps],
    /// Where results are wanted.
    pub(super) layout: &'a Decomposition,
    pub(super) results: &'a mut [Values],
}

impl Passing for Divided<'_> {
    fn analyse(&mut self) -> Result<Coefficients> {
        self.transform.analyse(self.comm, &self.maps[0])
    }
    fn analyse_wind(&mut self) -> Result<(Coefficients, Coefficients)> {
        self.transform.analyse_wind(self.comm, &self.maps[0], &self.maps[1])
    }
    fn power(&mut self, of: &Coefficients) -> Result<Vec<f64>> {
        self.transform.power(self.comm, of)
    }
    fn kinetic_energy(&mut self, of: &Coefficients) -> Result<Vec<f64>> {
        self.transform.kinetic_energy(self.comm, of)
    }
    fn synthesise(&mut self, of: &Coefficients, result: usize) -> Result<()> {
        let len = self.layout.block(self.comm.rank()).len();
        let out = part(&mut self.results[result], 0..len);
        self.transform.synthesise(self.comm, of, (self.layout, out))
    }
    fn gradient(&mut self, of: &Coefficients, factors: [f64; 2], results: [usize; 2]) -> Result<()> {
        let len = self.layout.block(self.comm.rank()).len();
        let out = two(self.results, results)?.map(|values| part(values, 0..len));
        self.transform.gradient(self.comm, of, factors, (self.layout, out))
    }
    fn keep(&mut self, result: usize, values: &[f64]) {
        add(self.results, result, values);
    }
}

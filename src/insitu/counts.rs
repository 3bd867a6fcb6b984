//! Histograms in a running program, and their file.

use super::areas::shares;
use super::file::{each, middle, nothing, schema};
use super::kinds::{Counting, Kind};
use super::modes::fingerprint;
use super::Setup;
use halocline_algorithms::statistics::{make_densities, Apart, Bins, Histogram, HistogramState};
use halocline_core::comm::{Comm, Reduce};
use halocline_core::engine::insitu::Column;
use halocline_core::engine::{Engine, Fold, Piece, Pieces};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, Coordinate, DType, Dim, Role, Values, Variable};
use halocline_core::tiling::Tile;
use halocline_core::{Error, Result};
use halocline_io::output::{Output, VariableSpec};
use std::cell::OnceCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// Bins whose sums of weights are brought together at once, at most, and sums of all columns.
const MOST_BINS: usize = 1 << 16;
const MOST_SUMS: usize = 1 << 22;
/// Nodes of a merge tree that there is to be room for: some thousand tiles.
const NODES: u64 = 12;

/// A histogram of each column: over all cells of it, or of each. Counts add up in any order, so that
/// those of all cells are summed over columns and ranks at the end.
#[derive(Debug, Clone)]
pub(super) struct Counted(Arc<Histogram>);

impl Counted {
    pub(super) fn new(counting: &Counting, space: &[Dim], weights: Vec<f64>) -> Result<Self> {
        let time = Dim::new("time", 1, Role::Time);
        let dims: Vec<Dim> = std::iter::once(time).chain(space.iter().cloned()).collect();
        let all: Vec<Role> = dims.iter().map(|d| d.role).collect();
        let over = if counting.over_all { &all[..] } else { &all[..1] };
        Ok(Self(Arc::new(Histogram::new(&counting.bins, &dims, over, weights)?)))
    }
    /// Bytes of the tables of so many columns with so many cells, of the weights of all cells of the
    /// grid, and of what the first rank brings together of so many columns of `all` ranks.
    pub(super) fn bytes(
        counting: &Counting,
        space: &[Dim],
        (columns, cells, all): (usize, usize, usize),
    ) -> u64 {
        let tables = if counting.over_all { columns } else { cells } as u64;
        let each = if counting.area { 16 * NODES } else { 8 };
        let tables = tables.saturating_mul(each).saturating_mul(Histogram::table_cells(&counting.bins));
        if !counting.area {
            return tables;
        }
        // Areas, shares, and those of the histogram, over the last two dimensions.
        let map: usize = space.iter().rev().take(2).map(|d| d.len).product();
        let sums = if counting.over_all { together(all).saturating_mul(all) } else { 0 };
        tables.saturating_add(24 * map as u64).saturating_add(8 * sums as u64)
    }
}

/// The histogram of a run, made once it can be: shares of areas wait for coordinates, which a program
/// gives after the beginning.
#[derive(Debug, Clone, Default)]
pub(super) struct Awaited(Rc<OnceCell<(Counted, Option<u64>)>>);

impl Awaited {
    /// What counts.
    pub(super) fn get(&self) -> Result<Counted> {
        let made = self.0.get().map(|(counted, _)| counted.clone());
        made.ok_or_else(|| Error::internal("values are counted before their weights are known"))
    }

    /// Makes it where that has not been done, from what is known now. Then coordinates are the same on
    /// all ranks.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn prepare(&self, comm: &Comm, setup: &Setup) -> Result<()> {
        let (Kind::Histogram(counting), None) = (&setup.kind, self.0.get()) else { return Ok(()) };
        let made = if counting.area {
            let made = shares(setup).and_then(|weights| {
                let print = fingerprint(&weights);
                Ok((Counted::new(counting, &setup.space, weights)?, Some(print)))
            });
            let made = comm.agree(made)?;
            setup.same_everywhere(comm)?;
            made
        } else {
            comm.agree(Counted::new(counting, &setup.space, Vec::new()).map(|counted| (counted, None)))?
        };
        let _ = self.0.set(made);
        Ok(())
    }

    /// Refuses coordinates that make other weights than those in use.
    pub(super) fn check(&self, setup: &Setup) -> Result<()> {
        let Some((_, Some(print))) = self.0.get() else { return Ok(()) };
        if fingerprint(&shares(setup)?) == *print {
            return Ok(());
        }
        Err(Error::usage("values have been counted by the areas of other coordinates")
            .remedy("give the coordinates before the first step and before a saved state"))
    }

    /// Says of a state that was refused that areas may be why.
    pub(super) fn refused(&self, error: Error) -> Error {
        let of_others = error.message.contains("other inputs or options");
        if !of_others || !matches!(self.0.get(), Some((_, Some(_)))) {
            return error;
        }
        let mut error = error.remedy("give the coordinates that the state was made with, and its options");
        error.message.push_str(", or with other areas");
        error
    }

    /// What a saved state depends on beside the options.
    pub(super) fn job(&self, setup: &Setup) -> String {
        match self.0.get() {
            Some((_, Some(print))) => format!("{}, areas {print:016x}", setup.describe()),
            _ => setup.describe().to_owned(),
        }
    }
}

impl Fold for Counted {
    type State = HistogramState;
    const NAME: &'static str = Histogram::NAME;
    const VERSION: u32 = Histogram::VERSION;

    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn state_bytes(&self, tile: &Tile) -> u64 {
        self.0.state_bytes(tile)
    }
    fn start(&self, column: usize) -> HistogramState {
        self.0.start(column)
    }
    fn absorb(&self, state: &mut HistogramState, piece: &Piece<'_>) -> Result<()> {
        self.0.absorb(state, piece)
    }
    fn merge(&self, left: HistogramState, right: HistogramState) -> Result<HistogramState> {
        self.0.merge(left, right)
    }
}

/// What is written of a column, or of all.
struct Part {
    counts: Vec<i64>,
    /// Of weights; empty without.
    sums: Vec<f64>,
    apart: Apart,
}

impl Part {
    fn of(state: &HistogramState, bins: &[Bins]) -> Self {
        Self { counts: state.counts(bins), sums: state.sums(bins), apart: state.apart(bins) }
    }
    /// All counts, in an order of their own.
    fn numbers(&mut self) -> impl Iterator<Item = &mut i64> {
        let Apart { below, above, missing } = &mut self.apart;
        self.counts
            .iter_mut()
            .chain(below.iter_mut().flatten())
            .chain(above.iter_mut().flatten())
            .chain(missing)
    }
    /// The sum over columns and ranks; that of weights on the first rank.
    ///
    /// # Collective
    /// Every rank calls this.
    fn all(comm: &Comm, columns: &[Column<HistogramState>], counting: &Counting) -> Result<Self> {
        let bins = counting.bins.as_slice();
        let cells: usize = bins.iter().map(Bins::len).product();
        let zero = || vec![vec![0]; bins.len()];
        let apart = Apart { below: zero(), above: zero(), missing: vec![0] };
        let mut sum = Self { counts: vec![0; cells], sums: Vec::new(), apart };
        for (_, state) in columns {
            let mut own = Self::of(state, bins);
            sum.numbers().zip(own.numbers()).for_each(|(a, b)| *a += *b);
        }
        let mut numbers: Vec<u64> = sum.numbers().map(|n| *n as u64).collect();
        comm.all_reduce(&mut numbers, Reduce::Sum);
        sum.numbers().zip(numbers).for_each(|(a, b)| *a = b as i64);
        if counting.area {
            sum.sums = weighed(comm, columns, bins)?;
        }
        Ok(sum)
    }
    fn values(self, counting: &Counting) -> Values {
        if is_exact(counting) {
            return Values::I64(self.counts);
        }
        let counts = || self.counts.iter().map(|&n| n as f64).collect();
        let mut values: Vec<f64> = if counting.area { self.sums } else { counts() };
        if counting.density {
            make_densities(&mut values, &counting.bins);
        }
        Values::F64(values)
    }
}

/// Whether what is written are whole numbers.
const fn is_exact(counting: &Counting) -> bool {
    !counting.density && !counting.area
}

fn empty(counting: &Counting) -> Values {
    if is_exact(counting) {
        Values::I64(Vec::new())
    } else {
        Values::F64(Vec::new())
    }
}

/// Bins whose sums of so many columns are brought together at once.
fn together(columns: usize) -> usize {
    (MOST_SUMS / columns.max(1)).clamp(1, MOST_BINS)
}

/// The sums of weights of all columns, added on the first rank in the order of columns, whoever has
/// them; some bins after the other, as there may be many columns.
///
/// # Collective
/// Every rank calls this.
fn weighed(comm: &Comm, columns: &[Column<HistogramState>], bins: &[Bins]) -> Result<Vec<f64>> {
    let own: Vec<(Vec<usize>, Vec<f64>)> = columns
        .iter()
        .map(|(cells, state)| (cells.ranges().iter().map(|r| r.start).collect(), state.sums(bins)))
        .collect();
    let cells: usize = bins.iter().map(Bins::len).product();
    let mut columns = [own.len() as u64];
    comm.all_reduce(&mut columns, Reduce::Sum);
    let together = together(columns[0] as usize);
    let mut all = vec![0.0; cells];
    for (k, sum) in all.chunks_mut(together).enumerate() {
        let part = k * together..k * together + sum.len();
        let some: Vec<(Vec<usize>, Vec<f64>)> =
            own.iter().map(|(place, sums)| (place.clone(), sums[part.clone()].to_vec())).collect();
        let Some(found) = Engine::new(comm).gather_to_root(some)? else { continue };
        let mut found: Vec<_> = found.into_iter().flatten().collect();
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (_, values) in found {
            sum.iter_mut().zip(values).for_each(|(a, b)| *a += b);
        }
    }
    Ok(all)
}

/// The file of a histogram.
///
/// # Collective
/// Every rank calls this with its columns.
pub(super) fn write(
    comm: &Comm,
    (setup, counting): (&Setup, &Counting),
    times: &[f64],
    columns: &[Column<HistogramState>],
    path: &Path,
) -> Result<()> {
    let names: Vec<&str> = setup.fields.iter().map(|(name, _)| name.as_str()).collect();
    let mut schema = schema(setup);
    let mut pending = Vec::new();
    let time = middle(setup, times, None);
    let axes: Vec<Coordinate> =
        setup.fields.iter().zip(&counting.bins).map(|((n, a), b)| bin_coordinate(n, a, b)).collect();
    let space: &[Coordinate] = if counting.over_all { &[] } else { &setup.coordinates };
    for coordinate in space.iter().chain([&time]).chain(&axes) {
        pending.extend(schema.add_coordinate(coordinate)?);
    }
    let kept: Vec<&str> =
        if counting.over_all { Vec::new() } else { setup.space.iter().map(|d| d.name.as_str()).collect() };
    let of_bins = kept.iter().copied().chain(axes.iter().map(|a| a.variable.name.as_str()));
    let joint = names.join("_");
    let main = format!("{joint}_{}", if counting.density { "density" } else { "histogram" });
    let dtype = if is_exact(counting) { DType::I64 } else { DType::F64 };
    schema.add_variable(VariableSpec::data(&main, of_bins, dtype).attributes(describe(setup, counting)));
    let missing = if names.len() > 1 {
        "number of pairs of which one value at least is missing"
    } else {
        "number of missing values, in no bin"
    };
    let mut beside = vec![(format!("{joint}_missing"), missing.to_owned())];
    for name in &names {
        beside.push((format!("{name}_below"), format!("number of values of {name} below the lowest bin")));
        beside.push((format!("{name}_above"), format!("number of values of {name} above the highest bin")));
    }
    for (name, text) in &beside {
        let attributes =
            Attributes::new().with("long_name", text.as_str()).with("units", "1").with("coordinates", "time");
        schema
            .add_variable(VariableSpec::data(name, kept.iter().copied(), DType::I64).attributes(attributes));
    }
    let mut output = Output::create(comm, path, &schema)?;
    output.write_pending(&pending)?;
    let bins = || counting.bins.iter().map(|b| 0..b.len());
    if counting.over_all {
        let all = Part::all(comm, columns, counting)?;
        let numbers = lists(&all.apart);
        let mut block: Vec<_> = bins().collect();
        if !comm.is_root() {
            block.iter_mut().for_each(|range| *range = 0..0);
        }
        let values = all.values(counting);
        let values = if comm.is_root() { values } else { empty(counting) };
        output.write_block(&main, &IndexBox::new(block), &values)?;
        for ((name, _), values) in beside.iter().zip(numbers) {
            output.write_whole(name, &Values::I64(values))?;
        }
        return output.finish();
    }
    let dims = kept.len();
    each(
        comm,
        columns,
        |column| {
            let none = || (nothing(dims), None);
            Ok(column
                .map_or_else(none, |(cells, state)| (cells.clone(), Some(Part::of(state, &counting.bins)))))
        },
        |cells, part| {
            let inner = bins().map(|range| if part.is_some() { range } else { 0..0 });
            let block = IndexBox::new(cells.ranges().iter().cloned().chain(inner).collect());
            let mut numbers = vec![Vec::new(); beside.len()];
            let values = part.map_or_else(
                || empty(counting),
                |part| {
                    numbers = lists(&part.apart);
                    part.values(counting)
                },
            );
            output.write_block(&main, &block, &values)?;
            for ((name, _), values) in beside.iter().zip(numbers) {
                output.write_block(name, cells, &Values::I64(values))?;
            }
            Ok(())
        },
    )?;
    output.finish()
}

/// What is not in bins, in the order of the variables of the file.
fn lists(apart: &Apart) -> Vec<Vec<i64>> {
    let pairs = apart.below.iter().zip(&apart.above).flat_map(|(b, a)| [b.clone(), a.clone()]);
    std::iter::once(apart.missing.clone()).chain(pairs).collect()
}

fn describe(setup: &Setup, counting: &Counting) -> Attributes {
    let names: Vec<&str> = setup.fields.iter().map(|(name, _)| name.as_str()).collect();
    let joint = if names.len() > 1 { "joint " } else { "" };
    let what = names.join(" and ");
    let about = Attributes::new().with("coordinates", "time");
    if !counting.density {
        let text = if counting.area {
            format!("{joint}histogram of {what}, each value counted by the share of its cell in the area")
        } else {
            format!("{joint}histogram of {what}: number of values")
        };
        return about.with("long_name", text).with("units", "1");
    }
    let about = about.with("long_name", format!("{joint}probability density of {what}"));
    let units: Vec<&str> = setup.fields.iter().filter_map(|(_, a)| a.text("units")).collect();
    if units.len() < names.len() {
        return about;
    }
    let inverse: Vec<String> = units.iter().filter(|u| **u != "1").map(|u| format!("({u})-1")).collect();
    about.with("units", if inverse.is_empty() { "1".to_owned() } else { inverse.join(" ") })
}

/// The middles of bins, with their edges as bounds.
fn bin_coordinate(name: &str, of: &Attributes, bins: &Bins) -> Coordinate {
    let dim = Dim::new(format!("{name}_bin"), bins.len(), Role::Other);
    let mut attributes = Attributes::new().with("long_name", format!("bins of {name}, their middles")).with(
        "comment",
        "half open: a value on the edge of two bins is in the upper one; the last bin is closed",
    );
    if let Some(units) = of.text("units") {
        attributes.set("units", units);
    }
    let bounds = Variable {
        name: format!("{name}_bin_bnds"),
        dims: vec![dim.clone(), Dim::new("bin_vertices", 2, Role::Other)],
        dtype: DType::F64,
        attributes: Attributes::new(),
    };
    let edges = (0..bins.len()).flat_map(|k| [bins.edge(k), bins.edge(k + 1)]).collect();
    Coordinate {
        variable: Variable { name: dim.name.clone(), dims: vec![dim], dtype: DType::F64, attributes },
        values: Values::F64((0..bins.len()).map(|k| bins.centre(k)).collect()),
        bounds: Some(Box::new(Coordinate { variable: bounds, values: Values::F64(edges), bounds: None })),
    }
}

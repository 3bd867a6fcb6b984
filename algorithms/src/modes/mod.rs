//! The small dense algebra behind the methods of the EOF family.
//!
//! For weighted anomalies X (n times × p cells) all these methods need no more than the temporal
//! Gram matrix G = X Xᵀ, or a factor T (n × r) with G = T Tᵀ: a [`Kernel`]. Each method gives
//! *temporal vectors* z, n numbers each, so chosen that its spatial pattern is Xᵀ z; one more
//! pass over the data turns them into maps. Nothing here knows ranks or files: call it on one
//! rank and broadcast what it returns.
//!
//! Matrices are slices in C order; sets of vectors hold one vector after the other.

mod analytic;
mod convention;
mod coupled;
mod dense;
mod effective;
mod fit;
mod hilbert;
mod indefinite;
mod kernel;
mod krylov;
mod moments;
mod pop;
#[cfg(test)]
mod references;
mod replicates;
mod rotation;
mod subspace;
mod varimax;

pub use analytic::{ComplexModes, TemporalPair};
pub use convention::{Components, Convention, Power, Scaling, SignRule};
pub use coupled::{cca, mca, of_rank, Cca, Mca};
pub use effective::{
    autocorrelations, effective_sample_size, north_errors, separated, spatial_degrees_of_freedom, Memory,
    Moment,
};
pub use fit::fit;
pub use hilbert::{Hilbert, Padding};
pub use indefinite::{indefinite, Indefinite};
pub use kernel::{lagged_vector, temporal_vectors, Kernel};
pub use moments::{LoadingMoments, PromaxTarget};
pub use pop::{pop_vectors, pops, Pop};
pub use replicates::{exceedance, fractions, quantiles, Bootstrap, RuleN};
pub use rotation::Rotation;
pub use subspace::{ritz_pairs, KrylovSpace, RitzPairs};
pub use varimax::{varimax, Search};

//! Halos: cells around the block of a rank that belong to other ranks, or lie beyond the domain.
//!
//! A map that is split in `y` and `x` (and levels) is worked on by ranks that need some cells of
//! their neighbours. A [`HaloPlan`] says once which cells come from where; each exchange then is
//! one message to and from each neighbour, whatever the number of fields, and the interior can be
//! worked on while messages travel. What lies beyond the edges of the domain is a choice of the
//! caller ([`Edges`]), never a silent one. One rank alone fills its halo from its own block by the
//! same plan, so that results don't depend on the number of ranks. Where edges don't tell what lies
//! around a block (meshes whose rows and columns repeat others, points between cells), a [`Gather`]
//! brings any places together in the same way.

mod edges;
mod exchange;
mod extent;
mod gather;
mod host;
mod plan;

pub use edges::{Beyond, Edges, Ends, Fold, Pivot, Point, Source};
pub use exchange::{HaloValue, Parcels};
pub use extent::Extent;
pub use gather::{Gather, Place, Wanted};
pub use host::{kept, HostHalo};
pub use plan::HaloPlan;

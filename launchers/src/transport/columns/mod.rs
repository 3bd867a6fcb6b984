//! `halocline transport barotropic`, `heat-content` and `mixed-layer`: maps of what columns of water
//! hold or let through.

mod barotropic;
mod heat_content;
mod mixed_layer;
mod volumes;

pub(crate) use barotropic::BarotropicArgs;
pub(crate) use heat_content::HeatContentArgs;
pub(crate) use mixed_layer::MixedLayerArgs;
pub(crate) use volumes::{open, run, ColumnCommand};

//! Room for maps that are multiplied side by side, used again and again: the first touch of fresh memory
//! costs as much as the product.

use super::regridded::LANES;
use halocline_core::buffers::Shelf;
use halocline_core::memory::filled;
use std::any::Any;

/// Room for maps: as they are read, and side by side.
pub(super) struct Room<T> {
    pub(super) values: Vec<T>,
    pub(super) lanes: Vec<[T; LANES]>,
}

/// [`Room`] of either type that is not in use.
#[derive(Default)]
pub(super) struct Rooms(Shelf<Box<dyn Any + Send>>);

impl Rooms {
    /// Room for at least so many values, and cells side by side; what is there means nothing.
    pub(super) fn take<T: Copy + Default + Send + 'static>(&self, values: usize, lanes: usize) -> Room<T> {
        let used = self.0.take().and_then(|room| room.downcast::<Room<T>>().ok());
        let mut room = used.map_or_else(|| Room { values: Vec::new(), lanes: Vec::new() }, |room| *room);
        if room.values.len() < values {
            room.values = filled(values, T::default());
        }
        if room.lanes.len() < lanes {
            room.lanes = filled(lanes, [T::default(); LANES]);
        }
        room
    }
    pub(super) fn give<T: Send + 'static>(&self, room: Room<T>) {
        self.0.give(Box::new(room));
    }
}

/// Puts the values of maps of `cells` that belong to the same cell side by side, from cell `first` on.
pub(super) fn side_by_side<T: Copy>(maps: &[T], (cells, first): (usize, usize), lanes: &mut [[T; LANES]]) {
    let n = lanes.len();
    let count = maps.len() / cells.max(1);
    let map = |k: usize| &maps[k * cells + first..k * cells + first + n];
    if count == LANES {
        let maps: [&[T]; LANES] = std::array::from_fn(map);
        for (cell, lane) in lanes.iter_mut().enumerate() {
            *lane = std::array::from_fn(|k| maps[k][cell]);
        }
    } else {
        for k in 0..count {
            lanes.iter_mut().zip(map(k)).for_each(|(lane, value)| lane[k] = *value);
        }
    }
}

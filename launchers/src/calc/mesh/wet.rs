//! Which points are wet, level by level, for maps of a source.

use crate::mesh::FoundMesh;
use halocline_core::comm::Comm;
use halocline_core::grid::mesh::{Mesh, Point, Window};
use halocline_core::meta::{Coordinate, Role};
use halocline_core::{Error, Result};
use halocline_io::dataset::Dataset;
use halocline_io::source::Source;

/// Masks of the points that an operator works with.
pub(crate) struct Wet {
    /// By point: one for each level of the mask; none if nothing tells.
    masks: [Vec<Vec<bool>>; 4],
    /// The level of the mask for each of the source's, or one for all.
    levels: Vec<usize>,
}

impl Wet {
    /// Reads masks of some points.
    ///
    /// # Collective
    /// Every rank calls this; one reads.
    ///
    /// # Errors
    /// Data, if levels are not those of the mask; what reading reports.
    pub(crate) fn read(
        comm: &Comm,
        found: &FoundMesh,
        dataset: &Dataset,
        source: &Source,
        points: &[Point],
    ) -> Result<Self> {
        let own: Option<Vec<f64>> =
            match (source.levels().iter().find(|c| is_along_levels(c)), source.level()) {
                (Some(levels), _) | (None, Some(levels)) => Some(levels.values.to_f64()),
                (None, None) => None,
            };
        let count = source.variable().dims.iter().find(|d| d.role == Role::Level).map(|d| d.len);
        comm.on_root(|| {
            let all = found.mask_levels(dataset)?;
            let wanted: Option<Vec<usize>> = if all <= 1 {
                Some(vec![0])
            } else if count == Some(all) {
                Some((0..all).collect())
            } else if let Some(own) = own {
                // Levels that were chosen are known by their depths.
                let depths = found.levels(dataset)?.unwrap_or_default();
                let find = |own: &f64| {
                    let near = |v: &f64| (v - own).abs() <= 0.01 * own.abs().max(1.0);
                    depths.iter().position(near).filter(|k| *k < all)
                };
                own.iter().map(find).collect()
            } else {
                count.is_none().then(|| vec![0])
            };
            if wanted.is_none() && found.mesh.mask.iter().any(Option::is_some) {
                return Err(Error::data(format!("its levels are none of the {all} of the mesh's mask"))
                    .remedy("choose the levels that the mesh has"));
            }
            let Some(wanted) = wanted.filter(|_| found.mesh.mask.iter().any(Option::is_some)) else {
                return Ok(([const { Vec::new() }; 4], Vec::new()));
            };
            let mut masks = [const { Vec::new() }; 4];
            for point in points {
                for &level in &wanted {
                    match found.wet(dataset, *point, level)? {
                        Some(wet) => masks[point.index()].push(wet),
                        None => break,
                    }
                }
            }
            Ok((masks, (0..wanted.len()).collect()))
        })
        .map(|(masks, levels): ([Vec<Vec<bool>>; 4], Vec<usize>)| Self { masks, levels })
    }

    /// The mask of a point at a level of the source.
    pub(crate) fn at(&self, point: Point, level: usize) -> Option<&[bool]> {
        let masks = &self.masks[point.index()];
        let at = self.levels.get(level).or(self.levels.last()).copied()?;
        masks.get(at).or(masks.last()).map(Vec::as_slice)
    }
    /// The same in a window of a mesh, whose places beyond walls are wet if `beyond`: values are missing
    /// there, which is what most operators look at. What goes by masks alone has to find them dry.
    pub(crate) fn window(&self, mesh: &Mesh, window: Window, beyond: bool) -> Self {
        let of = |point: Point| -> Vec<Vec<bool>> {
            let masks = &self.masks[point.index()];
            if masks.is_empty() {
                return Vec::new();
            }
            let seen = mesh.seen(point, window);
            masks
                .iter()
                .map(|mask| seen.iter().map(|at| at.map_or(beyond, |(at, _)| mask[at])).collect())
                .collect()
        };
        Self { masks: Point::ALL.map(of), levels: self.levels.clone() }
    }
    /// How many levels are known of the point that most are known of.
    pub(crate) fn depth(&self) -> usize {
        self.masks.iter().map(Vec::len).max().unwrap_or(0)
    }
    /// Bytes that they take.
    pub(crate) fn bytes(&self) -> u64 {
        self.masks.iter().flatten().map(|m| m.len() as u64).sum()
    }
    /// Whether anything is known.
    pub(crate) fn is_known(&self) -> bool {
        self.masks.iter().any(|m| !m.is_empty())
    }
}

fn is_along_levels(coordinate: &Coordinate) -> bool {
    matches!(coordinate.variable.dims.as_slice(), [only] if only.role == Role::Level)
}

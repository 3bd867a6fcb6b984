//! Which points are wet, level by level, for maps of a source.

use crate::mesh::FoundMesh;
use halocline_core::comm::Comm;
use halocline_core::grid::mesh::Point;
use halocline_core::meta::Role;
use halocline_core::Result;
use halocline_io::dataset::Dataset;
use halocline_io::source::Source;

/// Masks of the points that an operator works with.
pub(super) struct Wet {
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
    /// What reading reports.
    pub(super) fn read(
        comm: &Comm,
        found: &FoundMesh,
        dataset: &Dataset,
        source: &Source,
        points: &[Point],
    ) -> Result<Self> {
        let levels = source.variable().dims.iter().find(|d| d.role == Role::Level).map(|d| d.len);
        comm.on_root(|| {
            let count = found.mask_levels(dataset)?;
            let wanted: Option<Vec<usize>> = match (levels, source.level()) {
                // On the mask's levels, or on none.
                (Some(n), _) if n == count => Some((0..n).collect()),
                (Some(_), _) => None,
                (None, None) => Some(vec![0]),
                (None, Some(level)) => {
                    let own = level.values.to_f64();
                    let all = found.levels(dataset)?.unwrap_or_default();
                    let near =
                        |v: &f64| own.first().is_some_and(|own| (v - own).abs() <= 0.01 * own.abs().max(1.0));
                    if count <= 1 {
                        Some(vec![0])
                    } else {
                        all.iter().position(near).filter(|k| *k < count).map(|k| vec![k])
                    }
                }
            };
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
    pub(super) fn at(&self, point: Point, level: usize) -> Option<&[bool]> {
        let masks = &self.masks[point.index()];
        let at = self.levels.get(level).or(self.levels.last()).copied()?;
        masks.get(at).or(masks.last()).map(Vec::as_slice)
    }
    /// Bytes that they take.
    pub(super) fn bytes(&self) -> u64 {
        self.masks.iter().flatten().map(|m| m.len() as u64).sum()
    }
    /// Whether anything is known.
    pub(super) fn is_known(&self) -> bool {
        self.masks.iter().any(|m| !m.is_empty())
    }
}

//! Cells of land: by a mask, that of the surface.

use crate::transport::ocean::find::{of_file, varies};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::Variable;
use halocline_core::{Error, Result};
use halocline_io::Dataset;
use std::path::PathBuf;

/// Masks at cells, of NEMO, MITgcm and MOM6.
const MASKS: [&str; 4] = ["tmask", "hFacC", "maskC", "wet"];

/// Which cells are water, and the name of the mask: that which is asked for, else one that is found by
/// its name, unless `none` is wanted.
///
/// # Collective
/// Every rank calls this; one reads.
pub(super) fn water(
    comm: &Comm,
    sets: &[Dataset],
    asked: Option<&str>,
    shape: [usize; 2],
    files: &mut Vec<PathBuf>,
) -> Result<Option<(Vec<bool>, String)>> {
    let file = asked.and_then(of_file);
    let opened = match file {
        Some((file, _)) => {
            files.push(PathBuf::from(file));
            vec![halocline_io::open(comm, &[file.to_owned()])?]
        }
        None => Vec::new(),
    };
    let sets = if file.is_some() { opened.as_slice() } else { sets };
    let names = match (asked, file) {
        (Some("none"), _) => return Ok(None),
        (_, Some((_, name))) | (Some(name), None) => vec![name],
        (None, None) => MASKS.to_vec(),
    };
    for (name, set) in names.iter().flat_map(|name| sets.iter().map(move |set| (*name, set))) {
        let Some(info) = set.variables().iter().find(|v| v.variable.name == name) else { continue };
        let blocks = if varies(info) { None } else { ends(&info.variable, shape) };
        let Some(blocks) = blocks else {
            if asked.is_none() {
                continue;
            }
            let shape = info.variable.shape();
            let error = Error::data(format!("has the shape {shape:?}, which is not that of the flux"));
            let error = error.in_variable(name).remedy("name a mask of the same grid, without times");
            return Err(set
                .files()
                .first()
                .map_or_else(|| error.clone(), |f| error.clone().in_file(&f.path)));
        };
        let mut water = vec![false; shape[0] * shape[1]];
        for block in &blocks {
            let values = comm.on_root(|| set.read(name, block))?.to_f64();
            water.iter_mut().zip(&values).for_each(|(water, mask)| *water |= *mask > 0.0);
        }
        return Ok(Some((water, name.to_owned())));
    }
    // Names the nearest.
    asked.zip(sets.first()).map_or(Ok(None), |_| sets[0].variable(names[0]).map(|_| None))
}

/// The first and the last level of a mask, one of which is the surface: what is water further down is
/// water there too. `None` if it is of another grid.
fn ends(mask: &Variable, map: [usize; 2]) -> Option<Vec<IndexBox>> {
    let shape = mask.shape();
    let before = shape.strip_suffix(&map)?;
    if before.contains(&0) || before.iter().filter(|len| **len > 1).count() > 1 {
        return None;
    }
    let end = |last: bool| {
        let one = |len: &usize| if last { len - 1..*len } else { 0..1 };
        IndexBox::new(before.iter().map(one).chain(map.iter().map(|len| 0..*len)).collect::<Vec<_>>())
    };
    let has_levels = before.iter().any(|len| *len > 1);
    Some(if has_levels { vec![end(false), end(true)] } else { vec![end(false)] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::meta::{Attributes, DType, Dim, Role};

    #[test]
    fn masks_are_looked_at_where_the_surface_can_be() {
        let of = |lens: &[usize]| {
            let dims = lens.iter().map(|len| Dim::new("d", *len, Role::Other)).collect();
            let (name, attributes) = ("tmask".to_owned(), Attributes::new());
            let mask = Variable { name, dims, dtype: DType::I8, attributes };
            ends(&mask, [4, 5]).map(|all| all.iter().map(|b| b.ranges().to_vec()).collect::<Vec<_>>())
        };
        assert_eq!(of(&[4, 5]), Some(vec![vec![0..4, 0..5]]));
        assert_eq!(of(&[1, 3, 4, 5]), Some(vec![vec![0..1, 0..1, 0..4, 0..5], vec![0..1, 2..3, 0..4, 0..5]]));
        assert_eq!(of(&[2, 3, 4, 5]), None);
        assert_eq!(of(&[5, 4]), None);
    }
}

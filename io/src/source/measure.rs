//! The areas of cells that a file itself holds.

use super::coordinate::{self, Pick};
use super::Source;
use crate::direct;
use crate::io_mode::Io;
use halocline_core::comm::Comm;
use halocline_core::meta::Role;
use halocline_core::{Error, Result};
use std::path::Path;

impl Source {
    /// What the attribute `cell_measures` of the variable names as `area`, of the selected cells,
    /// C order; `None` where the (first) file does not hold it, or on another grid.
    ///
    /// # Collective
    /// One rank reads.
    ///
    /// # Errors
    /// Data, if an area is negative, or the variable can't be decoded; what reading reports.
    pub fn cell_areas(&self, comm: &Comm) -> Result<Option<Vec<f64>>> {
        comm.on_root(|| {
            let stated = self.variable.attributes.text("cell_measures").unwrap_or_default();
            let mut words = stated.split_whitespace().skip_while(|word| *word != "area:").skip(1);
            let (Some(name), Some(file)) = (words.next(), self.files.first()) else { return Ok(None) };
            self.areas_in(name, &file.path).map_err(|e| e.in_variable(name).in_file(&file.path))
        })
    }

    fn areas_in(&self, name: &str, path: &str) -> Result<Option<Vec<f64>>> {
        let (reader, meta) = direct::meta::read(Path::new(path), Io::Auto)?;
        let meta = meta.share(None);
        let ground = &self.grid.dims;
        let fits = |v: &&crate::dataset::meta::RawVariable| {
            v.dims.len() == ground.len() && v.dims.iter().all(|name| ground.iter().any(|d| d.name == *name))
        };
        let Some(found) = meta.variable(name).map(|v| &**v).filter(fits) else { return Ok(None) };
        let whole = coordinate::read(&meta, found, ground, &*reader)?;
        let picks: Vec<Pick> = ground
            .iter()
            .map(|d| {
                let indices = match d.role {
                    Role::X => self.x.iter().cloned().flatten().collect(),
                    _ => self.y.clone().collect(),
                };
                Pick { dim: d.name.clone(), indices, squeeze: false }
            })
            .collect();
        let reach = |d: &halocline_core::meta::Dim, p: &Pick| p.indices.iter().all(|&i| i < d.len);
        let in_order = |d: &halocline_core::meta::Dim| picks.iter().find(|p| p.dim == d.name);
        if !whole.variable.dims.iter().all(|d| in_order(d).is_some_and(|p| reach(d, p))) {
            return Ok(None);
        }
        let areas = coordinate::pick(&whole, &picks).values.to_f64();
        if let Some(bad) = areas.iter().find(|a| **a < 0.0) {
            return Err(Error::data(format!("a cell has the area {bad}")).remedy("use --weights none"));
        }
        Ok(Some(areas))
    }
}

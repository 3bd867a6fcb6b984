//! Fields that a surface pressure makes on levels.

use super::ground::{below_levels, doubles, few_steps, steps_together};
use super::Layers;
use halocline_core::engine::{NumbersMut, StreamSource};
use halocline_core::index::IndexBox;
use halocline_core::meta::{DType, Role, Variable};
use halocline_core::{Error, Result};
use rayon::prelude::*;

/// A field of the shape of a variable on levels that follows from the surface pressure.
pub struct OfSurface<'a> {
    like: &'a dyn StreamSource,
    surface: &'a dyn StreamSource,
    /// `None`: the surface pressure itself, at all levels.
    layers: Option<&'a Layers>,
    variable: Variable,
    level: usize,
    /// Steps of the surface that are read at a time: whole chunks, where these can't be read in parts.
    together: usize,
}

impl<'a> OfSurface<'a> {
    /// The pressure between the edges of each layer, Pa: missing below the ground, where the surface
    /// pressure is missing, and where a layer has no mass.
    ///
    /// # Errors
    /// Data, if shapes do not fit.
    pub fn thickness(
        like: &'a dyn StreamSource,
        surface: &'a dyn StreamSource,
        layers: &'a Layers,
    ) -> Result<Self> {
        Self::new(like, surface, Some(layers))
    }
    /// The surface pressure, repeated at every level.
    ///
    /// # Errors
    /// Data, if shapes do not fit.
    pub fn repeated(like: &'a dyn StreamSource, surface: &'a dyn StreamSource) -> Result<Self> {
        Self::new(like, surface, None)
    }

    fn new(
        like: &'a dyn StreamSource,
        surface: &'a dyn StreamSource,
        layers: Option<&'a Layers>,
    ) -> Result<Self> {
        let of = like.variable();
        let count = |d: &usize| layers.is_none_or(|layers| layers.len() == of.dims[*d].len);
        let Some(level) = of.position(Role::Level).filter(count) else {
            return Err(Error::data("has other levels than layers").in_variable(&of.name));
        };
        let shape = below_levels(of, level, surface)?;
        let variable = Variable {
            name: surface.variable().name.clone(),
            dtype: DType::F64,
            attributes: surface.variable().attributes.clone(),
            dims: of.dims.clone(),
        };
        let together = steps_together(surface, shape[0]);
        Ok(Self { like, surface, layers, variable, level, together })
    }

    fn flat(&self, block: &IndexBox) -> IndexBox {
        let mut ranges = block.ranges().to_vec();
        ranges.remove(self.level);
        IndexBox::new(ranges)
    }

    /// Some steps of a block.
    fn steps(&self, block: &IndexBox, out: &mut [f64]) -> Result<()> {
        let surface = doubles(self.surface, &self.flat(block))?;
        // How many are, over all ranks and steps, none of these reads knows.
        if self.layers.is_some() && surface.iter().any(|ps| ps.is_nan()) {
            return Err(Error::data("surface pressures are missing: the mass of the air there is not known")
                .in_variable(&self.variable.name)
                .remedy("fill them first"));
        }
        let inner: usize = block.shape()[self.level + 1..].iter().product::<usize>().max(1);
        let levels = block.range(self.level);
        let count = levels.len().max(1);
        out.par_chunks_mut(inner).enumerate().for_each_init(
            || vec![0.0; inner],
            |upper, (n, out)| {
                let (step, k) = (n / count, levels.start + n % count);
                let surface = &surface[step * inner..(step + 1) * inner];
                let Some(layers) = self.layers else {
                    out.copy_from_slice(surface);
                    return;
                };
                layers.edges(k, surface, upper, out);
                for (lower, upper) in out.iter_mut().zip(upper) {
                    let thickness = *lower - *upper;
                    *lower = if thickness > 0.0 { thickness } else { f64::NAN };
                }
            },
        );
        Ok(())
    }
}

impl StreamSource for OfSurface<'_> {
    fn variable(&self) -> &Variable {
        &self.variable
    }
    fn is_single(&self) -> bool {
        false
    }
    fn chunks(&self) -> Vec<usize> {
        self.like.chunks()
    }
    fn is_divisible(&self) -> bool {
        self.like.is_divisible() && self.surface.is_divisible()
    }
    fn read(&self, block: &IndexBox, out: NumbersMut<'_>) -> Result<()> {
        let NumbersMut::F64(out) = out else { return Err(Error::internal("thicknesses are doubles")) };
        few_steps(block, self.together, out, |part, out| self.steps(part, out))
    }
    fn prefetch(&self, block: &IndexBox) {
        self.surface.prefetch(&self.flat(block));
    }
    fn stored_bytes(&self, block: &IndexBox) -> u64 {
        self.surface.stored_bytes(&self.flat(block))
    }
    fn scratch_per_thread(&self) -> u64 {
        let cells: usize = self.surface.variable().shape()[1..].iter().product();
        let shared = (12 * self.together * cells) as u64;
        self.surface.scratch_per_thread()
            + 8 * cells as u64
            + shared.div_ceil(halocline_core::threads::for_plans() as u64)
    }
}

//! What results on maps say of how they were made.

use super::maps::Maps;
use crate::carry;
use crate::common::described;
use halocline_algorithms::calculus::Edge;
use halocline_core::meta::Attributes;

impl Maps<'_> {
    /// The grid that it works on, in words.
    pub(super) fn about(&self) -> String {
        let mesh = &self.found.mesh;
        let kind = if self.recipe.is_staggered { "C grid" } else { "A grid" };
        format!("{kind} of {}, {}", self.found.model, mesh.topology.describe(mesh.cells))
    }

    /// The attributes of the file.
    pub(super) fn global(&self) -> Attributes {
        let (args, mesh) = (self.args, &self.found.mesh);
        let edge = match self.recipe.edge {
            Edge::Missing => "nan",
            Edge::Zero => "zero",
            Edge::OneSided => "one-sided",
        };
        let mut options = vec![
            format!("operator={}", self.asked.what.command()),
            format!("edge={edge}"),
            format!("staggering={}", if self.recipe.is_staggered { "c" } else { "a" }),
            format!("topology={}", mesh.topology.name()),
        ];
        options.extend(self.recipe.zero.describe());
        options.extend(args.grid.describe());
        options.extend(described(&args.input, &args.selection));
        let mut about = vec![self.about()];
        about.push(format!(
            "mask: {}",
            if self.wet.is_known() { "of the mesh" } else { "where values are missing" }
        ));
        about.extend(mesh.computed.iter().map(|line| format!("computed: {line}")));
        let command = self.asked.what.command();
        let mut attributes = Attributes::new()
            .with("Conventions", "CF-1.8")
            .with("title", format!("{command} of {}", self.asked.names.join(" and ")))
            .with("source", format!("halocline {}, calc {command}", env!("CARGO_PKG_VERSION")))
            .with("halocline_calc_options", options.join("; "))
            .with("halocline_mesh", about.join("; "));
        carry::add_origin(&mut attributes, self.operands.dataset(0));
        attributes
    }
}

//! The commands of calculus on meshes, for those who choose one by its name.

use super::options::{
    CumulativeArgs, CurlArgs, DerivativeArgs, DiffArgs, DivergenceArgs, GradientArgs, IntegralArgs,
    InterpArgs, LaplacianArgs, MeshCommand,
};
use clap::{ArgMatches, Args as _, Command, FromArgMatches as _};

/// Which command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MeshKind {
    Gradient,
    Divergence,
    Curl,
    Laplacian,
    Derivative,
    Diff,
    Interp,
    Integral,
    Cumulative,
}

macro_rules! kinds {
    ($($kind:ident: $args:ident;)*) => {
        impl MeshKind {
            /// Adds its options to a command.
            pub(crate) fn augment(self, command: Command) -> Command {
                match self {
                    $(Self::$kind => $args::augment_args(command),)*
                }
            }
            /// Its options, as they were parsed.
            pub(crate) fn parse(self, matches: &ArgMatches) -> Result<Box<dyn MeshCommand>, clap::Error> {
                Ok(match self {
                    $(Self::$kind => Box::new($args::from_arg_matches(matches)?),)*
                })
            }
        }
    };
}

kinds! {
    Gradient: GradientArgs;
    Divergence: DivergenceArgs;
    Curl: CurlArgs;
    Laplacian: LaplacianArgs;
    Derivative: DerivativeArgs;
    Diff: DiffArgs;
    Interp: InterpArgs;
    Integral: IntegralArgs;
    Cumulative: CumulativeArgs;
}

//! The commands that steps can be, and their options: those of the command line, which clap
//! knows, so that there is one definition of each.

use crate::calc::{HelmholtzArgs, MeshCommand, MeshKind, TruncateArgs};
use crate::climatology::ClimatologyArgs;
use crate::common::{InputArgs, SelectionArgs, Verbosity};
use crate::coupled::{CcaArgs, McaArgs};
use crate::eof::EofArgs;
use crate::filter::{SpaceArgs, TimeArgs};
use crate::folding;
use crate::histogram::HistogramArgs;
use crate::plot::PlotArgs;
use crate::pop::PopArgs;
use crate::project::ProjectArgs;
use crate::provenance::arguments::told_of_numbers;
use crate::rechunk::RechunkArgs;
use crate::reconstruct::ReconstructArgs;
use crate::regrid::RegridArgs;
use crate::relate::RelateArgs;
use crate::spectrum::{
    CrossArgs, IsotropicArgs, MultitaperArgs, PowerArgs, SphericalArgs, WaveletArgs, WheelerKiladisArgs,
    ZonalArgs,
};
use crate::stats::StatsArgs;
use crate::transport::{
    BarotropicArgs, ColumnCommand as _, EddyArgs, EnergyArgs, EpFluxArgs, FreshwaterArgs, HeatArgs,
    HeatContentArgs, ImpliedHeatArgs, Kind as _, MassStreamfunctionArgs, MixedLayerArgs, OverturningArgs,
    SaltArgs, SectionArgs, TemArgs, VapourArgs, ZonalCommand as _,
};
use crate::vertical::VerticalArgs;
use clap::{Args as _, FromArgMatches as _};
use halocline_core::comm::Comm;
use halocline_core::Result;

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Select,
    Stats,
    Climatology,
    /// A climatology of which the anomalies are wanted.
    Anomaly,
    Relate,
    Histogram,
    Eof,
    Mca,
    Cca,
    Pop,
    Project,
    Reconstruct,
    SpectrumPower,
    SpectrumCross,
    SpectrumIsotropic,
    SpectrumZonal,
    SpectrumSpherical,
    SpectrumMultitaper,
    SpectrumWavelet,
    FilterSpace,
    FilterTime,
    CalcHelmholtz,
    CalcMesh(MeshKind),
    CalcTruncate,
    TransportMassStreamfunction,
    TransportEnergy,
    TransportVapour,
    TransportTem,
    TransportEpFlux,
    TransportEddy,
    Vertical,
    Rechunk,
    Regrid,
    WheelerKiladis,
    TransportOverturning,
    TransportHeat,
    TransportSalt,
    TransportFreshwater,
    TransportSection,
    TransportBarotropic,
    TransportHeatContent,
    TransportImpliedHeat,
    TransportMixedLayer,
    Plot,
}

const KINDS: [(&str, Kind); 52] = [
    ("select", Kind::Select),
    ("stats", Kind::Stats),
    ("climatology", Kind::Climatology),
    ("anomaly", Kind::Anomaly),
    ("relate", Kind::Relate),
    ("histogram", Kind::Histogram),
    ("eof", Kind::Eof),
    ("mca", Kind::Mca),
    ("cca", Kind::Cca),
    ("pop", Kind::Pop),
    ("project", Kind::Project),
    ("reconstruct", Kind::Reconstruct),
    ("spectrum power", Kind::SpectrumPower),
    ("spectrum cross", Kind::SpectrumCross),
    ("spectrum isotropic", Kind::SpectrumIsotropic),
    ("spectrum zonal", Kind::SpectrumZonal),
    ("spectrum spherical", Kind::SpectrumSpherical),
    ("spectrum multitaper", Kind::SpectrumMultitaper),
    ("spectrum wavelet", Kind::SpectrumWavelet),
    ("filter space", Kind::FilterSpace),
    ("filter time", Kind::FilterTime),
    ("calc helmholtz", Kind::CalcHelmholtz),
    ("calc gradient", Kind::CalcMesh(MeshKind::Gradient)),
    ("calc divergence", Kind::CalcMesh(MeshKind::Divergence)),
    ("calc curl", Kind::CalcMesh(MeshKind::Curl)),
    ("calc laplacian", Kind::CalcMesh(MeshKind::Laplacian)),
    ("calc derivative", Kind::CalcMesh(MeshKind::Derivative)),
    ("calc diff", Kind::CalcMesh(MeshKind::Diff)),
    ("calc interp", Kind::CalcMesh(MeshKind::Interp)),
    ("calc integral", Kind::CalcMesh(MeshKind::Integral)),
    ("calc cumulative-integral", Kind::CalcMesh(MeshKind::Cumulative)),
    ("calc truncate", Kind::CalcTruncate),
    ("transport mass-streamfunction", Kind::TransportMassStreamfunction),
    ("transport energy", Kind::TransportEnergy),
    ("transport vapour", Kind::TransportVapour),
    ("transport tem", Kind::TransportTem),
    ("transport ep-flux", Kind::TransportEpFlux),
    ("transport eddy", Kind::TransportEddy),
    ("vertical", Kind::Vertical),
    ("rechunk", Kind::Rechunk),
    ("regrid", Kind::Regrid),
    ("spectrum wheeler-kiladis", Kind::WheelerKiladis),
    ("transport overturning", Kind::TransportOverturning),
    ("transport heat", Kind::TransportHeat),
    ("transport salt", Kind::TransportSalt),
    ("transport freshwater", Kind::TransportFreshwater),
    ("transport section", Kind::TransportSection),
    ("transport barotropic", Kind::TransportBarotropic),
    ("transport heat-content", Kind::TransportHeatContent),
    ("transport implied-heat", Kind::TransportImpliedHeat),
    ("transport mixed-layer", Kind::TransportMixedLayer),
    ("plot", Kind::Plot),
];

/// The options of a source: which files, and what of them.
#[derive(Debug, clap::Args)]
struct SourceArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The variables
    #[arg(long, value_delimiter = ',')]
    var: Vec<String>,
    #[command(flatten)]
    selection: SelectionArgs,
}

impl Kind {
    pub(super) fn of(word: &str) -> Option<Self> {
        KINDS.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind)
    }
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(name, _)| *name)
    }
    pub(super) fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
    /// The command that does it, for those who look for help.
    pub(super) fn command_name(self) -> &'static str {
        match self {
            Self::Anomaly => "climatology",
            Self::SpectrumPower => "spectrum power",
            Self::SpectrumCross => "spectrum cross",
            other => other.name(),
        }
    }
    /// The command, as clap knows it; that of a source for `select`.
    pub(super) fn command(self) -> clap::Command {
        let command = clap::Command::new(self.command_name()).no_binary_name(true).disable_help_flag(true);
        match self {
            Self::Select => SourceArgs::augment_args(command),
            Self::Stats => StatsArgs::augment_args(command),
            Self::Climatology | Self::Anomaly => ClimatologyArgs::augment_args(command),
            Self::Relate => RelateArgs::augment_args(command),
            Self::Histogram => HistogramArgs::augment_args(command),
            Self::Eof => EofArgs::augment_args(command),
            Self::Mca => McaArgs::augment_args(command),
            Self::Cca => CcaArgs::augment_args(command),
            Self::Pop => PopArgs::augment_args(command),
            Self::Project => ProjectArgs::augment_args(command),
            Self::Reconstruct => ReconstructArgs::augment_args(command),
            Self::SpectrumPower => PowerArgs::augment_args(command),
            Self::SpectrumCross => CrossArgs::augment_args(command),
            Self::SpectrumIsotropic => IsotropicArgs::augment_args(command),
            Self::SpectrumZonal => ZonalArgs::augment_args(command),
            Self::SpectrumSpherical => SphericalArgs::augment_args(command),
            Self::SpectrumMultitaper => MultitaperArgs::augment_args(command),
            Self::SpectrumWavelet => WaveletArgs::augment_args(command),
            Self::FilterSpace => SpaceArgs::augment_args(command),
            Self::FilterTime => TimeArgs::augment_args(command),
            Self::CalcHelmholtz => HelmholtzArgs::augment_args(command),
            Self::CalcMesh(kind) => kind.augment(command),
            Self::CalcTruncate => TruncateArgs::augment_args(command),
            Self::TransportMassStreamfunction => MassStreamfunctionArgs::augment_args(command),
            Self::TransportEnergy => EnergyArgs::augment_args(command),
            Self::TransportVapour => VapourArgs::augment_args(command),
            Self::TransportTem => TemArgs::augment_args(command),
            Self::TransportEpFlux => EpFluxArgs::augment_args(command),
            Self::TransportEddy => EddyArgs::augment_args(command),
            Self::Vertical => VerticalArgs::augment_args(command),
            Self::Rechunk => RechunkArgs::augment_args(command),
            Self::Regrid => RegridArgs::augment_args(command),
            Self::WheelerKiladis => WheelerKiladisArgs::augment_args(command),
            Self::TransportOverturning => OverturningArgs::augment_args(command),
            Self::TransportHeat => HeatArgs::augment_args(command),
            Self::TransportSalt => SaltArgs::augment_args(command),
            Self::TransportFreshwater => FreshwaterArgs::augment_args(command),
            Self::TransportSection => SectionArgs::augment_args(command),
            Self::TransportBarotropic => BarotropicArgs::augment_args(command),
            Self::TransportHeatContent => HeatContentArgs::augment_args(command),
            Self::TransportImpliedHeat => ImpliedHeatArgs::augment_args(command),
            Self::TransportMixedLayer => MixedLayerArgs::augment_args(command),
            Self::Plot => PlotArgs::augment_args(command),
        }
    }
}

/// A step's command with its options.
#[derive(Debug)]
pub(super) enum Args {
    Stats(Box<StatsArgs>),
    Climatology(Box<ClimatologyArgs>),
    Relate(Box<RelateArgs>),
    Histogram(Box<HistogramArgs>),
    Eof(Box<EofArgs>),
    Mca(Box<McaArgs>),
    Cca(Box<CcaArgs>),
    Pop(Box<PopArgs>),
    Project(Box<ProjectArgs>),
    Reconstruct(Box<ReconstructArgs>),
    SpectrumPower(Box<PowerArgs>),
    SpectrumCross(Box<CrossArgs>),
    SpectrumIsotropic(Box<IsotropicArgs>),
    SpectrumZonal(Box<ZonalArgs>),
    SpectrumSpherical(Box<SphericalArgs>),
    SpectrumMultitaper(Box<MultitaperArgs>),
    SpectrumWavelet(Box<WaveletArgs>),
    FilterSpace(Box<SpaceArgs>),
    FilterTime(Box<TimeArgs>),
    CalcHelmholtz(Box<HelmholtzArgs>),
    CalcMesh(Box<dyn MeshCommand>),
    CalcTruncate(Box<TruncateArgs>),
    TransportMassStreamfunction(Box<MassStreamfunctionArgs>),
    TransportEnergy(Box<EnergyArgs>),
    TransportVapour(Box<VapourArgs>),
    TransportTem(Box<TemArgs>),
    TransportEpFlux(Box<EpFluxArgs>),
    TransportEddy(Box<EddyArgs>),
    Vertical(Box<VerticalArgs>),
    Rechunk(Box<RechunkArgs>),
    Regrid(Box<RegridArgs>),
    WheelerKiladis(Box<WheelerKiladisArgs>),
    TransportOverturning(Box<OverturningArgs>),
    TransportHeat(Box<HeatArgs>),
    TransportSalt(Box<SaltArgs>),
    TransportFreshwater(Box<FreshwaterArgs>),
    TransportSection(Box<SectionArgs>),
    TransportBarotropic(Box<BarotropicArgs>),
    TransportHeatContent(Box<HeatContentArgs>),
    TransportImpliedHeat(Box<ImpliedHeatArgs>),
    TransportMixedLayer(Box<MixedLayerArgs>),
    Plot(Box<PlotArgs>),
}

impl Args {
    /// Parses the words of a step; `None` for a selection, which is no command.
    pub(super) fn parse(kind: Kind, words: &[String]) -> std::result::Result<Option<Self>, clap::Error> {
        let matches = told_of_numbers(kind.command()).try_get_matches_from(words)?;
        Ok(Some(match kind {
            Kind::Select => return Ok(None),
            Kind::Stats => Self::Stats(Box::new(StatsArgs::from_arg_matches(&matches)?)),
            Kind::Climatology | Kind::Anomaly => {
                Self::Climatology(Box::new(ClimatologyArgs::from_arg_matches(&matches)?))
            }
            Kind::Relate => Self::Relate(Box::new(RelateArgs::from_arg_matches(&matches)?)),
            Kind::Histogram => Self::Histogram(Box::new(HistogramArgs::from_arg_matches(&matches)?)),
            Kind::Eof => Self::Eof(Box::new(EofArgs::from_arg_matches(&matches)?)),
            Kind::Mca => Self::Mca(Box::new(McaArgs::from_arg_matches(&matches)?)),
            Kind::Cca => Self::Cca(Box::new(CcaArgs::from_arg_matches(&matches)?)),
            Kind::Pop => Self::Pop(Box::new(PopArgs::from_arg_matches(&matches)?)),
            Kind::Project => Self::Project(Box::new(ProjectArgs::from_arg_matches(&matches)?)),
            Kind::Reconstruct => Self::Reconstruct(Box::new(ReconstructArgs::from_arg_matches(&matches)?)),
            Kind::SpectrumPower => Self::SpectrumPower(Box::new(PowerArgs::from_arg_matches(&matches)?)),
            Kind::SpectrumCross => Self::SpectrumCross(Box::new(CrossArgs::from_arg_matches(&matches)?)),
            Kind::SpectrumIsotropic => {
                Self::SpectrumIsotropic(Box::new(IsotropicArgs::from_arg_matches(&matches)?))
            }
            Kind::SpectrumZonal => Self::SpectrumZonal(Box::new(ZonalArgs::from_arg_matches(&matches)?)),
            Kind::SpectrumSpherical => {
                Self::SpectrumSpherical(Box::new(SphericalArgs::from_arg_matches(&matches)?))
            }
            Kind::CalcHelmholtz => Self::CalcHelmholtz(Box::new(HelmholtzArgs::from_arg_matches(&matches)?)),
            Kind::CalcMesh(kind) => Self::CalcMesh(kind.parse(&matches)?),
            Kind::CalcTruncate => Self::CalcTruncate(Box::new(TruncateArgs::from_arg_matches(&matches)?)),
            Kind::TransportMassStreamfunction => Self::TransportMassStreamfunction(Box::new(
                MassStreamfunctionArgs::from_arg_matches(&matches)?,
            )),
            Kind::TransportEnergy => Self::TransportEnergy(Box::new(EnergyArgs::from_arg_matches(&matches)?)),
            Kind::TransportVapour => Self::TransportVapour(Box::new(VapourArgs::from_arg_matches(&matches)?)),
            Kind::TransportTem => Self::TransportTem(Box::new(TemArgs::from_arg_matches(&matches)?)),
            Kind::TransportEpFlux => Self::TransportEpFlux(Box::new(EpFluxArgs::from_arg_matches(&matches)?)),
            Kind::TransportEddy => Self::TransportEddy(Box::new(EddyArgs::from_arg_matches(&matches)?)),
            Kind::Vertical => Self::Vertical(Box::new(VerticalArgs::from_arg_matches(&matches)?)),
            Kind::SpectrumMultitaper => {
                Self::SpectrumMultitaper(Box::new(MultitaperArgs::from_arg_matches(&matches)?))
            }
            Kind::SpectrumWavelet => {
                Self::SpectrumWavelet(Box::new(WaveletArgs::from_arg_matches(&matches)?))
            }
            Kind::FilterSpace => Self::FilterSpace(Box::new(SpaceArgs::from_arg_matches(&matches)?)),
            Kind::FilterTime => Self::FilterTime(Box::new(TimeArgs::from_arg_matches(&matches)?)),
            Kind::Rechunk => Self::Rechunk(Box::new(RechunkArgs::from_arg_matches(&matches)?)),
            Kind::Regrid => Self::Regrid(Box::new(RegridArgs::from_arg_matches(&matches)?)),
            Kind::WheelerKiladis => {
                Self::WheelerKiladis(Box::new(WheelerKiladisArgs::from_arg_matches(&matches)?))
            }
            Kind::TransportOverturning => {
                Self::TransportOverturning(Box::new(OverturningArgs::from_arg_matches(&matches)?))
            }
            Kind::TransportHeat => Self::TransportHeat(Box::new(HeatArgs::from_arg_matches(&matches)?)),
            Kind::TransportSalt => Self::TransportSalt(Box::new(SaltArgs::from_arg_matches(&matches)?)),
            Kind::TransportFreshwater => {
                Self::TransportFreshwater(Box::new(FreshwaterArgs::from_arg_matches(&matches)?))
            }
            Kind::TransportSection => {
                Self::TransportSection(Box::new(SectionArgs::from_arg_matches(&matches)?))
            }
            Kind::TransportBarotropic => {
                Self::TransportBarotropic(Box::new(BarotropicArgs::from_arg_matches(&matches)?))
            }
            Kind::TransportHeatContent => {
                Self::TransportHeatContent(Box::new(HeatContentArgs::from_arg_matches(&matches)?))
            }
            Kind::TransportImpliedHeat => {
                Self::TransportImpliedHeat(Box::new(ImpliedHeatArgs::from_arg_matches(&matches)?))
            }
            Kind::TransportMixedLayer => {
                Self::TransportMixedLayer(Box::new(MixedLayerArgs::from_arg_matches(&matches)?))
            }
            Kind::Plot => Self::Plot(Box::new(PlotArgs::from_arg_matches(&matches)?)),
        }))
    }

    /// What the command refuses before it opens anything.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Stats(args) => args.check(),
            Self::Climatology(args) => args.check(),
            Self::Relate(args) => args.check(),
            Self::Histogram(args) => args.check(),
            Self::Eof(args) => args.check(),
            Self::Mca(_) => Ok(()),
            Self::Cca(args) => args.check(),
            Self::Pop(args) => args.check(),
            Self::Project(args) => args.check(),
            Self::Reconstruct(args) => args.check(),
            Self::SpectrumPower(args) => args.check(),
            Self::SpectrumCross(args) => args.check(),
            Self::SpectrumIsotropic(args) => args.check(),
            Self::SpectrumZonal(args) => args.check(),
            Self::SpectrumSpherical(args) => args.check(),
            Self::SpectrumMultitaper(args) => args.check(),
            Self::SpectrumWavelet(args) => args.check(),
            Self::FilterSpace(args) => args.check(),
            Self::FilterTime(args) => args.check(),
            Self::CalcHelmholtz(args) => args.check(),
            Self::CalcMesh(args) => args.check(),
            Self::CalcTruncate(args) => args.check(),
            Self::TransportMassStreamfunction(args) => args.check(),
            Self::TransportEnergy(args) => args.check(),
            Self::TransportVapour(args) => args.check(),
            Self::TransportTem(args) => args.check(),
            Self::TransportEpFlux(args) => args.check(),
            Self::TransportEddy(args) => args.check(),
            Self::Vertical(args) => args.check(),
            Self::Rechunk(args) => args.check(),
            Self::Regrid(args) => args.check(),
            Self::WheelerKiladis(args) => args.check(),
            Self::TransportOverturning(args) => args.check(),
            Self::TransportHeat(args) => args.check(),
            Self::TransportSalt(args) => args.check(),
            Self::TransportFreshwater(args) => args.check(),
            Self::TransportSection(args) => args.check(),
            Self::TransportBarotropic(args) => args.check(),
            Self::TransportHeatContent(args) => args.check(),
            Self::TransportImpliedHeat(args) => args.check(),
            Self::TransportMixedLayer(args) => args.check(),
            Self::Plot(args) => args.check(),
        }
    }
}

/// Bytes that are fetched of a source.
///
/// # Collective
/// Every rank calls this.
pub(super) fn bytes_of(comm: &Comm, words: &[String], verbosity: Verbosity) -> Result<u64> {
    let parsed = Kind::Select.command().try_get_matches_from(words);
    let args = parsed.and_then(|matches| SourceArgs::from_arg_matches(&matches));
    let args = args.map_err(|e| crate::usage(&e))?;
    let selection = args.selection.of_all_levels(args.input.io)?;
    let dataset = args.input.open(comm, verbosity)?;
    let of = |name: &String| Ok(folding::bytes_to_read(&dataset.source(comm, name, &selection)?));
    args.var.iter().map(of).sum()
}

/// Refuses words of a selection (`--time=…`) that say nothing.
pub(super) fn check_selection(words: &[String]) -> Result<()> {
    let words = words.iter().cloned().chain(["file".to_owned()]);
    let parsed = Kind::Select.command().try_get_matches_from(words);
    let args = parsed.and_then(|matches| SourceArgs::from_arg_matches(&matches));
    let args = args.map_err(|e| crate::usage(&e))?;
    args.selection.selection().map(drop)
}

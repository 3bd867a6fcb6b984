//! The names of variables of meshes in the files of models.

use super::names::{Names, Table};
use halocline_core::grid::mesh::{Faces, Staggering};
use halocline_io::dataset::Dataset;

const NONE: [&[&str]; 4] = [&[]; 4];

const NEMO: Table = Table {
    model: "NEMO",
    signature: &["glamt", "e1t"],
    faces: [Faces::Right; 2],
    staggering: Staggering::C,
    inverse: false,
    lat: [&["gphit", "nav_lat"], &["gphiu"], &["gphiv"], &["gphif"]],
    lon: [&["glamt", "nav_lon"], &["glamu"], &["glamv"], &["glamf"]],
    dx: [&["e1t"], &["e1u"], &["e1v"], &["e1f"]],
    dy: [&["e2t"], &["e2u"], &["e2v"], &["e2f"]],
    area: [&["e1e2t"], &["e1e2u"], &["e1e2v"], &["e1e2f"]],
    mask: [&["tmask"], &["umask"], &["vmask"], &["fmask"]],
    thickness: [&["e3t_0", "e3t"], &["e3u_0", "e3u"], &["e3v_0", "e3v"], &["e3f_0", "e3f"]],
    thickness_w: &["e3w_0", "e3w"],
    layers: &["e3t_1d"],
    levels: &["gdept_1d", "nav_lev", "gdept_0"],
    depth: &["hdept", "bathy_metry", "bathymetry", "Bathymetry"],
};

const MOM6: Table = Table {
    model: "MOM6",
    signature: &["geolon_c", "geolon_u", "dxCu", "dxCv", "dxt"],
    faces: [Faces::Right; 2],
    staggering: Staggering::C,
    inverse: false,
    lat: [&["geolat"], &["geolat_u"], &["geolat_v"], &["geolat_c"]],
    lon: [&["geolon"], &["geolon_u"], &["geolon_v"], &["geolon_c"]],
    dx: [&["dxt", "dxT"], &["dxCu"], &["dxCv"], &["dxBu"]],
    dy: [&["dyt", "dyT"], &["dyCu"], &["dyCv"], &["dyBu"]],
    area: [
        &["areacello", "area_t", "areat"],
        &["areacello_cu", "area_u"],
        &["areacello_cv", "area_v"],
        &["areacello_bu", "area_bu"],
    ],
    mask: [&["wet"], &["wet_u"], &["wet_v"], &["wet_c"]],
    thickness: [&["thkcello", "h"], &[], &[], &[]],
    thickness_w: &[],
    layers: &[],
    levels: &[],
    depth: &["deptho", "depth_ocean"],
};

const MITGCM: Table = Table {
    model: "MITgcm",
    signature: &["RAC", "rA", "DXG", "dxG"],
    faces: [Faces::Left; 2],
    staggering: Staggering::C,
    inverse: false,
    lat: [&["YC"], &["YU"], &["YV"], &["YG"]],
    lon: [&["XC"], &["XU"], &["XV"], &["XG"]],
    dx: [&["DXF", "dxF"], &["DXC", "dxC"], &["DXG", "dxG"], &["DXV", "dxV"]],
    dy: [&["DYF", "dyF"], &["DYG", "dyG"], &["DYC", "dyC"], &["DYU", "dyU"]],
    area: [&["RAC", "rA"], &["RAW", "rAw"], &["RAS", "rAs"], &["RAZ", "rAz"]],
    // Open fractions: wet where they are not 0.
    mask: [&["HFacC", "hFacC", "maskC"], &["HFacW", "hFacW", "maskW"], &["HFacS", "hFacS", "maskS"], &[]],
    thickness: NONE,
    thickness_w: &["DRC", "drC"],
    layers: &["DRF", "drF"],
    levels: &["RC", "Z", "rC"],
    depth: &["Depth", "depth"],
};

const ROMS: Table = Table {
    model: "ROMS",
    signature: &["pm"],
    faces: [Faces::Inner; 2],
    staggering: Staggering::C,
    inverse: true,
    lat: [&["lat_rho"], &["lat_u"], &["lat_v"], &["lat_psi"]],
    lon: [&["lon_rho"], &["lon_u"], &["lon_v"], &["lon_psi"]],
    dx: [&["pm"], &[], &[], &[]],
    dy: [&["pn"], &[], &[], &[]],
    area: NONE,
    mask: [&["mask_rho"], &["mask_u"], &["mask_v"], &["mask_psi"]],
    thickness: NONE,
    thickness_w: &[],
    layers: &[],
    levels: &[],
    depth: &["h"],
};

const CMIP: Table = Table {
    model: "CMIP",
    signature: &["areacello", "areacella", "thkcello", "volcello", "deptho", "sftof"],
    faces: [Faces::Right; 2],
    staggering: Staggering::A,
    inverse: false,
    lat: NONE,
    lon: NONE,
    dx: NONE,
    dy: NONE,
    area: [&["areacello", "areacella"], &[], &[], &[]],
    // A share of sea: wet where it is not 0.
    mask: [&["sftof"], &[], &[], &[]],
    thickness: [&["thkcello"], &[], &[], &[]],
    thickness_w: &[],
    layers: &[],
    levels: &["lev"],
    depth: &["deptho"],
};

/// Names that no model owns.
const PLAIN: Table = Table {
    model: "no model",
    signature: &["dx", "dy", "dxv", "dyu", "e1v", "e2u"],
    faces: [Faces::Right; 2],
    staggering: Staggering::A,
    inverse: false,
    lat: NONE,
    lon: NONE,
    dx: [&["dx"], &[], &["dxv", "e1v"], &[]],
    dy: [&["dy"], &["dyu", "e2u"], &[], &[]],
    area: NONE,
    mask: NONE,
    thickness: NONE,
    thickness_w: &[],
    layers: &[],
    levels: &[],
    depth: &[],
};

/// What a data set has of a mesh, by the names of the first model whose file it is.
pub(super) fn recognise(dataset: &Dataset) -> Option<Names> {
    [NEMO, MOM6, MITGCM, ROMS, CMIP, PLAIN].iter().find_map(|table| table.names(dataset))
}

//! What a coordinate is: by its attributes, then by its name.

use halocline_core::meta::{Attributes, Role};

/// What a coordinate variable states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Time.
    Time,
    /// The vertical.
    Level,
    /// Latitude, degrees north.
    Latitude,
    /// Longitude, degrees east.
    Longitude,
    /// Second-fastest horizontal coordinate that is no latitude: projected, rotated, an index.
    Y,
    /// Fastest horizontal coordinate that is no longitude.
    X,
}

impl Kind {
    /// The role of the dimension that a coordinate of this kind runs along.
    pub(crate) const fn role(self) -> Role {
        match self {
            Self::Time => Role::Time,
            Self::Level => Role::Level,
            Self::Latitude | Self::Y => Role::Y,
            Self::Longitude | Self::X => Role::X,
        }
    }
}

/// What the attributes of a coordinate say, most certain first.
pub(crate) fn by_attributes(attributes: &Attributes) -> Option<Kind> {
    let lower = |name: &str| attributes.text(name).map(str::to_ascii_lowercase);
    let (standard, units) = (lower("standard_name"), lower("units"));
    by_standard_name(standard.as_deref().unwrap_or_default())
        .or_else(|| by_units(units.as_deref().unwrap_or_default()))
        .or_else(|| {
            let axis = lower("axis").or_else(|| lower("cartesian_axis"))?;
            Some(match axis.as_str() {
                "t" => Kind::Time,
                "z" => Kind::Level,
                "y" => Kind::Y,
                "x" => Kind::X,
                _ => return None,
            })
        })
        .or_else(|| attributes.text("positive").map(|_| Kind::Level))
        .or_else(|| {
            let vertical = [
                "pa",
                "hpa",
                "mb",
                "mbar",
                "millibar",
                "millibars",
                "pascal",
                "bar",
                "decibar",
                "dbar",
                "level",
                "layer",
                "sigma_level",
                "hybrid_sigma_pressure",
            ];
            vertical.contains(&units.as_deref()?).then_some(Kind::Level)
        })
}

fn by_standard_name(name: &str) -> Option<Kind> {
    Some(match name {
        "time" => Kind::Time,
        "latitude" | "geographic_latitude" => Kind::Latitude,
        "longitude" | "geographic_longitude" => Kind::Longitude,
        "grid_latitude" | "projection_y_coordinate" | "projection_y_angular_coordinate" => Kind::Y,
        "grid_longitude" | "projection_x_coordinate" | "projection_x_angular_coordinate" => Kind::X,
        "air_pressure"
        | "height"
        | "altitude"
        | "depth"
        | "geopotential_height"
        | "model_level_number"
        | "sea_water_pressure"
        | "height_above_mean_sea_level"
        | "depth_below_geoid"
        | "sea_water_sigma_t"
        | "sea_water_potential_density"
        | "air_potential_temperature" => Kind::Level,
        _ => {
            let parametric = (name.starts_with("atmosphere_") || name.starts_with("ocean_"))
                && name.ends_with("_coordinate")
                || name.starts_with("ocean_s_coordinate");
            return parametric.then_some(Kind::Level);
        }
    })
}

fn by_units(units: &str) -> Option<Kind> {
    Some(match units {
        "degrees_north" | "degree_north" | "degree_n" | "degrees_n" | "degreen" | "degreesn"
        | "degrees north" | "degree north" => Kind::Latitude,
        "degrees_east" | "degree_east" | "degree_e" | "degrees_e" | "degreee" | "degreese"
        | "degrees east" | "degree east" => Kind::Longitude,
        _ if units.contains(" since ") => Kind::Time,
        _ => return None,
    })
}

/// Names of a kind, in lower case: as they are (a trailing number is left out), and first parts
/// of names, up to an underscore.
struct Names {
    kind: Kind,
    whole: &'static str,
    stems: &'static str,
}

/// The vertical comes first, so that `z_t` is no time; indices come before times.
const NAMES: [Names; 6] = [
    Names {
        kind: Kind::Level,
        whole:
            "z level levels altitude pressure isobaric deptht depthu depthv depthw nav_lev olevel z_t z_w zt \
                zw zl zi zc s_rho s_w sigma hybrid bottom_top st_ocean sw_ocean rho",
        stems: "lev plev depth height",
    },
    Names {
        kind: Kind::Latitude,
        whole: "nav_lat vlat yt_lat",
        stems: "lat latitude lats tlat ulat geolat gphit gphiu gphiv gphif xlat ylat",
    },
    Names {
        kind: Kind::Longitude,
        whole: "nav_lon vlon xt_lon",
        stems: "lon longitude lons long tlon ulon tlong ulong geolon glamt glamu glamv glamf xlong xlon",
    },
    Names {
        kind: Kind::Y,
        whole: "y j nlat nj ny rlat yc yh yq nyp yt_ocean yu_ocean south_north y_rho",
        stems: "eta",
    },
    Names {
        kind: Kind::X,
        whole:
            "x i nlon ni nx rlon xc xh xq nxp xt_ocean xu_ocean west_east x_rho ncells ncell cell cells ncol \
                nod node nodes values grid_size station",
        stems: "xi",
    },
    Names { kind: Kind::Time, whole: "t month months year years ocean_time times", stems: "time" },
];

/// What a name suggests, when no attribute says more.
pub(crate) fn by_name(name: &str) -> Option<Kind> {
    let name = name.to_ascii_lowercase();
    let stem = name.split('_').next().unwrap_or_default();
    let numbered = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    let has = |list: &str, word: &str| list.split_whitespace().any(|w| w == word);
    let fits = |names: &&Names| {
        [name.as_str(), numbered].iter().any(|n| has(names.whole, n) || has(names.stems, n))
            || has(names.stems, stem)
    };
    NAMES.iter().find(fits).map(|names| names.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_say_what_names_do_not() {
        let of = |pairs: &[(&str, &str)]| {
            by_attributes(&pairs.iter().fold(Attributes::new(), |a, (n, v)| a.with(*n, *v)))
        };
        assert_eq!(of(&[("units", "degrees_north")]), Some(Kind::Latitude));
        assert_eq!(of(&[("units", "degree_E"), ("axis", "X")]), Some(Kind::Longitude));
        assert_eq!(of(&[("units", "degrees"), ("standard_name", "grid_latitude")]), Some(Kind::Y));
        assert_eq!(of(&[("units", "hour since 1980-01-14 14:00:00")]), Some(Kind::Time));
        assert_eq!(of(&[("cartesian_axis", "Z")]), Some(Kind::Level));
        assert_eq!(of(&[("units", "METERS"), ("positive", "down")]), Some(Kind::Level));
        assert_eq!(of(&[("units", "millibars")]), Some(Kind::Level));
        assert_eq!(of(&[("units", "K")]), None);
        assert_eq!(of(&[("standard_name", "ocean_s_coordinate_g2")]), Some(Kind::Level));
    }

    #[test]
    fn names() {
        for (kind, names) in [
            (Kind::Time, "time TIME t time_counter ocean_time month time_2 time1"),
            (Kind::Latitude, "lat LAT latitude nav_lat TLAT ULAT geolat geolat_t lat_rho latitude_2 gphit"),
            (Kind::Longitude, "lon longitude nav_lon TLONG ULONG geolon geolon_c lon_u LON XLONG"),
            (Kind::Y, "y j nlat Y eta_rho yt_ocean rlat"),
            (Kind::X, "x i nlon ncells X xi_rho xt_ocean rlon"),
            (Kind::Level, "lev level z_t deptht depth plev nav_lev s_rho lev_2 plev19"),
        ] {
            for name in names.split(' ') {
                assert_eq!(by_name(name), Some(kind), "{name}");
            }
        }
        for name in ["sst", "bnds", "nv", "tos", "precip", "vertices"] {
            assert_eq!(by_name(name), None, "{name}");
        }
    }
}

//! Regions that have a name in the field, and who defines them so.

use super::ocean::{self, Along};
use super::shape::{Shape, Shapes};
use crate::source::lonlat::LonLatBox;
use halocline_core::Result;

/// A region with a name.
#[derive(Debug, Clone, Copy)]
pub struct NamedRegion {
    /// The name, and other spellings of it.
    pub names: &'static [&'static str],
    /// Boxes that make it up: west, east, south, north in degrees, edges included.
    pub boxes: &'static [[f64; 4]],
    /// Outlines that make it up, besides the boxes.
    outlines: &'static [&'static [Along]],
    /// What it is, and the reference.
    pub about: &'static str,
}

const NINO: &str =
    "El Niño index region (Trenberth 1997, doi:10.1175/1520-0477(1997)078<2771:TDOENO>2.0.CO;2; NOAA CPC)";
const WMO: &str = "verification area (WMO-No. 485, Manual on the WIPPS)";
const TURN: [f64; 2] = [-180.0, 180.0];

/// What the outline of the Arctic Ocean leaves out.
const POLE: [f64; 4] = zone(88.0, 90.0);

const fn zone(south: f64, north: f64) -> [f64; 4] {
    [TURN[0], TURN[1], south, north]
}

/// An ocean or a sea, by the name that the CF conventions have for it.
const fn sea(
    names: &'static [&'static str],
    outlines: &'static [&'static [Along]],
    about: &'static str,
) -> NamedRegion {
    NamedRegion { names, boxes: &[], outlines, about }
}

/// All of them.
pub(super) const ALL: &[NamedRegion] = &[
    NamedRegion { names: &["global", "globe"], boxes: &[zone(-90.0, 90.0)], outlines: &[], about: "every cell that has coordinates" },
    NamedRegion { names: &["nh", "northern_hemisphere"], boxes: &[zone(0.0, 90.0)], outlines: &[], about: "north of the equator, the equator included" },
    NamedRegion { names: &["sh", "southern_hemisphere"], boxes: &[zone(-90.0, 0.0)], outlines: &[], about: "south of the equator, the equator included" },
    NamedRegion { names: &["tropics"], boxes: &[zone(-20.0, 20.0)], outlines: &[], about: WMO },
    NamedRegion { names: &["nh_extratropics"], boxes: &[zone(20.0, 90.0)], outlines: &[], about: WMO },
    NamedRegion { names: &["sh_extratropics"], boxes: &[zone(-90.0, -20.0)], outlines: &[], about: WMO },
    NamedRegion { names: &["arctic"], boxes: &[zone(66.5622, 90.0)], outlines: &[], about: "north of the Arctic Circle, the obliquity of 2000 taken (Astronomical Almanac: 23°26′16″)" },
    NamedRegion { names: &["antarctic"], boxes: &[zone(-90.0, -60.0)], outlines: &[], about: "south of 60°S (Antarctic Treaty, Article VI)" },
    NamedRegion { names: &["southern_ocean"], boxes: &[zone(-90.0, -60.0)], outlines: &[], about: "south of 60°S (IHO S-23, draft of 2002); land is not left out" },
    sea(&["atlantic_ocean", "atlantic"], &[ocean::ATLANTIC], "60°S to Davis Strait and the Nordic Seas, marginal seas included"),
    sea(&["pacific_ocean", "pacific"], &[ocean::PACIFIC], "60°S to Bering Strait, the seas of Indonesia included"),
    sea(&["indian_ocean", "indian"], &[ocean::INDIAN], "60°S to Asia, the Persian Gulf included"),
    NamedRegion { names: &["arctic_ocean"], boxes: &[POLE], outlines: &[ocean::ARCTIC], about: "with the Nordic, Barents and White Seas, Davis Strait and Baffin Bay" },
    sea(&["mediterranean_sea", "mediterranean"], &[ocean::MEDITERRANEAN], "from the Strait of Gibraltar to the Dardanelles"),
    sea(&["black_sea"], &[ocean::BLACK_SEA], "with the Seas of Marmara and of Azov"),
    sea(&["hudson_bay"], &[ocean::HUDSON_BAY], "with James Bay, Hudson Strait, Ungava Bay and Foxe Basin"),
    sea(&["baltic_sea", "baltic"], &[ocean::BALTIC], "with the Belts and the Kattegat"),
    sea(&["red_sea"], &[ocean::RED_SEA], "from Bab el Mandeb, with the Gulfs of Suez and Aqaba"),
    NamedRegion { names: &["atlantic_arctic_ocean"], boxes: &[POLE], outlines: &[ocean::ATLANTIC, ocean::ARCTIC], about: "Atlantic and Arctic Ocean, no inland seas" },
    sea(&["indian_pacific_ocean", "indo_pacific_ocean"], &[ocean::INDIAN, ocean::PACIFIC], "Indian and Pacific Ocean"),
    NamedRegion { names: &["north_atlantic", "amo"], boxes: &[[-80.0, 0.0, 0.0, 60.0]], outlines: &[], about: "area of the Atlantic multidecadal index (Trenberth and Shea 2006, doi:10.1029/2006GL026894)" },
    NamedRegion { names: &["nino1+2", "nino12"], boxes: &[[-90.0, -80.0, -10.0, 0.0]], outlines: &[], about: NINO },
    NamedRegion { names: &["nino3"], boxes: &[[-150.0, -90.0, -5.0, 5.0]], outlines: &[], about: NINO },
    NamedRegion { names: &["nino3.4", "nino34"], boxes: &[[-170.0, -120.0, -5.0, 5.0]], outlines: &[], about: NINO },
    NamedRegion { names: &["nino4"], boxes: &[[160.0, 210.0, -5.0, 5.0]], outlines: &[], about: NINO },
    NamedRegion { names: &["iod_west"], boxes: &[[50.0, 70.0, -10.0, 10.0]], outlines: &[], about: "western pole of the Indian Ocean dipole (Saji et al. 1999, doi:10.1038/43854)" },
    NamedRegion { names: &["iod_east"], boxes: &[[90.0, 110.0, -10.0, 0.0]], outlines: &[], about: "eastern pole of the Indian Ocean dipole (Saji et al. 1999, doi:10.1038/43854)" },
    NamedRegion { names: &["atl3"], boxes: &[[-20.0, 0.0, -3.0, 3.0]], outlines: &[], about: "Atlantic Niño (Zebiak 1993, doi:10.1175/1520-0442(1993)006<1567:AIVITE>2.0.CO;2)" },
    NamedRegion { names: &["tna"], boxes: &[[-57.5, -15.0, 5.5, 23.5]], outlines: &[], about: "tropical northern Atlantic index (Enfield et al. 1999, doi:10.1029/1998JC900109)" },
    NamedRegion { names: &["tsa"], boxes: &[[-30.0, 10.0, -20.0, 0.0]], outlines: &[], about: "tropical southern Atlantic index (Enfield et al. 1999, doi:10.1029/1998JC900109)" },
    NamedRegion { names: &["mdr"], boxes: &[[-80.0, -20.0, 10.0, 20.0]], outlines: &[], about: "main development region of Atlantic hurricanes (Goldenberg and Shapiro 1996, doi:10.1175/1520-0442(1996)009<1169:PMFTAO>2.0.CO;2)" },
    NamedRegion { names: &["north_pacific", "npi"], boxes: &[[160.0, 220.0, 30.0, 65.0]], outlines: &[], about: "area of the North Pacific index (Trenberth and Hurrell 1994, doi:10.1007/BF00204745)" },
];

impl NamedRegion {
    /// The name that is written into results.
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// Whether it follows coasts and limits at sea, other than boxes do.
    pub fn is_outlined(&self) -> bool {
        !self.outlines.is_empty()
    }

    /// The shapes that make it up.
    ///
    /// # Errors
    /// Data, if the table above is wrong.
    pub(super) fn shapes(&self) -> Result<Shapes> {
        let boxes = self.boxes.iter().map(|b| LonLatBox::new(*b).map(Shape::Box));
        let outlines = self.outlines.iter().map(|outline| ocean::shape(outline));
        Ok(Shapes(boxes.chain(outlines).collect::<Result<_>>()?))
    }
}

//! Outlines of the oceans and of the seas that the CMIP6 variable `basin` tells apart.
//!
//! At sea the limits are those of the International Hydrographic Organization (Limits of Oceans
//! and Seas, S-23: third edition of 1953; the Southern Ocean and the meridian of South East Cape as in the draft of 2002). On land they
//! run anywhere between the coasts, as cells there hold no water. Each limit is written once, and
//! cells on a limit belong to one side of it only, so that the parts add up to the whole. (On 60°S
//! they belong to the Southern Ocean, which is why outlines end 0.36″ north of it.)
//!
//! What is not told apart there goes to its neighbour: the Caribbean, the Gulf of Mexico, the
//! Labrador and the North Sea to the Atlantic; the Nordic, Barents and White Seas, Davis Strait and
//! Baffin Bay to the Arctic; the seas between the islands of Indonesia, the Arafura and Timor Seas,
//! Malacca and Bass Strait to the Pacific; the Persian Gulf to the Indian Ocean; the Kattegat to the
//! Baltic; the Sea of Marmara to the Black Sea; Hudson Strait, Ungava Bay and Foxe Basin to Hudson Bay.

use super::ring::{Ring, Use};
use super::shape::Shape;
use halocline_core::Result;

/// Positions of a limit: longitude, latitude.
type Limit = &'static [[f64; 2]];

/// A limit as an outline runs along it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Along {
    /// As it is written.
    To(Limit),
    /// Backwards.
    Fro(Limit),
}
use Along::{Fro, To};

/// Atlantic and Pacific: from 60°S along the meridian of Cape Horn, over South and Central America.
const AMERICAS: Limit = &[
    [-67.2717, -59.9999],
    [-67.2717, -55.98],
    [-68.5, -54.0],
    [-68.6, -52.66],
    [-68.36, -52.33],
    [-70.5, -51.5],
    [-71.0, -49.0],
    [-71.5, -45.0],
    [-69.0, -30.0],
    [-70.0, -17.0],
    [-76.0, -10.0],
    [-78.5, -2.0],
    [-77.0, 1.0],
    [-76.0, 5.0],
    [-77.0, 7.5],
    [-77.5, 8.1],
    [-78.0, 8.8],
    [-78.8, 9.2],
    [-79.6, 9.15],
    [-80.2, 8.75],
    [-81.2, 8.5],
    [-82.5, 8.8],
    [-83.5, 9.5],
    [-84.5, 10.5],
    [-84.8, 11.9],
    [-86.0, 13.5],
    [-88.0, 14.0],
    [-90.5, 15.2],
    [-92.0, 16.5],
    [-94.5, 17.1],
    [-96.5, 17.5],
    [-100.0, 20.0],
];
/// Atlantic and Indian Ocean: from 60°S along the meridian of Cape Agulhas.
const AGULHAS: Limit = &[[20.0, -59.9999], [20.0, -30.0]];
/// Indian Ocean and Pacific: from 60°S along the meridian of South East Cape, over Tasmania to Cape
/// Otway, over Australia, from Cape Londonderry by Roti and the Sunda Islands, over Sumatra to the
/// Malay Peninsula.
const INDONESIA: Limit = &[
    [146.8233, -59.9999],
    [146.8233, -43.64],
    [146.0, -42.0],
    [144.68, -40.67],
    [143.52, -38.86],
    [143.5, -37.5],
    [142.0, -30.0],
    [138.0, -22.0],
    [130.0, -18.0],
    [126.94, -13.74],
    [122.9, -10.85],
    [121.8, -10.5],
    [120.6, -10.2],
    [120.0, -9.85],
    [119.0, -9.5],
    [117.5, -8.8],
    [116.3, -8.7],
    [115.2, -8.6],
    [114.3, -8.4],
    [112.0, -8.0],
    [110.0, -7.6],
    [108.0, -7.3],
    [106.0, -6.9],
    [105.2, -6.75],
    [104.7, -5.6],
    [102.3, -3.0],
    [100.3, 0.3],
    [97.5, 3.5],
    [95.3, 5.6],
    [98.3, 7.8],
    [98.9, 9.0],
    [99.2, 11.5],
    [99.0, 14.0],
];
/// Arctic and Pacific: the Arctic Circle between Siberia and Alaska, in two where longitudes start anew.
const CHUKCHI_WEST: Limit = &[[165.0, 66.55], [180.0, 66.55]];
const CHUKCHI_EAST: Limit = &[[-180.0, 66.55], [-160.0, 66.55]];
/// Arctic and Hudson Bay: from Cape Chidley to Resolution Island, over Baffin Island, across Fury and
/// Hecla Strait, over the Melville Peninsula.
const FOXE: Limit = &[
    [-64.5, 60.4],
    [-64.9, 61.35],
    [-68.0, 62.4],
    [-71.0, 63.3],
    [-71.2, 66.0],
    [-71.0, 67.5],
    [-72.5, 68.6],
    [-75.0, 69.6],
    [-77.3, 70.6],
    [-80.0, 70.7],
    [-86.0, 70.2],
    [-85.8, 69.3],
    [-84.5, 68.0],
    [-86.4, 66.7],
    [-90.0, 66.0],
];
/// Hudson Bay and Atlantic: over Labrador.
const LABRADOR: Limit = &[[-64.5, 60.0], [-64.6, 59.6], [-65.0, 58.5], [-66.0, 57.0]];
/// Atlantic and Arctic: along 60°N from Labrador to Greenland, by Cape Nansen, Iceland, the Faroes and
/// Shetland to Norway at 61°N.
const NORDIC: Limit = &[
    [-64.5, 60.0],
    [-44.5, 60.0],
    [-44.5, 60.2],
    [-45.0, 62.0],
    [-40.0, 68.0],
    [-29.5, 68.25],
    [-23.13, 66.43],
    [-22.0, 65.6],
    [-18.0, 65.0],
    [-13.5, 65.08],
    [-6.25, 62.35],
    [-0.8833, 60.85],
    [-0.8833, 61.0],
    [8.5, 61.0],
];
/// Atlantic and Baltic: over Jutland, from Skagen to the coast of Sweden.
const SKAGEN: Limit = &[[9.5, 53.2], [9.3, 54.5], [9.5, 56.5], [10.66, 57.74], [11.46, 57.9], [12.5, 58.5]];
/// Atlantic and Mediterranean: from Cape Spartel to Cape Trafalgar.
const GIBRALTAR: Limit = &[[-5.0, 34.5], [-5.92, 35.79], [-6.03, 36.18], [-4.0, 39.0], [0.0, 43.0]];
/// Mediterranean and Black Sea: the mouth of the Dardanelles.
const DARDANELLES: Limit = &[
    [33.0, 38.0],
    [30.0, 39.5],
    [28.0, 39.3],
    [26.7, 39.9],
    [26.2, 40.0],
    [26.17, 40.04],
    [26.9, 40.6],
    [26.5, 41.5],
];
/// Mediterranean and Red Sea: the Isthmus of Suez.
const SUEZ: Limit = &[[31.5, 29.0], [32.5, 30.4], [34.5, 30.6]];
/// Red Sea and Indian Ocean: Bab el Mandeb.
const BAB_EL_MANDEB: Limit = &[[42.3, 12.3], [43.33, 12.48], [43.5, 12.67], [44.5, 15.0]];

pub(super) const ATLANTIC: &[Along] = &[
    To(AGULHAS),
    To(&[[28.0, -10.0], [28.0, 10.0], [12.0, 20.0], [0.0, 30.0]]),
    To(GIBRALTAR),
    To(&[[2.5, 46.0], [5.0, 50.0]]),
    To(SKAGEN),
    To(&[[10.0, 60.5]]),
    Fro(NORDIC),
    To(LABRADOR),
    To(&[[-73.0, 50.5], [-80.0, 45.0], [-90.0, 40.0], [-100.0, 32.0]]),
    Fro(AMERICAS),
];
pub(super) const PACIFIC: &[Along] = &[
    To(AMERICAS),
    To(&[
        [-105.0, 25.0],
        [-109.0, 29.5],
        [-113.5, 33.0],
        [-117.0, 36.0],
        [-121.0, 40.0],
        [-121.5, 50.0],
        [-126.0, 53.0],
        [-129.0, 57.0],
        [-134.0, 59.8],
        [-139.0, 61.0],
        [-146.0, 62.0],
        [-149.5, 62.5],
        [-155.0, 63.0],
        [-158.0, 65.5],
        [-160.0, 66.55],
    ]),
    To(&[
        [165.0, 66.55],
        [155.0, 63.5],
        [142.0, 61.0],
        [134.0, 56.5],
        [133.0, 50.0],
        [130.5, 45.0],
        [126.0, 42.0],
        [116.0, 41.0],
        [115.0, 37.0],
        [117.0, 33.0],
        [114.0, 25.0],
        [106.0, 24.0],
        [101.0, 19.0],
    ]),
    Fro(INDONESIA),
];
pub(super) const INDIAN: &[Along] = &[
    To(INDONESIA),
    To(&[
        [98.5, 18.0],
        [96.0, 24.0],
        [90.0, 26.0],
        [83.0, 23.0],
        [75.0, 24.0],
        [70.0, 26.0],
        [66.0, 27.0],
        [58.0, 29.3],
        [52.0, 31.5],
        [46.0, 31.5],
        [46.0, 22.0],
    ]),
    Fro(BAB_EL_MANDEB),
    To(&[[38.0, 8.0], [33.0, 0.0], [30.0, -12.0], [22.0, -30.0]]),
    Fro(AGULHAS),
];
/// Up to 89°N: the pole itself can be no inner place of an outline.
pub(super) const ARCTIC: &[Along] = &[
    To(CHUKCHI_EAST),
    To(&[[-150.0, 67.5], [-140.0, 67.5], [-130.0, 67.0], [-120.0, 66.0], [-108.0, 65.5], [-98.0, 65.5]]),
    Fro(FOXE),
    To(NORDIC),
    To(&[
        [12.3, 63.0],
        [15.5, 66.5],
        [17.5, 68.0],
        [20.0, 69.0],
        [26.0, 69.5],
        [29.0, 69.0],
        [32.5, 68.0],
        [31.5, 66.5],
        [33.0, 63.5],
        [41.0, 63.8],
        [44.0, 65.2],
        [54.0, 67.0],
        [65.0, 67.0],
        [72.0, 65.5],
        [80.0, 66.5],
        [90.0, 69.0],
        [105.0, 71.0],
        [130.0, 70.0],
        [150.0, 69.0],
        [162.0, 68.0],
    ]),
    To(CHUKCHI_WEST),
    To(&[[180.0, 89.0], [-180.0, 89.0]]),
];
pub(super) const HUDSON_BAY: &[Along] = &[
    To(FOXE),
    To(&[
        [-97.0, 65.4],
        [-97.0, 63.0],
        [-97.0, 57.0],
        [-90.0, 54.0],
        [-84.0, 50.0],
        [-77.0, 50.0],
        [-73.5, 56.0],
        [-72.0, 57.5],
        [-68.0, 57.5],
    ]),
    Fro(LABRADOR),
];
pub(super) const BALTIC: &[Along] = &[
    Fro(SKAGEN),
    To(&[
        [18.0, 53.0],
        [25.0, 55.0],
        [31.0, 58.0],
        [32.0, 61.0],
        [28.0, 66.5],
        [22.0, 67.0],
        [16.0, 64.0],
        [14.0, 60.0],
    ]),
];
pub(super) const MEDITERRANEAN: &[Along] = &[
    Fro(GIBRALTAR),
    To(&[[0.0, 33.0], [10.0, 31.0], [18.0, 29.0], [30.0, 29.0]]),
    To(SUEZ),
    To(&[[35.3, 31.0], [36.2, 33.0], [36.8, 37.0]]),
    To(DARDANELLES),
    To(&[
        [20.3, 42.3],
        [17.5, 44.3],
        [15.5, 45.8],
        [13.0, 46.5],
        [10.0, 46.0],
        [8.0, 45.3],
        [5.0, 45.0],
        [2.5, 44.0],
    ]),
];
pub(super) const BLACK_SEA: &[Along] = &[
    Fro(DARDANELLES),
    To(&[[42.0, 40.5], [43.5, 43.0], [41.0, 48.0], [35.0, 48.0], [30.0, 47.5], [27.0, 44.0]]),
];
pub(super) const RED_SEA: &[Along] = &[
    To(BAB_EL_MANDEB),
    To(&[[43.7, 17.5], [42.0, 20.0], [39.5, 24.0], [36.8, 27.5], [35.8, 29.5]]),
    Fro(SUEZ),
    To(&[[33.0, 25.0], [35.0, 20.0], [37.0, 16.0], [40.0, 14.0]]),
];

/// The shape within an outline.
///
/// # Errors
/// Data, if it is none; the outlines of this file are tested to be.
pub(super) fn shape(outline: &[Along]) -> Result<Shape> {
    let mut positions: Vec<[f64; 2]> = Vec::new();
    for along in outline {
        match along {
            To(limit) => positions.extend(limit.iter()),
            Fro(limit) => positions.extend(limit.iter().rev()),
        }
    }
    positions.extend(positions.first().copied());
    Ok(Shape::Outline(Ring::new(&positions, Use::Outer)?))
}

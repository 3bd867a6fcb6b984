//! Straits and sections with names, as oceanographers give them: the right-hand side is where positive
//! flow goes.

/// A name, what is positive, and points (longitude, latitude).
pub(super) struct Strait {
    pub(super) name: &'static str,
    pub(super) positive: &'static str,
    pub(super) points: &'static [[f64; 2]],
}

pub(super) const STRAITS: [Strait; 12] = [
    Strait { name: "drake_passage", positive: "eastward", points: &[[-63.5, -65.5], [-67.5, -54.5]] },
    Strait { name: "indonesian_throughflow", positive: "westward", points: &[[113.5, -22.5], [106.0, -6.5]] },
    Strait { name: "mozambique_channel", positive: "southward", points: &[[35.5, -17.0], [45.0, -17.0]] },
    Strait { name: "florida_straits", positive: "northward", points: &[[-77.5, 26.5], [-80.5, 26.5]] },
    Strait { name: "bering_strait", positive: "northward", points: &[[-167.0, 66.0], [-171.0, 66.0]] },
    Strait { name: "fram_strait", positive: "southward", points: &[[-20.5, 79.5], [11.5, 79.5]] },
    Strait { name: "denmark_strait", positive: "southward", points: &[[-37.0, 66.1], [-22.5, 66.0]] },
    Strait {
        name: "iceland_scotland",
        positive: "southward",
        points: &[[-14.0, 65.0], [-7.0, 62.0], [-5.0, 58.5]],
    },
    Strait { name: "barents_opening", positive: "westward", points: &[[19.0, 70.2], [16.8, 76.5]] },
    Strait { name: "davis_strait", positive: "southward", points: &[[-62.0, 66.6], [-52.0, 66.6]] },
    Strait { name: "gibraltar", positive: "eastward", points: &[[-5.6, 35.4], [-5.6, 36.4]] },
    Strait { name: "australia_antarctica", positive: "eastward", points: &[[141.0, -67.0], [141.0, -37.5]] },
];

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
    Strait { name: "indonesian_throughflow", positive: "westward", points: &[[106.0, -6.5], [113.5, -22.5]] },
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
    Strait { name: "barents_opening", positive: "eastward", points: &[[19.0, 70.2], [16.8, 76.5]] },
    Strait { name: "davis_strait", positive: "southward", points: &[[-62.0, 66.6], [-52.0, 66.6]] },
    Strait { name: "gibraltar", positive: "eastward", points: &[[-5.6, 35.4], [-5.6, 36.4]] },
    Strait { name: "australia_antarctica", positive: "eastward", points: &[[141.0, -67.0], [141.0, -37.5]] },
];

#[cfg(test)]
mod tests {
    use super::STRAITS;

    #[test]
    fn what_is_positive_is_to_the_right_of_the_path() {
        for strait in &STRAITS {
            let [first, .., last] = strait.points else { panic!("{}", strait.name) };
            let middle = 0.5 * (first[1] + last[1]);
            let (dx, dy) = ((last[0] - first[0]) * middle.to_radians().cos(), last[1] - first[1]);
            let right = [dy, -dx];
            let along = match strait.positive {
                "eastward" => right[0],
                "westward" => -right[0],
                "northward" => right[1],
                "southward" => -right[1],
                other => panic!("{}: {other}", strait.name),
            };
            // Iceland to Scotland leads south-east: south is within 60 degrees of its right.
            assert!(along > 0.5 * dx.hypot(dy), "{}: {along}", strait.name);
        }
    }
}

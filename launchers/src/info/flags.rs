//! What the numbers of a variable mean: basins, kinds of surface, qualities.

use halocline_core::meta::{AttributeValue, Variable};

/// The numbers of a variable with their meanings (`flag_values`, `flag_meanings`), in order; none if it
/// has not as many of both.
pub(super) fn of(variable: &Variable) -> Vec<(f64, &str)> {
    let values = variable.attributes.get("flag_values").and_then(AttributeValue::numbers);
    let (Some(values), Some(words)) = (values, variable.attributes.text("flag_meanings")) else {
        return Vec::new();
    };
    let words: Vec<&str> = words.split_whitespace().collect();
    if words.len() == values.len() {
        values.into_iter().zip(words).collect()
    } else {
        Vec::new()
    }
}

/// In a line, with how cells of one are chosen.
pub(super) fn line(variable: &Variable, file: &str) -> Option<String> {
    let all = of(variable);
    let (first, _) = all.get(1).or(all.first())?;
    let words: Vec<String> = all.iter().map(|(value, word)| format!("{value} {word}")).collect();
    let mask = format!("--mask {file}:{}={first}", variable.name);
    Some(format!("flags: {}; cells of one: {mask}", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use halocline_core::meta::{Attributes, DType};

    #[test]
    fn basins_are_named() {
        let basin = |values: Vec<i64>, words: &str| Variable {
            name: "basin".into(),
            dims: Vec::new(),
            dtype: DType::I32,
            attributes: Attributes::new()
                .with("flag_values", AttributeValue::Integers(values))
                .with("flag_meanings", words),
        };
        let told = line(&basin(vec![0, 1, 2], "global_land southern_ocean atlantic_ocean"), "b.nc");
        let expected =
            "flags: 0 global_land, 1 southern_ocean, 2 atlantic_ocean; cells of one: --mask b.nc:basin=1";
        assert_eq!(told.as_deref(), Some(expected));
        assert_eq!(line(&basin(vec![0, 1], "land"), "b.nc"), None);
    }
}

//! Names that the user may have meant.

/// Edit distance (insertions, deletions, replacements, swaps of neighbours), case ignored.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let above = &rows[i];
            let mut next = (above[j] + usize::from(x != y)).min(row[j] + 1).min(above[j + 1] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                next = next.min(rows[i - 1][j - 1] + 1);
            }
            row.push(next);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// The nearest of `names` to what was typed, if any is near.
pub(crate) fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let reach = (typed.chars().count() / 3).max(1);
    names
        .map(|n| (distance(typed, n), n))
        .filter(|(d, _)| *d <= reach)
        .min_by_key(|(d, _)| *d)
        .map(|(_, n)| n)
}

/// Names for a message: at most a dozen.
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = names.collect();
    let shown = all.iter().take(12).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    match all.len() {
        0 => "none".to_owned(),
        n if n > 12 => format!("{shown} and {} more", n - 12),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names() {
        let names = ["sst", "air_temperature", "u"];
        assert_eq!(nearest("SST", names.into_iter()), Some("sst"));
        assert_eq!(nearest("sts", names.into_iter()), Some("sst"));
        assert_eq!(nearest("sss", names.into_iter()), Some("sst"));
        assert_eq!(nearest("airtemperature", names.into_iter()), Some("air_temperature"));
        assert_eq!(nearest("precipitation", names.into_iter()), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}

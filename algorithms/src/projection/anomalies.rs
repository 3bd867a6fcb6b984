//! What is taken off series before or, as that is the same, after they are projected.

use super::Removal;
use crate::eof::Anomaly;
use halocline_core::{Error, Result};

/// Takes means, means of months (`months`, 1 to 12, one for each time) and straight lines over
/// the record number off `series` (time × `count`, C order), each by itself.
///
/// # Errors
/// Internal, if there is not one month for each time, and months are needed.
pub fn remove(series: &mut [f64], count: usize, months: &[u8], removal: Removal) -> Result<()> {
    let times = series.len() / count.max(1);
    let groups: Vec<usize> = match removal.anomaly {
        Anomaly::None => Vec::new(),
        Anomaly::Mean => vec![0; times],
        Anomaly::Climatology if months.len() == times => {
            months.iter().map(|&m| usize::from(m).saturating_sub(1)).collect()
        }
        Anomaly::Climatology => return Err(Error::internal("a climatology needs the month of every time")),
    };
    for k in 0..count {
        if let Some(parts) = groups.iter().max().map(|m| m + 1) {
            let (mut sums, mut counts) = (vec![0.0; parts], vec![0.0; parts]);
            for (row, &g) in series.chunks(count).zip(&groups) {
                sums[g] += row[k];
                counts[g] += 1.0;
            }
            for (row, &g) in series.chunks_mut(count).zip(&groups) {
                row[k] -= sums[g] / counts[g];
            }
        }
        if removal.detrend {
            remove_line(series, count, k);
        }
    }
    Ok(())
}

/// Takes the mean and the least-squares line off one of the series.
fn remove_line(series: &mut [f64], count: usize, k: usize) {
    let times = series.len() / count;
    let mean = series.chunks(count).map(|row| row[k]).sum::<f64>() / times as f64;
    let centre = 0.5 * (times as f64 - 1.0);
    let (mut products, mut squares) = (0.0, 0.0);
    for (i, row) in series.chunks(count).enumerate() {
        let tau = i as f64 - centre;
        products += tau * (row[k] - mean);
        squares += tau * tau;
    }
    let slope = if squares > 0.0 { products / squares } else { 0.0 };
    for (i, row) in series.chunks_mut(count).enumerate() {
        row[k] -= mean + slope * (i as f64 - centre);
    }
}

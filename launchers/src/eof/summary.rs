//! What a user sees of an EOF analysis at its end.

use super::options::{EofArgs, EofScalingChoice};
use super::{significance, solver, state, OpenFields};
use crate::folding::FoldJob;
use halocline_algorithms::eof::{Covariance, Eof};

/// Prints variances, and what is to be known of them.
pub(super) fn tell(job: &FoldJob<'_>, args: &EofArgs, open: &OpenFields, eof: &Eof) {
    job.verbosity.say(job.comm, || {
        let covariance = match eof.covariance {
            Covariance::Temporal => "between times",
            Covariance::Spatial => "between cells",
        };
        let not_formed = if eof.approximation.is_some() { " (not formed)" } else { "" };
        let times = open.fields.first().map_or(0, |f| f.source.time().len());
        let mut lines =
            vec![format!("{} cells with data, {times} times, covariance {covariance}{not_formed}", eof.cells())];
        if open.fields.len() > 1 {
            let each = open.fields.iter().zip(&eof.fields);
            let each: Vec<String> =
                each.map(|(open, maps)| format!("{} x {:.6e} ({} cells)", open.label, maps.factor, maps.cells)).collect();
            lines.push(format!("together: {}", each.join(", ")));
        }
        let constant = eof.constant();
        if constant > 0 && (args.prepare.standardize || args.eof_scaling() == EofScalingChoice::Correlation) {
            lines.push(format!("note: {constant} of these cells do not vary and come out as missing"));
        }
        if let Some(filled) = &eof.filled {
            lines.extend(super::gaps::tell(filled, &args.filling_of(open)));
        }
        if let Some(paired) = &eof.paired {
            lines.extend(super::gaps::tell_pairs(paired, &args.gaps));
        }
        let rotated = eof.rotation.is_some();
        lines.push(if rotated {
            "mode      variance      of total".into()
        } else {
            format!("mode    eigenvalue      variance  North error{}", significance::head(eof))
        });
        for k in 0..eof.eigenvalues.len().min(10) {
            let north = eof.north_error.get(k).map_or_else(String::new, |e| {
                format!("  {:>9.2} %", 100.0 * e / eof.total_variance)
            });
            lines.push(format!(
                "{:>4}  {:>12.6e}  {:>10.2} %{north}{}",
                k + 1,
                eof.eigenvalues[k],
                100.0 * eof.variance_fraction[k],
                significance::row(eof, k),
            ));
        }
        if let Ok(tests) = args.tests.tests() {
            lines.extend(significance::notes(&tests, eof));
        }
        lines.extend(solver::tell(eof));
        lines.extend(state::tell(eof));
        if eof.error_bound > 0.0 {
            lines.push(format!(
                "note: products in single precision: each eigenvalue is off by {:.3e} at most, {:.1e} of the total variance",
                eof.error_bound,
                eof.error_bound / eof.total_variance
            ));
        }
        if let Some(k) = (0..eof.eigenvalues.len()).find(|&k| !rotated && eof.precision(k) > 1e-8) {
            let last = eof.precision(eof.eigenvalues.len() - 1);
            lines.push(format!(
                "note: from mode {} on, the variance is so small beside the first mode's that only about {:.0} \
                 digits hold in the last",
                k + 1,
                -last.log10()
            ));
        }
        lines.join("\n")
    });
}

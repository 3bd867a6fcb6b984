//! What `--op` asks for: operations of one pass, and percentiles, which need whole series.

use crate::series;
use halocline_algorithms::statistics::{Op, QuantileMethod};

/// A word of `--op`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Asked {
    Op(Op),
    Percentile(f64),
}

impl Asked {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Op(op) => op.name().to_owned(),
            Self::Percentile(percent) => series::percentile_name(percent),
        }
    }
}

/// The name of a result: one keeps the variable's name, several append theirs.
pub(crate) fn name_of(all: &[Asked], variable: &str, asked: Asked) -> String {
    match all {
        [_] => variable.to_owned(),
        _ => format!("{variable}_{}", asked.name()),
    }
}

/// The operations of one pass among them.
pub(crate) fn ops(asked: &[Asked]) -> Vec<Op> {
    let of = |asked: &Asked| if let Asked::Op(op) = asked { Some(*op) } else { None };
    asked.iter().filter_map(of).collect()
}

/// The percentiles among them.
pub(crate) fn percents(asked: &[Asked]) -> Vec<f64> {
    let of = |asked: &Asked| if let Asked::Percentile(p) = asked { Some(*p) } else { None };
    asked.iter().filter_map(of).collect()
}

pub(crate) fn parse_asked(word: &str) -> std::result::Result<Asked, String> {
    let op = Op::ALL.into_iter().find(|op| op.name() == word).map(Asked::Op);
    op.or_else(|| series::percent_of(word).map(Asked::Percentile)).ok_or_else(|| {
        let all: Vec<&str> = Op::ALL.iter().map(|op| op.name()).collect();
        format!("there is no such operation; there are {}, and percentiles from p0 to p100", all.join(", "))
    })
}

pub(crate) fn parse_method(word: &str) -> std::result::Result<QuantileMethod, String> {
    QuantileMethod::from_name(word).ok_or_else(|| {
        let all: Vec<&str> = QuantileMethod::ALL.iter().map(|m| m.name()).collect();
        format!("there is no such method; there are {}, nist, nrank, rtype8", all.join(", "))
    })
}

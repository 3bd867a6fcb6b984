//! Results of fields without a time dimension. To everything before, such a field is a series of one
//! step ([`Dim::no_time`]); here that dimension goes, so that no command has to know of it. A time
//! that such a field states becomes a scalar coordinate.

use super::schema::{Schema, VariableSpec};
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Dim, Values};
use halocline_core::{Error, Result};
use std::borrow::Cow;

/// What was left out of a schema.
#[derive(Debug, Default)]
pub(super) struct Timeless {
    /// Variables, and where the dimension stood.
    without: Vec<(String, usize)>,
}

impl Timeless {
    /// A schema as it is to be written, and what differs from what was asked for.
    pub(super) fn of(schema: &Schema) -> (Cow<'_, Schema>, Self) {
        if schema.dim(Dim::NO_TIME).is_none() && !schema.variables.iter().any(|v| Self::drops(&v.name)) {
            return (Cow::Borrowed(schema), Self::default());
        }
        let mut out = schema.clone();
        let mut left = Self::default();
        out.dims.retain(|d| d.name != Dim::NO_TIME);
        out.variables.retain(|v| !Self::drops(&v.name));
        let is_time = |v: &&VariableSpec| v.dims == [Dim::NO_TIME] && v.attributes.text("axis") == Some("T");
        let time = out.variables.iter().find(is_time);
        let time = time.map(|v| (v.name.clone(), v.attributes.text("bounds").map(str::to_owned)));
        for variable in &mut out.variables {
            without_mention(variable);
            let Some(at) = variable.dims.iter().position(|d| d == Dim::NO_TIME) else { continue };
            left.without.push((variable.name.clone(), at));
            variable.dims.remove(at);
            if let Some(chunks) = &mut variable.chunks {
                chunks.remove(at);
            }
            if variable.dims.is_empty() {
                variable.chunks = None;
            }
            let Some((time, bounds)) = &time else { continue };
            if variable.name != *time && Some(&variable.name) != bounds.as_ref() {
                let others = variable.attributes.text("coordinates").unwrap_or_default().to_owned();
                let others = others.split_whitespace().filter(|name| name != time);
                let all: Vec<&str> = std::iter::once(time.as_str()).chain(others).collect();
                variable.attributes.set("coordinates", all.join(" "));
            }
        }
        (Cow::Owned(out), left)
    }

    /// Whether a variable is not written at all: times of what has none, and their bounds.
    pub(super) fn drops(name: &str) -> bool {
        name.starts_with(Dim::NO_TIME)
    }

    /// Whether a variable lost its only dimension, so that a block of it is all of it.
    pub(super) fn is_scalar(&self, name: &str, block: &IndexBox) -> bool {
        block.ndim() == 1 && self.without.iter().any(|(n, _)| n == name)
    }

    /// A block in the dimensions that are left.
    pub(super) fn block<'a>(&self, name: &str, block: &'a IndexBox) -> Cow<'a, IndexBox> {
        let Some((_, at)) = self.without.iter().find(|(n, at)| n == name && *at < block.ndim()) else {
            return Cow::Borrowed(block);
        };
        let mut ranges = block.ranges().to_vec();
        // Whoever has no step has no cell.
        if ranges.remove(*at).is_empty() {
            ranges.iter_mut().for_each(|r| *r = 0..0);
        }
        Cow::Owned(IndexBox::new(ranges))
    }

    /// The one value of a scalar, from the rank that has it.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(super) fn value(comm: &Comm, values: &Values) -> Result<Values> {
        let own = (values.len() == 1).then(|| values.clone());
        let has: Vec<u8> = comm.all_gather_v(&[u8::from(own.is_some())]).concat();
        let from = has.iter().position(|h| *h == 1);
        let none = || Error::internal("no rank has the value of a scalar");
        let from = comm.agree(from.ok_or_else(none))?;
        comm.broadcast_value(own, from)
    }
}

/// Takes what is not there out of what a variable says of itself.
fn without_mention(variable: &mut VariableSpec) {
    let of = |name: &str| variable.attributes.text(name).map(str::to_owned);
    let (coordinates, methods) = (of("coordinates"), of("cell_methods"));
    let mut set = |name: &str, was: Option<String>, now: Vec<&str>| match was {
        Some(was) if was.contains(Dim::NO_TIME) && now.is_empty() => drop(variable.attributes.remove(name)),
        Some(was) if was.contains(Dim::NO_TIME) => variable.attributes.set(name, now.join(" ")),
        _ => {}
    };
    let kept = |text: &Option<String>| text.clone().unwrap_or_default();
    let words = kept(&coordinates);
    set(
        "coordinates",
        coordinates,
        words.split_whitespace().filter(|w| !w.starts_with(Dim::NO_TIME)).collect(),
    );
    let words = kept(&methods);
    let mut left = Vec::new();
    // A method follows the names that it is of.
    let (mut is_name, mut has_others) = (false, true);
    for word in words.split_whitespace() {
        if word.ends_with(':') {
            has_others &= is_name;
            is_name = true;
            if word.trim_end_matches(':') == Dim::NO_TIME {
                continue;
            }
            has_others = true;
        } else {
            is_name = false;
        }
        if has_others {
            left.push(word);
        }
    }
    set("cell_methods", methods, left);
}

//! The variables of a file of modes, with their values.

use halocline_algorithms::eof::MapBlock;
use halocline_core::comm::Comm;
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Values};
use halocline_core::Result;
use halocline_io::output::{Output, Pending, Schema, VariableSpec, WriteReport};
use std::path::Path;

/// Values of a variable.
#[derive(Debug)]
enum Content {
    /// All of them, on every rank.
    Whole(Values),
    /// This rank's part of maps: how many there are along the dimensions before the horizontal
    /// ones, C order.
    Maps(Vec<MapBlock>, Vec<usize>),
}

/// Variables in the order in which they are defined and written.
#[derive(Debug, Default)]
pub(crate) struct Contents(Vec<(VariableSpec, Content)>);

impl Contents {
    /// A variable that every rank has.
    pub(crate) fn whole(
        &mut self,
        name: &str,
        dims: impl IntoIterator<Item = String>,
        values: Values,
        attributes: Attributes,
    ) {
        let dims: Vec<String> = dims.into_iter().collect();
        let mut spec = VariableSpec::new(name, dims, values.dtype()).attributes(attributes);
        spec.fill = matches!(&values, Values::F64(v) if v.iter().any(|v| v.is_nan()));
        self.0.push((spec, Content::Whole(values)));
    }

    /// Maps: `leading` are name and length of the dimensions before those of `space`.
    pub(crate) fn maps(
        &mut self,
        name: &str,
        (leading, space): (&[(&str, usize)], impl Iterator<Item = String>),
        blocks: Vec<MapBlock>,
        attributes: Attributes,
    ) {
        let dims: Vec<String> = leading.iter().map(|(name, _)| (*name).to_owned()).chain(space).collect();
        let lengths = leading.iter().map(|(_, n)| *n).collect();
        let spec = VariableSpec::data(name, dims, DType::F64).attributes(attributes);
        self.0.push((spec, Content::Maps(blocks, lengths)));
    }

    /// Writes the file, with so many bytes of memory beside the values: `schema` has dimensions and
    /// coordinates, whose values are `pending`.
    ///
    /// # Collective
    /// Every rank calls this.
    pub(crate) fn write(
        self,
        comm: &Comm,
        (path, writing): (&Path, u64),
        mut schema: Schema,
        pending: &[Pending<'_>],
    ) -> Result<WriteReport> {
        let mut values = Vec::new();
        for (spec, content) in self.0 {
            values.push((spec.name.clone(), content));
            schema.add_variable(spec);
        }
        let mut output = Output::create(comm, path, &schema)?;
        output.limit_memory(usize::try_from(writing).unwrap_or(usize::MAX));
        output.write_pending(pending)?;
        for (name, content) in values {
            match content {
                Content::Whole(values) => output.write_whole(&name, &values)?,
                Content::Maps(blocks, leading) => {
                    for part in blocks {
                        let empty = part.block.is_empty();
                        let before = leading.iter().map(|&n| 0..if empty { 0 } else { n });
                        let ranges = before.chain(part.block.ranges()[1..].iter().cloned()).collect();
                        output.write_block(&name, &IndexBox::new(ranges), &Values::F64(part.values))?;
                    }
                }
            }
        }
        output.finish_with_report()
    }
}

//! The variables of a file of modes, with their values.

use halocline_algorithms::eof::MapBlock;
use halocline_core::comm::{Comm, Formula};
use halocline_core::index::IndexBox;
use halocline_core::meta::{Attributes, DType, Values};
use halocline_core::Result;
use halocline_io::output::{Output, Pending, Schema, VariableSpec, WriteFormula, WriteReport};
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

    /// Adds what ranks send for [`Self::write`]: `parts` are those of maps, by batch and rank.
    pub(crate) fn foresee(
        self,
        (mut schema, writing): (Schema, u64),
        pending: &[Pending<'_>],
        parts: &[Vec<IndexBox>],
        formula: &mut Formula,
    ) -> Result<()> {
        self.0.iter().for_each(|(spec, _)| schema.add_variable(spec.clone()));
        let writing = usize::try_from(writing).unwrap_or(usize::MAX);
        let file = WriteFormula::new(&schema)?.limit_memory(writing);
        pending.iter().try_for_each(|(name, _)| file.write_whole(name, formula))?;
        for (spec, content) in &self.0 {
            let Content::Maps(_, leading) = content else {
                file.write_whole(&spec.name, formula)?;
                continue;
            };
            for ranks in parts {
                let boxes: Vec<IndexBox> = ranks.iter().map(|part| of_maps(leading, part)).collect();
                file.write_block(&spec.name, &boxes, formula)?;
            }
        }
        Ok(())
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
                        output.write_block(
                            &name,
                            &of_maps(&leading, &part.block),
                            &Values::F64(part.values),
                        )?;
                    }
                }
            }
        }
        output.finish_with_report()
    }
}

/// Where a part of maps lies that have these dimensions before the horizontal ones.
fn of_maps(leading: &[usize], part: &IndexBox) -> IndexBox {
    let empty = part.is_empty();
    let before = leading.iter().map(|&n| 0..if empty { 0 } else { n });
    IndexBox::new(before.chain(part.ranges().iter().skip(1).cloned()).collect())
}

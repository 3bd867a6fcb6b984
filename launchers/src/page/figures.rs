//! The pictures of a page: those that `plot` would draw, as PNG in the page itself.

use crate::common::bytes_text;
use crate::plot::{base64, figure_of, render, Figure, Format, Panel};
use halocline_core::budget::MemoryBudget;
use halocline_core::meta::{Role, Variable};
use halocline_core::Result;
use halocline_io::dataset::Dataset;

/// Width and height in pixels: text can still be read when it is shown half as wide.
const SIZE: (u32, u32) = (1600, 1200);
/// Of one map, which is twice as wide as it is high.
const SIZE_OF_MAP: (u32, u32) = (1600, 960);
/// Variables of a file that are drawn without being asked for, at most.
const MOST: usize = 8;
/// What a cell of a map takes while it is drawn: value, place, colour, scratch.
const CELL_BYTES: u64 = 96;
/// What a page of pixels takes while it is drawn, with its lines, images and codes.
const PAGE_BYTES: u64 = 96 << 20;

/// What is to be drawn.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Empty: what `plot` chooses, else all.
    pub(super) variables: Vec<String>,
    pub(super) modes: Vec<u32>,
    /// Further options of `plot`.
    pub(super) options: Vec<String>,
}

/// What is drawn of a file.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) drawn: Vec<Drawn>,
    /// What was not drawn, and why.
    pub(super) notes: Vec<String>,
}

/// A picture in a page.
#[derive(Debug)]
pub(super) struct Drawn {
    pub(super) caption: String,
    /// What is to be seen, in words.
    pub(super) alt: String,
    /// PNG as base64.
    pub(super) data: String,
    pub(super) size: (u32, u32),
}

/// Draws what is asked for, or what `plot` would choose, or each variable. Not collective.
pub(super) fn draw(dataset: &Dataset, asked: &Asked, budget: &MemoryBudget) -> Figures {
    let mut work = Work { dataset, asked, done: Figures::default(), refused: Vec::new() };
    let mut names = asked.variables.clone();
    names.retain(|name| dataset.variable(name).is_ok());
    if asked.variables.is_empty() {
        let room = dataset.data_variables().try_for_each(|v| fits(&v.variable, budget));
        if room.is_ok() && work.of_file() {
            return work.finish();
        }
        let numeric = dataset.data_variables().filter(|v| v.variable.dtype.is_numeric());
        names = numeric.map(|v| v.variable.name.clone()).collect();
        if names.len() > MOST {
            work.done.notes.push(format!(
                "Of {} variables the first {MOST} are drawn; others are when they are named with --var.",
                names.len()
            ));
            names.truncate(MOST);
        }
    }
    for name in &names {
        let variable = dataset.variable(name).map(|v| v.variable.clone());
        match variable.map_err(|e| e.to_string()).and_then(|v| fits(&v, budget)) {
            Ok(()) => work.of_variable(name),
            Err(why) => work.refuse(name, &why),
        }
    }
    work.finish()
}

struct Work<'a> {
    dataset: &'a Dataset,
    asked: &'a Asked,
    done: Figures,
    /// Reasons, and the variables that are not drawn for them.
    refused: Vec<(String, Vec<String>)>,
}

impl Work<'_> {
    /// Whether `plot` draws the file without being told a variable.
    fn of_file(&mut self) -> bool {
        let modes = self.asked.modes.clone();
        let Ok(()) = self.one(None, modes[0]) else { return false };
        for mode in modes.into_iter().skip(1) {
            if let Err(e) = self.one(None, mode) {
                self.done.notes.push(format!("Mode {mode} is not drawn: {e}."));
            }
        }
        true
    }
    fn of_variable(&mut self, name: &str) {
        for mode in self.asked.modes.clone() {
            if let Err(e) = self.one(Some(name), mode) {
                let why = e.to_string();
                self.refuse(name, why.strip_prefix(&format!("variable `{name}`: ")).unwrap_or(&why));
            }
        }
    }
    fn one(&mut self, name: Option<&str>, mode: u32) -> Result<()> {
        let mut options = self.asked.options.clone();
        options.push(format!("--mode={mode}"));
        options.extend(name.map(|name| format!("--var={name}")));
        let figure = figure_of(self.dataset, &options)?;
        let mut picture = drawn(&figure)?;
        if let Some(name) = name {
            // Mean and maximum of a variable have its words.
            picture.caption = format!("{} ({name})", picture.caption);
        }
        // Without modes a variable looks the same in all of them.
        if self.done.drawn.iter().all(|other| other.data != picture.data) {
            self.done.drawn.push(picture);
        }
        Ok(())
    }
    fn refuse(&mut self, name: &str, why: &str) {
        let name = name.to_owned();
        match self.refused.iter_mut().find(|(reason, _)| reason == why) {
            Some((_, names)) if !names.contains(&name) => names.push(name),
            Some(_) => {}
            None => self.refused.push((why.to_owned(), vec![name])),
        }
    }
    fn finish(mut self) -> Figures {
        let notes = self.refused.into_iter();
        self.done.notes.extend(notes.map(|(why, names)| format!("Not drawn: {} – {why}.", names.join(", "))));
        self.done
    }
}

fn drawn(figure: &Figure) -> Result<Drawn> {
    let size = if matches!(figure.panels.as_slice(), [Panel::Map(_)]) { SIZE_OF_MAP } else { SIZE };
    let png = render(figure, Format::Png, size)?;
    let parts = [&figure.title, &figure.subtitle];
    let mut caption: Vec<&str> = parts.into_iter().filter(|t| !t.is_empty()).map(String::as_str).collect();
    if let [one] = figure.panels.as_slice() {
        caption.push(one.title());
    }
    caption.dedup();
    caption.retain(|t| !t.is_empty());
    Ok(Drawn { caption: caption.join(" — "), alt: figure.in_words(), data: base64(&png), size })
}

/// Why a picture of a variable would take more memory than there is to be.
fn fits(variable: &Variable, budget: &MemoryBudget) -> std::result::Result<(), String> {
    let is_space = |role: Role| matches!(role, Role::Y | Role::X);
    // One map of a field; all of what has no map.
    let is_map = variable.dims.iter().any(|d| is_space(d.role));
    let kept = variable.dims.iter().filter(|d| !is_map || is_space(d.role));
    let cells = kept.fold(1u64, |n, d| n.saturating_mul(d.len as u64));
    let needed = cells.saturating_mul(CELL_BYTES).saturating_add(PAGE_BYTES);
    let room = budget.bytes.saturating_sub(budget.base());
    if needed <= room {
        return Ok(());
    }
    Err(format!(
        "its picture needs about {} of memory, and {} are left of {} ({})",
        bytes_text(needed),
        bytes_text(room),
        bytes_text(budget.bytes),
        budget.origin
    ))
}

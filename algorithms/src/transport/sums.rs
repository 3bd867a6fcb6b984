//! Sums along lines: of one map, and over time at every face.

use super::faces::{Crossing, Faces, MapValues, Thickness};
use super::row::Row;
use halocline_core::engine::Numbers;

/// Numbers side by side in sums; their order, and so the result, never depends on the machine.
pub(super) const LANES: usize = 8;
/// Sums of a tracer: the flux where it is there, the area, the tracer over it, and what is carried.
pub const OF_TRACER: usize = 4;
/// Sums over time of a face and tracer: flux, area, tracer times area, what is carried.
const OF_FACE: usize = 4;
/// Sums of a line of means: those of [`OF_TRACER`] of time means, and what departures carry.
pub const OF_MEANS: usize = 5;

/// How many sums a line has before those of tracers: the flux, and how many faces are open.
pub const OF_FLOW: usize = 2;

/// How many sums a line has: those of the flow, then those of each tracer.
pub const fn width(tracers: usize) -> usize {
    OF_FLOW + OF_TRACER * tracers
}

/// Sums of a line through faces that are selected: `out[0]` = Σ v A, `out[1]` the number of faces that
/// are open; of each tracer T that is there Σ v A, Σ A, Σ T A, Σ v T A.
pub fn along_line(crossing: &Crossing, selected: Option<&[bool]>, out: &mut [f64]) {
    let mut lanes = [[0.0; LANES]; OF_FLOW];
    let n = crossing.velocity.len();
    let is_in = |k: usize| selected.is_none_or(|all| all[k]);
    for k in 0..n {
        let area = if is_in(k) { crossing.area[k] } else { 0.0 };
        lanes[0][k % LANES] += crossing.velocity[k] * area;
        lanes[1][k % LANES] += if area > 0.0 { 1.0 } else { 0.0 };
    }
    out.iter_mut().zip(&lanes).for_each(|(out, lanes)| *out = total(lanes));
    for (tracer, out) in crossing.tracers.iter().zip(out[OF_FLOW..].chunks_exact_mut(OF_TRACER)) {
        let mut sums = [[0.0; LANES]; OF_TRACER];
        let mut add = |lane: usize, velocity: f64, area: f64, tracer: f64| {
            let there = !tracer.is_nan();
            let (area, tracer) = (if there { area } else { 0.0 }, if there { tracer } else { 0.0 });
            let flux = velocity * area;
            sums[0][lane] += flux;
            sums[1][lane] += area;
            sums[2][lane] += tracer * area;
            sums[3][lane] += flux * tracer;
        };
        if selected.is_none() {
            let all = crossing.velocity.chunks_exact(LANES).zip(crossing.area.chunks_exact(LANES));
            for ((velocity, area), tracer) in all.zip(tracer.chunks_exact(LANES)) {
                for lane in 0..LANES {
                    add(lane, velocity[lane], area[lane], tracer[lane]);
                }
            }
            for (k, value) in tracer.iter().enumerate().skip(n / LANES * LANES) {
                add(k % LANES, crossing.velocity[k], crossing.area[k], *value);
            }
        } else {
            for k in (0..n).filter(|k| is_in(*k)) {
                add(k % LANES, crossing.velocity[k], crossing.area[k], tracer[k]);
            }
        }
        out.iter_mut().zip(&sums).for_each(|(out, lanes)| *out = total(lanes));
    }
}

pub(super) fn total(lanes: &[f64; LANES]) -> f64 {
    lanes.iter().sum()
}

/// Sums of all lines of a map, of all faces and then of each selection: `[lines][1 + selections][width]`.
pub fn of_map(faces: &Faces, map: &MapValues<'_>, selections: &[Vec<bool>], out: &mut [f64]) {
    let width = width(map.tracers.len());
    let mut crossing = Crossing::default();
    for (line, out) in out.chunks_exact_mut(width * (1 + selections.len())).enumerate() {
        of_line((faces, line), map, selections, &mut crossing, out);
    }
}

/// [`of_map`] of one line: `[1 + selections][width]`. `crossing` is room that is used again.
pub fn of_line(
    (faces, line): (&Faces, usize),
    map: &MapValues<'_>,
    selections: &[Vec<bool>],
    crossing: &mut Crossing,
    out: &mut [f64],
) {
    if selections.is_empty() && at_once((faces, line), map, out) {
        return;
    }
    faces.cross(line, map, crossing);
    let range = faces.of_line(line);
    let mut parts = out.chunks_exact_mut(width(map.tracers.len()));
    if let Some(out) = parts.next() {
        along_line(crossing, None, out);
    }
    for (selected, out) in selections.iter().zip(parts) {
        along_line(crossing, Some(&selected[range.clone()]), out);
    }
}

/// Sums all faces of a row of points that need nothing but their own values; whether it is one.
fn at_once((faces, line): (&Faces, usize), map: &MapValues<'_>, out: &mut [f64]) -> bool {
    let (Thickness::Layer(layer), Numbers::F32(velocity), None) = (map.thickness, map.v, map.masks[0]) else {
        return false;
    };
    let Some(lengths) = faces.own_row(line, map.tracers.len()) else { return false };
    let range = faces.of_line(line);
    let (velocity, zero_is_land) = (&velocity[range.clone()], map.zero_is_land);
    match *map.tracers {
        [] => Row { velocity, tracers: [], lengths, layer, zero_is_land }.sum(out),
        [Numbers::F32(tracer)] => {
            Row { velocity, tracers: [&tracer[range]], lengths, layer, zero_is_land }.sum(out);
        }
        _ => return false,
    }
    true
}

/// What is summed over time at the faces of one level, step after step, of each tracer.
#[derive(Debug, Clone)]
pub struct FaceMeans {
    tracers: usize,
    sums: Vec<f64>,
}

impl FaceMeans {
    /// Of no step.
    pub fn new(faces: &Faces, tracers: usize) -> Self {
        Self { tracers, sums: vec![0.0; Self::values(faces, tracers)] }
    }
    fn values(faces: &Faces, tracers: usize) -> usize {
        faces.count() * tracers * OF_FACE
    }
    /// Bytes of a level.
    pub fn bytes(faces: &Faces, tracers: usize) -> u64 {
        8 * Self::values(faces, tracers) as u64
    }
    /// Adds a step.
    pub fn add(&mut self, faces: &Faces, map: &MapValues<'_>) {
        let mut crossing = Crossing::default();
        let each = self.tracers * OF_FACE;
        for line in 0..faces.len() {
            faces.cross(line, map, &mut crossing);
            let range = faces.of_line(line);
            let sums = self.sums[range.start * each..range.end * each].chunks_exact_mut(each);
            for (k, sums) in sums.enumerate() {
                for (tracer, sum) in crossing.tracers.iter().zip(sums.chunks_exact_mut(OF_FACE)) {
                    let tracer = tracer[k];
                    if !tracer.is_nan() {
                        let area = crossing.area[k];
                        let flux = crossing.velocity[k] * area;
                        sum[0] += flux;
                        sum[1] += area;
                        sum[2] += tracer * area;
                        sum[3] += flux * tracer;
                    }
                }
            }
        }
    }
    /// Sums along a line over all steps: of each tracer the flux F, the area A, T A, F T, and
    /// ∑ v T A - F T, with T the mean weighted by area: `[tracers][`[`OF_MEANS`]`]`. Divided by the
    /// number of steps they are those of means.
    pub fn along(&self, faces: &Faces, line: usize, selected: Option<&[bool]>) -> Vec<f64> {
        let each = self.tracers * OF_FACE;
        let mut out = vec![0.0; self.tracers * OF_MEANS];
        for face in faces.of_line(line) {
            if selected.is_some_and(|all| !all[face]) {
                continue;
            }
            let sums = self.sums[face * each..(face + 1) * each].chunks_exact(OF_FACE);
            for (sum, out) in sums.zip(out.chunks_exact_mut(OF_MEANS)) {
                if sum[1] > 0.0 {
                    let (flux, area, tracer) = (sum[0], sum[1], sum[2] / sum[1]);
                    out[0] += flux;
                    out[1] += area;
                    out[2] += tracer * area;
                    out[3] += flux * tracer;
                    out[4] += sum[3] - flux * tracer;
                }
            }
        }
        out
    }
}

//! What crosses faces: velocity, area and tracers of a row of points, or of faces one by one.

use super::faces::{Crossing, Face, MapValues, Other, Rows, Stagger, Thickness};
use halocline_core::engine::Numbers;
use std::ops::Range;

#[inline]
fn at(values: Numbers<'_>, k: usize) -> f64 {
    match values {
        Numbers::F32(v) => f64::from(v[k]),
        Numbers::F64(v) => v[k],
    }
}

fn copy(values: Numbers<'_>, range: Range<usize>, out: &mut Vec<f64>) {
    out.clear();
    match values {
        Numbers::F32(v) => out.extend(v[range].iter().map(|&x| f64::from(x))),
        Numbers::F64(v) => out.extend_from_slice(&v[range]),
    }
}

/// The mean of two, or the one that is there.
#[inline]
fn between(a: f64, b: f64) -> f64 {
    let mean = 0.5 * (a + b);
    let one = if a.is_nan() { b } else { a };
    if mean.is_nan() {
        one
    } else {
        mean
    }
}

/// The lower of two cells; 0 where one is missing.
#[inline]
fn lower(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        0.0
    } else {
        a.min(b)
    }
}

/// Of row `j` of so many columns.
pub(super) fn cross_row(rows: &Rows, (j, columns): (usize, usize), map: &MapValues<'_>, out: &mut Crossing) {
    let own = j * columns..(j + 1) * columns;
    let lengths = &rows.lengths[own.clone()];
    let start = own.start;
    let other = |i: usize| match &rows.others[j] {
        Other::Own => start + i,
        Other::Row(start) => start + i,
        Other::Cells(cells) => cells[i] as usize,
    };
    copy(map.v, own.clone(), &mut out.velocity);
    if let Some(mask) = map.masks[0] {
        let closed = out.velocity.iter_mut().zip(&mask[own.clone()]).filter(|(_, open)| **open == 0);
        closed.for_each(|(velocity, _)| *velocity = f64::NAN);
    }
    match map.thickness {
        Thickness::Layer(dz) => {
            out.area.clear();
            out.area.extend(lengths.iter().map(|length| length * dz));
        }
        Thickness::Points(v, _) => {
            copy(v, own.clone(), &mut out.area);
            out.area.iter_mut().zip(lengths).for_each(|(area, length)| *area *= length);
        }
        Thickness::Cells(cells) => {
            copy(cells, own.clone(), &mut out.area);
            for (i, (area, length)) in out.area.iter_mut().zip(lengths).enumerate() {
                *area = lower(*area, at(cells, other(i))) * length;
            }
        }
    }
    for (tracer, values) in out.tracers.iter_mut().zip(map.tracers) {
        copy(*values, own.clone(), tracer);
        if rows.stagger != Stagger::Same {
            for (i, tracer) in tracer.iter_mut().enumerate() {
                let (a, b) = (*tracer, at(*values, other(i)));
                *tracer = between(a, b);
                if map.zero_is_land && out.velocity[i] == 0.0 && (a == 0.0 || b == 0.0) {
                    *tracer = f64::NAN;
                }
            }
        } else if map.zero_is_land {
            for (tracer, velocity) in tracer.iter_mut().zip(&out.velocity) {
                if *velocity == 0.0 && *tracer == 0.0 {
                    *tracer = f64::NAN;
                }
            }
        }
    }
}

/// The velocity through a face, against its sign where that is -1; NaN where it is closed. In the middle
/// of cells it is the mean of both: beside land nothing crosses, as that is a coast.
fn velocity(face: &Face, map: &MapValues<'_>) -> f64 {
    let values = if face.is_u { map.u } else { Some(map.v) };
    let Some(values) = values else { return f64::NAN };
    let mask = map.masks[usize::from(face.is_u)];
    let of = |side: usize| {
        let k = face.points[side] as usize;
        let value = if mask.is_none_or(|mask| mask[k] != 0) { at(values, k) } else { f64::NAN };
        if face.turned[side] {
            -value
        } else {
            value
        }
    };
    if face.points[0] == face.points[1] {
        return of(0);
    }
    // Land that is written as 0 has no flow in either direction, or no tracer.
    let is_land = |side: usize| {
        let k = face.points[side] as usize;
        let zero = |values: Numbers<'_>| at(values, k) == 0.0;
        let others = if face.is_u { Some(map.v) } else { map.u };
        map.zero_is_land && zero(values) && (others.is_some_and(zero) || map.tracers.iter().any(|t| zero(*t)))
    };
    if is_land(0) || is_land(1) {
        return f64::NAN;
    }
    0.5 * (of(0) + of(1))
}

/// Of faces one by one.
pub(super) fn cross_faces(faces: &[Face], map: &MapValues<'_>, out: &mut Crossing) {
    out.velocity.clear();
    out.area.clear();
    out.tracers.iter_mut().for_each(Vec::clear);
    for face in faces {
        let velocity = velocity(face, map);
        out.velocity.push(face.sign * velocity);
        let height = match map.thickness {
            Thickness::Layer(dz) => dz,
            Thickness::Cells(cells) => {
                let [a, b] = face.cells.map(|k| at(cells, k as usize));
                lower(a, b)
            }
            Thickness::Points(v, u) => {
                // That of v is none of u: without one the face is closed, as without a velocity.
                let of = if face.is_u { u } else { Some(v) };
                let [a, b] = face.points.map(|k| of.map_or(f64::NAN, |of| at(of, k as usize)));
                lower(a, b)
            }
        };
        out.area.push(height * face.length);
        for (tracer, values) in out.tracers.iter_mut().zip(map.tracers) {
            let [a, b] = face.cells.map(|k| at(*values, k as usize));
            let land = map.zero_is_land && velocity == 0.0 && (a == 0.0 || b == 0.0);
            tracer.push(if land { f64::NAN } else { between(a, b) });
        }
    }
}

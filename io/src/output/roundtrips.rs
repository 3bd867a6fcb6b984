//! All types, shapes, compressions and ways to cut blocks, read back through the library.

use super::*;
use halocline_core::comm::run_threads;
use halocline_core::meta::DType;
use netcdf::NcTypeDescriptor;

/// Numbers that fit each type that holds them.
fn number(k: usize) -> i64 {
    (k * k % 113) as i64
}

fn values(dtype: DType, cells: &[usize]) -> Values {
    let whole = cells.iter().map(|&k| number(k));
    match dtype {
        DType::F32 => Values::F32(whole.map(|x| x as f32 / 3.0).collect()),
        DType::F64 => Values::F64(whole.map(|x| x as f64 / 3.0).collect()),
        DType::U32 | DType::I64 | DType::U64 => Values::I64(whole.collect()),
        _ => Values::I32(whole.map(|x| x as i32).collect()),
    }
}

fn numbers_of(block: &IndexBox, shape: &[usize]) -> Vec<usize> {
    let mut all = Vec::new();
    IndexBox::whole(shape).for_each_run(block, |at, _, n| all.extend(at..at + n));
    all
}

fn read<T: NcTypeDescriptor + Copy>(file: &netcdf::File, name: &str) -> Vec<T> {
    file.variable(name).unwrap().get_values(..).unwrap()
}

const TYPES: [DType; 10] = [
    DType::I8,
    DType::U8,
    DType::I16,
    DType::U16,
    DType::I32,
    DType::U32,
    DType::I64,
    DType::U64,
    DType::F32,
    DType::F64,
];

/// Writes `a` in slabs of `step` along dimension `along`, each cut over ranks along `split`.
fn write(
    comm: &Comm,
    path: &Path,
    spec: &VariableSpec,
    shape: &[usize],
    (along, step, split): (usize, usize, usize),
    unlimited: bool,
) -> Result<WriteReport> {
    let mut schema = Schema::new();
    for (d, &len) in shape.iter().enumerate() {
        schema.dims.push(OutDim { name: format!("d{d}"), len, unlimited: unlimited && d == 0 });
    }
    schema.add_variable(spec.clone());
    let mut output = Output::create(comm, path, &schema)?;
    output.limit_memory(4000);
    for first in (0..shape[along]).step_by(step) {
        let slab = IndexBox::whole(shape).with_range(along, first..(first + step).min(shape[along]));
        let whole = slab.range(split);
        let cut = |rank| whole.start + whole.len() * rank / comm.size();
        let block = slab.with_range(split, cut(comm.rank())..cut(comm.rank() + 1));
        output.write_block("a", &block, &values(spec.dtype, &numbers_of(&block, shape)))?;
    }
    output.finish_with_report()
}

#[test]
fn all_types_shapes_and_cuts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nc");
    let cases: [(&[usize], Option<&[usize]>); 6] = [
        (&[5, 7, 11], Some(&[2, 3, 4])),
        (&[5, 7, 11], Some(&[1, 7, 11])),
        (&[5, 7, 11], None),
        (&[23], Some(&[4])),
        (&[3, 2, 4, 5], Some(&[3, 1, 3, 5])),
        (&[40, 6], Some(&[16, 6])),
    ];
    let compressions = [
        Compression::Deflate(1),
        Compression::Deflate(6),
        Compression::None,
        Compression::Zstd(-3),
        Compression::Zstd(3),
    ];
    for (n, (shape, chunks)) in cases.into_iter().enumerate() {
        for (m, compression) in compressions.into_iter().enumerate() {
            for (k, dtype) in TYPES.into_iter().enumerate() {
                let last = shape.len() - 1;
                // Not every combination, but each pair of them.
                let (ranks, along, split) =
                    (1 + (n + m + k) % 4, (k + m) % shape.len(), last - n % shape.len());
                let mut spec = VariableSpec::new("a", (0..=last).map(|d| format!("d{d}")), dtype);
                spec.chunks = chunks.map(<[usize]>::to_vec);
                spec.compression = compression;
                let step = 1 + (n + k) % 4;
                let unlimited = (n + m) % 2 == 0;
                for result in run_threads(ranks, |comm| {
                    write(comm, &path, &spec, shape, (along, step, split), unlimited)
                }) {
                    let report = result.unwrap();
                    let cells: usize = shape.iter().product();
                    assert_eq!(report.bytes_values, (cells * dtype.size()) as u64);
                    assert_eq!(report.bytes_file, std::fs::metadata(&path).unwrap().len());
                    assert!(report.chunks > 0 && report.bytes_stored > 0);
                }
                let file = netcdf::open(&path).unwrap();
                let expected: Vec<i64> = (0..shape.iter().product()).map(number).collect();
                let what =
                    format!("{shape:?} {chunks:?} {compression} {dtype:?} {ranks} {along} {split} {step}");
                match dtype {
                    DType::F32 => {
                        let thirds: Vec<f32> = expected.iter().map(|&x| x as f32 / 3.0).collect();
                        assert_eq!(read::<f32>(&file, "a"), thirds, "{what}");
                    }
                    DType::F64 => {
                        let thirds: Vec<f64> = expected.iter().map(|&x| x as f64 / 3.0).collect();
                        assert_eq!(read::<f64>(&file, "a"), thirds, "{what}");
                    }
                    _ => assert_eq!(read::<i64>(&file, "a"), expected, "{what}"),
                }
                assert_eq!(file.dimension("d0").unwrap().is_unlimited(), unlimited);
                assert_eq!(file.dimension("d0").unwrap().len(), shape[0]);
                drop(file);
                assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
            }
        }
    }
}

#[test]
fn what_is_not_written_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    for unlimited in [false, true] {
        for compression in [Compression::Deflate(1), Compression::None] {
            let path = dir.path().join("m.nc");
            for result in run_threads(2, |comm| {
                let mut schema = Schema::new();
                schema.dims.push(OutDim { name: "t".into(), len: 6, unlimited });
                schema.add_dim("x", 5)?;
                let spec = VariableSpec::data("a", ["t", "x"], DType::F32).compression(compression);
                schema.add_variable(spec.chunks([2, 3]));
                let mut output = Output::create(comm, &path, &schema)?;
                let block = if comm.is_root() { vec![0..1, 1..3] } else { vec![3..4, 4..5] };
                let block = IndexBox::new(block);
                output.write_block("a", &block, &Values::F32(vec![1.0; block.len()]))?;
                output.finish()
            }) {
                result.unwrap();
            }
            let file = netcdf::open(&path).unwrap();
            let mut expected = vec![cells::FILL_F32; 30];
            for k in [1, 2, 19] {
                expected[k] = 1.0;
            }
            assert_eq!(read::<f32>(&file, "a"), expected, "{unlimited} {compression}");
            assert_eq!(file.dimension("t").unwrap().len(), 6);
        }
    }
}

#[test]
fn names_and_scales_stay_as_the_library_made_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("n.nc");
    let comm = Comm::serial();
    let mut schema = Schema::new();
    schema.dims.push(OutDim { name: "time".into(), len: 3, unlimited: true });
    schema.add_dim("lat", 2).unwrap();
    // A variable named like a dimension that is not its own.
    schema.add_variable(VariableSpec::data("lat", ["time"], DType::F64));
    schema.add_variable(VariableSpec::new("time", ["time"], DType::F64));
    schema.add_variable(VariableSpec::data("größe", ["time", "lat"], DType::F64));
    schema.add_variable(VariableSpec::new("n", [""; 0], DType::I16));
    let mut output = Output::create(&comm, &path, &schema).unwrap();
    output.write_whole("lat", &Values::F64(vec![7.0, 8.0, 9.0])).unwrap();
    output.write_whole("time", &Values::F64(vec![1.0, 2.0, 3.0])).unwrap();
    output.write_whole("größe", &Values::F64((0..6).map(f64::from).collect())).unwrap();
    output.write_whole("n", &Values::I32(vec![-5])).unwrap();
    output.finish().unwrap();
    let file = netcdf::open(&path).unwrap();
    assert_eq!(read::<f64>(&file, "lat"), [7.0, 8.0, 9.0]);
    assert_eq!(read::<f64>(&file, "time"), [1.0, 2.0, 3.0]);
    assert_eq!(read::<f64>(&file, "größe"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(file.variable("n").unwrap().get_value::<i16, _>(()).unwrap(), -5);
    let dims = file.variable("größe").unwrap();
    let dims: Vec<String> = dims.dimensions().iter().map(netcdf::Dimension::name).collect();
    assert_eq!(dims, ["time", "lat"]);
}

#[test]
fn levels_and_chunks_that_there_are_not_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.nc");
    let mut schema = Schema::new();
    schema.dims.push(OutDim { name: "t".into(), len: 1, unlimited: true });
    for spec in [
        VariableSpec::data("a", ["t"], DType::F64).compression(Compression::Deflate(0)),
        VariableSpec::data("a", ["t"], DType::F64).compression(Compression::Zstd(40)),
        VariableSpec::data("a", ["t"], DType::F64).chunks([1 << 30]),
    ] {
        schema.variables = vec![spec];
        let error = Output::create(&Comm::serial(), &path, &schema).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(error.variable.is_some() && error.remedy.is_some());
    }
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none());
}

/// Writes `a`, of which some cells are missing, in slabs of `step` along the first dimension, which
/// are copied or handed over; gives the bytes of the file.
fn slabs(path: &Path, spec: &VariableSpec, shape: &[usize], step: usize, over: bool) -> Vec<u8> {
    let mut schema = Schema::new();
    for (d, &len) in shape.iter().enumerate() {
        schema.dims.push(OutDim { name: format!("d{d}"), len, unlimited: d == 0 });
    }
    schema.add_variable(spec.clone());
    let cell = |k: usize| if k % 7 == 3 { f64::NAN } else { number(k) as f64 / 3.0 };
    for result in run_threads(1, |comm| {
        let mut output = Output::create(comm, path, &schema)?;
        let mut spare = None;
        for first in (0..shape[0]).step_by(step) {
            let block = IndexBox::whole(shape).with_range(0, first..(first + step).min(shape[0]));
            let cells = numbers_of(&block, shape).into_iter().map(cell);
            let values = match (spec.dtype, spare.take()) {
                (DType::F32, Some(Values::F32(mut old))) => {
                    old.clear();
                    old.extend(cells.map(|x| x as f32));
                    Values::F32(old)
                }
                (DType::F32, _) => Values::F32(cells.map(|x| x as f32).collect()),
                _ => Values::F64(cells.collect()),
            };
            if over {
                spare = output.hand_over("a", &block, values)?;
            } else {
                output.write_block("a", &block, &values)?;
            }
        }
        output.finish_with_report()
    }) {
        assert_eq!(
            result.unwrap().bytes_values,
            (shape.iter().product::<usize>() * spec.dtype.size()) as u64
        );
    }
    std::fs::read(path).unwrap()
}

#[test]
fn handed_over_or_copied_the_file_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nc");
    let cases: [(&[usize], &[usize]); 5] = [
        (&[9, 4, 6], &[1, 4, 6]),
        (&[9, 4, 6], &[2, 4, 6]),
        (&[9, 4, 6], &[1, 3, 6]),
        (&[9, 4, 6], &[1, 2, 6]),
        (&[9], &[2]),
    ];
    for (shape, chunks) in cases {
        for (dtype, fill) in [(DType::F32, true), (DType::F64, true), (DType::F64, false)] {
            for compression in [Compression::None, Compression::Deflate(1)] {
                let mut spec = VariableSpec::new("a", (0..shape.len()).map(|d| format!("d{d}")), dtype);
                spec.chunks = Some(chunks.to_vec());
                spec.compression = compression;
                spec.fill = fill;
                for step in [1, 2, 3, 9] {
                    let copied = slabs(&path, &spec, shape, step, false);
                    assert!(copied == slabs(&path, &spec, shape, step, true), "{shape:?} {chunks:?} {step}");
                }
            }
        }
    }
}

#[test]
fn cells_handed_over_twice_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut schema = Schema::new();
    schema.add_dim("x", 4).unwrap();
    schema.add_variable(VariableSpec::new("a", ["x"], DType::F64));
    run_threads(1, |comm| {
        let mut output = Output::create(comm, &dir.path().join("a.nc"), &schema).unwrap();
        let block = IndexBox::whole(&[4]);
        output.hand_over("a", &block, Values::F64(vec![1.0; 4])).unwrap();
        let twice = output.hand_over("a", &block, Values::F64(vec![1.0; 4])).unwrap_err();
        assert!(twice.to_string().contains("written twice"), "{twice}");
        assert!(output.hand_over("a", &block, Values::F64(vec![1.0; 3])).is_err());
        assert!(output.hand_over("b", &block, Values::F64(vec![1.0; 4])).is_err());
    });
}

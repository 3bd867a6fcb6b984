//! What is written comes back, whoever wrote it; what fails leaves nothing behind.

use super::ffi::NcChar;
use super::*;
use halocline_core::comm::run_threads;
use halocline_core::meta::{AttributeValue, Attributes, Coordinate, DType, Dim, Role, Variable};
use halocline_core::ErrorKind;
use std::path::PathBuf;
use tempfile::TempDir;

const SHAPE: [usize; 3] = [7, 11, 13];

fn value(t: usize, y: usize, x: usize) -> f64 {
    match (t + y + x) % 17 {
        3 => f64::NAN,
        _ => ((t * 100 + y) * 100 + x) as f64 / 7.0,
    }
}

/// The cells of `block`, C order.
fn cells(block: &IndexBox) -> Vec<f64> {
    let mut cells = Vec::new();
    for t in block.range(0) {
        for y in block.range(1) {
            cells.extend(block.range(2).map(|x| value(t, y, x)));
        }
    }
    cells
}

fn schema() -> Schema {
    let mut schema = Schema::new();
    for (name, len) in ["time", "lat", "lon"].iter().zip(SHAPE) {
        schema.add_dim(name, len).unwrap();
    }
    schema.attributes.set("Conventions", "CF-1.8");
    schema.add_variable(VariableSpec::new("time", ["time"], DType::I64));
    let mut data = VariableSpec::data("a", ["time", "lat", "lon"], DType::F64);
    data.chunks = Some(vec![2, 5, 13]);
    data.attributes = Attributes::new().with("units", "K").with("number", 3_i64);
    schema.add_variable(data);
    schema.add_variable(VariableSpec::data("b", ["time", "lat", "lon"], DType::F32));
    schema
}

/// Part `rank` of `ranks` of `0..len`, uneven; with many ranks some are empty.
fn share(len: usize, rank: usize, ranks: usize) -> std::ops::Range<usize> {
    len * rank * rank / (ranks * ranks)..len * (rank + 1) * (rank + 1) / (ranks * ranks)
}

fn write(comm: &Comm, path: &Path, split: usize) -> Result<()> {
    let mut output = Output::create(comm, path, &schema())?;
    output.limits.buffer = 3000;
    output.write_whole("time", &Values::I64((0..7).map(|t| t * t).collect()))?;
    let block = IndexBox::whole(&SHAPE).with_range(split, share(SHAPE[split], comm.rank(), comm.size()));
    let own = cells(&block);
    output.write_block("b", &block, &Values::F32(own.iter().map(|&x| x as f32).collect()))?;
    output.write_block("a", &block, &Values::F64(own))?;
    output.finish()
}

fn names(dir: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(dir.path()).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn any_ranks_write_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let serial = dir.path().join("serial.nc");
    write(&Comm::serial(), &serial, 0).unwrap();
    let bytes = std::fs::read(&serial).unwrap();

    let file = netcdf::open(&serial).unwrap();
    let a = file.variable("a").unwrap();
    let filled = |x: f64| if x.is_nan() { cells::FILL_F64 } else { x };
    let expected: Vec<f64> = cells(&IndexBox::whole(&SHAPE)).into_iter().map(filled).collect();
    assert_eq!(a.get_values::<f64, _>(..).unwrap(), expected);
    assert_eq!(a.fill_value::<f64>().unwrap(), Some(cells::FILL_F64));
    assert_eq!(a.chunking().unwrap(), Some(vec![2, 5, 13]));
    let b: Vec<f32> = file.variable("b").unwrap().get_values(..).unwrap();
    assert!(b.iter().zip(&expected).all(|(&b, &a)| b == a as f32));
    assert_eq!(a.attribute_value("number").unwrap().unwrap(), netcdf::AttributeValue::Int(3));
    let time = file.variable("time").unwrap();
    assert_eq!(time.get_values::<i64, _>(..).unwrap(), [0, 1, 4, 9, 16, 25, 36]);
    assert!(time.attribute("_FillValue").is_none());
    drop(file);

    for ranks in 1..=5 {
        for split in 0..3 {
            let path = dir.path().join("threads.nc");
            for result in run_threads(ranks, |comm| write(comm, &path, split)) {
                result.unwrap();
            }
            // One writer: not only the data, the whole file is the same.
            assert!(std::fs::read(&path).unwrap() == bytes, "{ranks} ranks, dimension {split}");
        }
    }
    assert_eq!(names(&dir), ["serial.nc", "threads.nc"]);
}

#[test]
fn unlimited_dimensions_grow_in_several_calls() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("u.nc");
    let mut schema = Schema::new();
    schema.dims.push(OutDim { name: "time".into(), len: 5, unlimited: true });
    schema.add_dim("x", 6).unwrap();
    schema.add_variable(VariableSpec::data("a", ["time", "x"], DType::F32));
    for result in run_threads(3, |comm| {
        let mut output = Output::create(comm, &path, &schema)?;
        for t in [0..2, 2..2, 2..5] {
            let n = t.len();
            let block = IndexBox::new(vec![t, 2 * comm.rank()..2 * comm.rank() + 2]);
            let values = Values::F32(vec![comm.rank() as f32; 2 * n]);
            output.write_block("a", &block, &values)?;
        }
        output.finish()
    }) {
        result.unwrap();
    }
    let file = netcdf::open(&path).unwrap();
    assert!(file.dimension("time").unwrap().is_unlimited());
    let a: Vec<f32> = file.variable("a").unwrap().get_values(..).unwrap();
    assert_eq!(a, [0.0, 0.0, 1.0, 1.0, 2.0, 2.0].repeat(5));
}

#[test]
fn coordinates_text_and_scalars() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.nc");
    let coordinate = |name: &str, dims: Vec<Dim>, values: Values| Coordinate {
        variable: Variable {
            name: name.into(),
            dims,
            dtype: values.dtype(),
            attributes: Attributes::new().with("long_name", name),
        },
        values,
        bounds: None,
    };
    let region = vec![Dim::new("region", 2, Role::Other)];
    let text = coordinate("basin", region, Values::Text(vec!["Atlantic".into(), "Südsee".into()]));
    let mapping = coordinate("mapping", vec![], Values::Text(vec![String::new()]));
    let level = coordinate("depth", vec![], Values::F64(vec![5.5]));
    for result in run_threads(3, |comm| {
        let mut schema = Schema::new();
        let mut pending = schema.add_coordinate(&text)?;
        pending.extend(schema.add_coordinate(&level)?);
        pending.extend(schema.add_coordinate(&mapping)?);
        let crs = VariableSpec::new("crs", [""; 0], DType::I32)
            .attributes(Attributes::new().with("earth_radius", 6_371_229.0));
        schema.add_variable(crs);
        schema.attributes.set("many", AttributeValue::Integers(vec![1, 1 << 40]));
        schema.attributes.set("singles", AttributeValue::Singles(vec![1.5, 2.5]));
        let mut output = Output::create(comm, &path, &schema)?;
        output.write_pending(&pending)?;
        output.write_whole("crs", &Values::I32(vec![0]))?;
        output.finish()
    }) {
        result.unwrap();
    }
    let file = netcdf::open(&path).unwrap();
    let bytes = file.variable("basin").unwrap().get_values::<NcChar, _>(..).unwrap();
    let bytes: Vec<u8> = bytes.iter().map(|c| c.0).collect();
    assert_eq!(String::from_utf8(bytes).unwrap(), "AtlanticSüdsee\0");
    let mapping = file.variable("mapping").unwrap();
    assert!(mapping.dimensions().is_empty());
    assert_eq!(mapping.get_value::<NcChar, _>(()).unwrap(), NcChar(0));
    assert_eq!(file.variable("depth").unwrap().get_value::<f64, _>(()).unwrap(), 5.5);
    let many = file.attribute("many").unwrap().value().unwrap();
    assert_eq!(many, netcdf::AttributeValue::Longlongs(vec![1, 1 << 40]));
    let singles = file.attribute("singles").unwrap().value().unwrap();
    assert_eq!(singles, netcdf::AttributeValue::Floats(vec![1.5, 2.5]));
    let name = file.variable("crs").unwrap().attribute_value("long_name");
    assert!(name.is_none());
}

#[test]
fn without_finish_the_target_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("old.nc");
    std::fs::write(&path, "old").unwrap();
    run_threads(2, |comm| {
        let mut output = Output::create(comm, &path, &schema()).unwrap();
        output.write_whole("time", &Values::I64(vec![0; 7])).unwrap();
        assert_eq!(names(&dir).len(), 2);
        comm.barrier();
    });
    assert_eq!(names(&dir), ["old.nc"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    // And once more to the end, through a link: the file is replaced, not the link.
    let link = dir.path().join("link.nc");
    std::os::unix::fs::symlink("old.nc", &link).unwrap();
    write(&Comm::serial(), &link, 0).unwrap();
    assert!(link.is_symlink());
    assert!(netcdf::open(&path).unwrap().variable("a").is_some());
}

#[test]
fn targets_that_cannot_be_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let protected = dir.path().join("protected.nc");
    std::fs::write(&protected, "mine").unwrap();
    let mut permissions = std::fs::metadata(&protected).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&protected, permissions).unwrap();
    for path in [
        dir.path().to_owned(),
        dir.path().join("no/where.nc"),
        dir.path().join("new.nc/"),
        protected.join("below.nc"),
        protected.clone(),
        PathBuf::from("/dev/null"),
        PathBuf::from("/"),
        PathBuf::from(""),
        PathBuf::from(".."),
    ] {
        for ranks in [1, 3] {
            for result in run_threads(ranks, |comm| write(comm, &path, 0)) {
                let error = result.unwrap_err();
                assert_eq!(error.kind, ErrorKind::System, "{error}");
                assert_eq!(error.file, Some(path.display().to_string()), "{error}");
            }
        }
    }
    assert_eq!(names(&dir), ["protected.nc"]);
}

#[test]
fn an_error_on_one_rank_is_an_error_on_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("e.nc");
    let mut schema = schema();
    schema.add_variable(VariableSpec::new("small", ["time", "lat", "lon"], DType::I8));
    for bad in 0..3 {
        // A value of the wrong type, cells of others, a value that does not fit its storage.
        for how in 0..3 {
            let results = run_threads(3, |comm| {
                let mut output = Output::create(comm, &path, &schema)?;
                output.limits.buffer = 600;
                let mut block = IndexBox::whole(&SHAPE).with_range(1, share(11, comm.rank(), 3));
                if comm.rank() == bad && how == 1 {
                    block = IndexBox::whole(&SHAPE);
                }
                let mut numbers = vec![1; block.len()];
                let mut name = "small";
                if comm.rank() == bad && how == 0 {
                    name = "a";
                }
                if comm.rank() == bad && how == 2 {
                    let middle = numbers.len() / 2;
                    numbers[middle] = 1000;
                }
                let error = output.write_block(name, &block, &Values::I32(numbers)).unwrap_err();
                assert!(output.write_whole("time", &Values::I64(vec![0; 7])).is_err() || how < 2);
                assert!(how < 2 || output.finish().is_err());
                Err::<(), _>(error)
            });
            let errors: Vec<_> = results.into_iter().map(Result::unwrap_err).collect();
            assert_eq!(errors[0].file, Some(path.display().to_string()));
            assert!(errors[0].variable.is_some());
            assert!(errors.iter().all(|e| e == &errors[0]), "{errors:?}");
            assert!(names(&dir).is_empty());
        }
    }
}

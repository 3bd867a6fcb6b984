//! The header that is installed is the one that the sources make. `HALOCLINE_WRITE_HEADER=1` writes it.

use std::path::Path;

#[test]
fn the_header_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("a configuration");
    let files = ["guard", "pointers", "context", "blocks", "halo", "dataset", "eof", "insitu"];
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in files {
        builder = builder.with_src(root.join("src").join(file).with_extension("rs"));
    }
    let mut made = Vec::new();
    builder.generate().expect("the sources are understood").write(&mut made);
    let made = String::from_utf8(made).expect("text");
    let path = root.join("include/halocline.h");
    if std::env::var_os("HALOCLINE_WRITE_HEADER").is_some() {
        std::fs::write(&path, &made).expect("the header is written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == made, "run this test once with HALOCLINE_WRITE_HEADER=1, and look at what changed");
}

//! `halocline report`: a page that holds all it shows, escaped, the same on all ranks.

mod common;

use common::{data, names_in, run, run_well, text, values, within_two_minutes, Launch};
use std::path::{Path, PathBuf};

const PLAIN: Launch = Launch::Plain(2);
/// Elements without an end.
const VOID: [&str; 4] = ["meta", "link", "img", "br"];

fn sample() -> PathBuf {
    data("ersstv5_sst_201001-202008.nc")
}

/// Writes a report and gives its text.
fn report(launch: Launch, files: &[&Path], page: &Path, more: &[&str]) -> String {
    let mut words = vec!["report", "--quiet", "-o", text(page)];
    words.extend(files.iter().map(|f| text(f)));
    run_well(launch, &[&words, more].concat());
    std::fs::read_to_string(page).expect("UTF-8")
}

/// The tags of a page, as name and the rest; asserts that they are nested as they should be.
fn tags(page: &str) -> Vec<(String, String)> {
    let mut open: Vec<String> = Vec::new();
    let mut all = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').expect("a tag ends");
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closes what is open");
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "<{name}> is a tag");
        assert_eq!(attributes.matches('"').count() % 2, 0, "quotes are closed: <{tag}>");
        if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
        all.push((name.to_owned(), attributes.to_owned()));
    }
    assert!(open.is_empty(), "left open: {open:?}");
    all
}

/// Asserts what holds for every page.
fn check(page: &str, images: usize) {
    let tags = tags(page);
    let of = |name: &str| tags.iter().filter(|t| t.0 == name).map(|t| t.1.as_str()).collect::<Vec<_>>();
    assert_eq!(of("img").len(), images);
    for image in of("img") {
        assert!(image.starts_with("src=\"data:image/png;base64,iVBOR"), "a PNG in the page");
        let alt = image.split("alt=\"").nth(1).expect("an alternative");
        assert!(alt.len() > 10, "in words: {alt}");
    }
    for forbidden in ["script", "iframe", "object", "embed", "form", "base", "b", "i"] {
        assert!(of(forbidden).is_empty(), "<{forbidden}>");
    }
    for (name, attributes) in &tags {
        for reference in ["src=\"", "href=\""] {
            if let Some(to) = attributes.split(reference).nth(1) {
                assert!(to.starts_with("data:") || to.starts_with('#'), "<{name}> refers to {to}");
            }
        }
        // What is outside of quotes are the names of attributes.
        let names: String = attributes.split('"').step_by(2).collect();
        assert!(!names.split([' ', '=']).any(|n| n.starts_with("on")), "no handlers: <{name} {names}>");
    }
    for css in ["url(", "@import"] {
        assert!(!page.contains(css), "{css}");
    }
    for wanted in ["prefers-color-scheme: dark", "@media print", "width=device-width", "default-src 'none'"] {
        assert!(page.contains(wanted), "{wanted}");
    }
}

#[test]
fn a_result_is_shown_the_same_on_any_ranks() {
    let folder = tempfile::tempdir().expect("a folder");
    let (result, page) = (folder.path().join("mean.nc"), folder.path().join("page.html"));
    let input = sample();
    run_well(PLAIN, &["stats", text(&input), "--var", "sst", "-o", text(&result), "--quiet"]);
    let first = report(PLAIN, &[&result], &page, &[]);
    check(&first, 1);

    let all: Vec<f64> = values(&result, "sst");
    let there: Vec<f64> = all.iter().copied().filter(|v| v.is_finite() && v.abs() < 1e30).collect();
    let mean = there.iter().sum::<f64>() / there.len() as f64;
    let max = there.iter().copied().fold(f64::MIN, f64::max);
    for number in [format!("{mean:.4}"), format!("{max:.4}")] {
        let number = number.trim_end_matches('0');
        assert!(first.contains(&format!(">{number}</td>")), "{number}");
    }
    assert!(first.contains(&format!(">{} (", all.len() - there.len())), "what is missing is counted");
    for wanted in ["halocline verify ", "--var sst", "BLAKE3 of the first 64 KiB", "Wall time", "Peak memory"]
    {
        assert!(first.contains(wanted), "{wanted}");
    }
    for launch in [Launch::Plain(1), Launch::ThreadRanks(3), Launch::Mpi(2), Launch::Mpi(4)] {
        if matches!(launch, Launch::Mpi(_)) && !cfg!(feature = "mpi") {
            continue;
        }
        assert!(report(launch, &[&result], &page, &[]) == first, "{launch:?}");
    }
    assert_eq!(names_in(folder.path()), ["mean.nc", "page.html"], "nothing else is left");
    // Mean and maximum have the words of their variable, so captions name them.
    run_well(PLAIN, &["stats", text(&input), "--var", "sst", "--op", "mean,max", "-o", text(&result), "-q"]);
    let two = report(PLAIN, &[&result], &page, &[]);
    assert!(two.contains(" (sst_mean)</figcaption>") && two.contains(" (sst_max)</figcaption>"));
}

#[test]
fn several_files_have_contents_and_modes_are_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let (result, page) = (folder.path().join("eof.nc"), folder.path().join("page.html"));
    let input = sample();
    run_well(PLAIN, &["eof", text(&input), "--var", "sst", "-o", text(&result), "--quiet"]);
    // The input has no modes: one picture.
    let path = page;
    let page = report(PLAIN, &[&result, &input], &path, &["--mode", "1,2"]);
    check(&page, 3);
    // What one of the files has no use for is for the other.
    check(&report(PLAIN, &[&result, &input], &path, &["--mode", "2", "--step", "3"]), 2);
    for wanted in ["href=\"#file-1\"", "href=\"#file-2\"", "id=\"file-2\"", "Figure 3.", "<h1>2 results</h1>"]
    {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert!(page.contains("It has no record of how it was made"), "of the input");
}

/// A file whose texts try to be markup, and without anything that can be drawn.
fn hostile(path: &Path) {
    let mut file = netcdf::create(path).expect("a file");
    file.add_attribute("title", "A \"title\" <script>alert(1)</script> & <b>more</b>").expect("a title");
    file.add_attribute("history", "</code><script>alert(2)</script>\n\u{202e}turned").expect("a history");
    file.add_attribute("halocline_provenance", "{\"schema\": \"<script>alert(3)</script>\"}")
        .expect("a text");
    file.add_dimension("x", 3).expect("a dimension");
    let mut variable = file.add_variable::<f32>("v", &["x"]).expect("a variable");
    variable.put_attribute("units", "\"><img src=x onerror=alert(4)>").expect("units");
    variable.put_attribute("long_name", "</td></table><i>").expect("a name");
    variable.put_values(&[1.0, 2.5, f32::NAN], ..).expect("values");
}

#[test]
fn text_of_files_is_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("<b onclick=alert(5)>.nc");
    hostile(&file);
    let page = report(PLAIN, &[&file], &folder.path().join("page.html"), &[]);
    check(&page, 0);
    assert!(page.contains("&lt;script&gt;alert(1)"), "the title is shown");
    assert!(!page.contains('\u{202e}'), "no text is turned around");
    for wanted in ["Not drawn: v", ">1.75</td>", ">1 (33.3 %)</td>", "How it was made can"] {
        assert!(page.contains(wanted), "{wanted}");
    }
}

#[test]
fn what_is_wrong_is_one_line_and_leaves_no_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let input = sample();
    std::fs::write(at("no.nc"), "no NetCDF").expect("written");
    std::fs::copy(&input, at("in.html")).expect("copied");
    let (page, none, bad, odd) = (at("page.html"), at("none.nc"), at("no.nc"), at("page.txt"));
    let (own, into) = (at("in.html"), at("nowhere/page.html"));
    let cases: [(&Path, &Path, &[&str], i32, &str); 7] = [
        (&none, &page, &[], 3, "no such file"),
        (&bad, &page, &[], 3, "no.nc"),
        (&input, &odd, &[], 2, ".html"),
        (&own, &own, &[], 2, "would replace an input"),
        (&input, &page, &["--var", "nothing"], 2, "nothing"),
        (&input, &into, &[], 4, "does not exist"),
        (&input, &page, &["--memory", "1MB"], 5, "memory"),
    ];
    for (file, page, more, code, said) in cases {
        for launch in [PLAIN, Launch::ThreadRanks(2)] {
            let output = run(launch, &[&["report", text(file), "-o", text(page)], more].concat());
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(code), "{error}");
            assert_eq!(error.trim_end().lines().count(), 1, "{error}");
            assert!(error.contains(said), "{error}");
        }
    }
    assert_eq!(names_in(folder.path()), ["in.html", "no.nc"]);
    // A name that looks like an option.
    std::fs::copy(at("in.html"), at("-x.nc")).expect("copied");
    let mut told = std::process::Command::new(common::halocline());
    told.args(["report", "-o", "out.html", "--quiet", "--", "-x.nc"]).current_dir(folder.path());
    assert!(within_two_minutes(&told).status.success());
}

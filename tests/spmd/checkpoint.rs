//! States saved by some ranks are taken up by others.

use crate::Test;
use halocline_core::comm::Comm;
use halocline_core::engine::checkpoint::{load, save};
use halocline_core::engine::{StateHeader, StateNode};
use halocline_core::meta::{Dim, Role};
use halocline_core::tiling::Tiling;
use halocline_core::{Error, Result};
use std::path::{Path, PathBuf};

pub(crate) fn all() -> Vec<Test> {
    vec![
        ("states saved by all are taken up by all, by one, and the other way round", moves),
        ("a damaged state is refused by every rank", damaged),
        ("a state that cannot be written is every rank's error", not_written),
    ]
}

const COLUMNS: usize = 6;
const LEAVES: usize = 7;
/// A state of several packets among small ones.
const LARGE: usize = 9_000_001;

fn header(job: &str) -> StateHeader {
    let dims = [Dim::new("time", 64 * LEAVES, Role::Time), Dim::new("x", 32 * 1024 * COLUMNS, Role::X)];
    let tiling = Tiling::stream(&dims, Some(&[1, 1024]));
    assert_eq!(tiling.len(), COLUMNS * LEAVES);
    StateHeader { fold: "test".into(), version: 1, job: job.into(), tiling }
}

/// Column 1 holds one merged node, the others some leaves.
fn all_nodes() -> Vec<StateNode> {
    let mut places: Vec<(usize, u32, usize)> = vec![(1, 2, 0)];
    places.extend((2..COLUMNS).flat_map(|column| (column % 3..LEAVES).map(move |leaf| (column, 0, leaf))));
    let node = |(column, level, index): (usize, u32, usize)| {
        let length = if (column, index) == (3, 2) { LARGE } else { 10 * index };
        let state = (0..length).map(|i| (i % 251 + column + index) as u8).collect();
        StateNode { column, level, index, state }
    };
    places.into_iter().map(node).collect()
}

fn save_own(comm: &Comm, path: &Path) -> Result<()> {
    let own = all_nodes().into_iter().filter(|n| (n.column + n.index) % comm.size() == comm.rank());
    let saved = save(comm, path, &header("job"), &mut own.map(Ok))?;
    assert_eq!(saved.nodes, all_nodes().len() as u64);
    Ok(())
}

/// Loads with another dealing than [`save_own`]'s and looks at everything that came.
fn load_own(comm: &Comm, path: &Path, job: &str) -> Result<()> {
    let holder = |place: &(usize, u32, usize)| place.0 % comm.size();
    let (mut taken, mut places) = (Vec::new(), Vec::new());
    let mut take = |node| {
        taken.push(node);
        Ok(())
    };
    load(comm, path, &header(job), &holder, &mut take, &mut |place| places.push(place))?;
    let all = all_nodes();
    assert_eq!(places, all.iter().map(|n| (n.column, n.level, n.index)).collect::<Vec<_>>());
    taken.sort_by_key(|n| (n.column, n.index));
    let own: Vec<StateNode> = all.into_iter().filter(|n| n.column % comm.size() == comm.rank()).collect();
    assert!(taken == own, "rank {} of {} got other nodes", comm.rank(), comm.size());
    Ok(())
}

/// A folder that all ranks know, removed by [`remove`].
pub(crate) fn folder(comm: &Comm, name: &str) -> PathBuf {
    comm.on_root(|| {
        let name = format!("halocline-state-{name}-{}-{}", std::process::id(), comm.size());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Ok(path)
    })
    .expect("one rank makes the folder")
}

pub(crate) fn remove(comm: &Comm, folder: &Path) {
    comm.barrier();
    if comm.is_root() {
        std::fs::remove_dir_all(folder).expect("the folder is ours");
    }
}

fn moves(comm: &Comm) {
    let folder = folder(comm, "moves");
    let path = folder.join("state");
    save_own(comm, &path).expect("saves");
    load_own(comm, &path, "job").expect("loads on all");
    // Each by itself reads all of it, at the same time.
    load_own(&Comm::serial(), &path, "job").expect("loads on one");
    comm.barrier();
    // Begun by some, taken up by more: a group of every other rank saves.
    let half = comm.split(Some((comm.rank() % 2) as u32), 0).expect("all join one");
    if comm.rank() % 2 == 0 {
        save_own(&half, &path).expect("saves again, over the last");
    }
    comm.barrier();
    load_own(comm, &path, "job").expect("loads on all");
    remove(comm, &folder);
}

fn damaged(comm: &Comm) {
    let folder = folder(comm, "damaged");
    let path = folder.join("state");
    save_own(comm, &path).expect("saves");
    let refused = |job: &str, words: &str| {
        let error = load_own(comm, &path, job).expect_err("refused");
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains("state: ") && error.to_string().contains(words), "{error}");
    };
    refused("another job", "other inputs or options");
    let good = std::fs::read(&path).expect("readable");
    let spoil = |bytes: &[u8]| {
        comm.barrier();
        comm.on_root(|| std::fs::write(&path, bytes).map_err(|e| Error::system(e.to_string())))
            .expect("one rank writes");
    };
    for at in [0, 9, 14, 40, good.len() / 3, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 4;
        spoil(&bad);
        refused("job", "");
    }
    for end in [0, 7, 100, good.len() / 2, good.len() - 1] {
        spoil(&good[..end]);
        refused("job", "cut short");
    }
    spoil(&good);
    load_own(comm, &path, "job").expect("loads again");
    remove(comm, &folder);
}

fn not_written(comm: &Comm) {
    let folder = folder(comm, "not-written");
    for path in [folder.join("absent/state"), folder.clone()] {
        assert_eq!(save_own(comm, &path).expect_err("refused").exit_code(), 4);
    }
    let path = folder.join("state");
    save_own(comm, &path).expect("saves");
    // The last rank fails in the middle of its nodes.
    let broken = comm.rank() + 1 == comm.size();
    let nodes =
        all_nodes()
            .into_iter()
            .map(|n| if broken && n.index == 5 { Err(Error::internal("no")) } else { Ok(n) });
    let error = save(comm, &path, &header("job"), &mut { nodes }).expect_err("refused");
    assert_eq!((error.message.as_str(), error.rank.is_some()), ("no", true));
    load_own(comm, &path, "job").expect("the last good state is there");
    let left = std::fs::read_dir(&folder).expect("a folder").count();
    assert_eq!(left, 1, "no temporary file is left");
    remove(comm, &folder);
}

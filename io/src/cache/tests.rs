use super::*;
use std::time::{Duration, SystemTime};

fn data_file(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, name).unwrap();
    set_age(&path, 100);
    path
}

fn set_age(path: &Path, seconds: u64) {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
}

/// The key of a file as it is now.
fn key_of(path: &Path) -> Option<FileKey> {
    let fingerprint = Fingerprint::of(path)?;
    Some(FileKey { directory: directory_of(path)?, name: path.file_name()?.to_owned(), fingerprint })
}

#[test]
fn values_outlive_the_run_and_not_their_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = data_file(dir.path(), "a.nc");
    let key = key_of(&path).unwrap();
    let big: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
    let cache = Cache::below(&dir.path().join("cache")).unwrap();
    assert_eq!(cache.get(&key, "storage:sst"), None);
    cache.put(&key, "storage:sst", vec![1, 2]);
    cache.put(&key, "storage:big", big.clone());
    assert_eq!(cache.get(&key, "storage:sst"), Some(vec![1, 2]));
    cache.save().unwrap();

    let again = || Cache::below(&dir.path().join("cache")).unwrap();
    assert_eq!(again().get(&key, "storage:sst"), Some(vec![1, 2]));
    assert_eq!(again().get(&key, "storage:big"), Some(big));
    assert_eq!(again().get(&key, "storage:other"), None);
    // The same file by another path.
    let round = dir.path().join("cache/../a.nc");
    assert_eq!(again().get(&key_of(&round).unwrap(), "storage:sst"), Some(vec![1, 2]));

    std::fs::write(&path, "b.nc").unwrap();
    set_age(&path, 100);
    assert_eq!(again().get(&key_of(&path).unwrap(), "storage:sst"), None);

    // A damaged value, then a damaged shelf: as if there was nothing, and mended by the next.
    for file in std::fs::read_dir(again().folder()).unwrap().flatten() {
        let mut bytes = std::fs::read(file.path()).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        std::fs::write(file.path(), bytes).unwrap();
    }
    let mended = again();
    assert_eq!(mended.get(&key, "storage:big"), None);
    assert_eq!(mended.get(&key, "storage:sst"), None);
    mended.put(&key, "storage:sst", vec![3]);
    mended.save().unwrap();
    assert_eq!(again().get(&key, "storage:sst"), Some(vec![3]));
}

#[test]
fn many_writers_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let keys: Vec<FileKey> =
        (0..8).map(|i| key_of(&data_file(dir.path(), &format!("{i}.nc"))).unwrap()).collect();
    std::thread::scope(|scope| {
        for key in &keys {
            scope.spawn(|| {
                for _ in 0..20 {
                    let cache = Cache::below(&dir.path().join("cache")).unwrap();
                    let old = cache.get(key, "meta");
                    assert!(old.is_none_or(|v| v == key.name.as_bytes()));
                    cache.put(key, "meta", key.name.as_bytes().to_vec());
                    cache.save().unwrap();
                }
            });
        }
    });
    let cache = Cache::below(&dir.path().join("cache")).unwrap();
    assert!(keys.iter().any(|key| cache.get(key, "meta").is_some()));
    assert_eq!(std::fs::read_dir(cache.folder()).unwrap().count(), 1, "nothing left beside");
}

#[test]
fn old_entries_and_too_much_go() {
    let dir = tempfile::tempdir().unwrap();
    let key = key_of(&data_file(dir.path(), "a.nc")).unwrap();
    let cache = Cache::below(dir.path()).unwrap();
    let entry = |used| Entry { fingerprint: key.fingerprint, used, value: Value::Here(vec![9]) };
    let today = limits::today();
    let entries = [("old", today - 31), ("a.nc", today - 29), ("new", today)];
    let entries = entries.map(|(name, used)| (name.as_bytes().to_vec(), entry(used)));
    cache.set_shelf(key.label("meta"), Shelf { shared: Vec::new(), entries: entries.into_iter().collect() });
    assert!(cache.get(&key, "meta").is_some());
    cache.save().unwrap();
    let kept = cache.shelf(&key.label("meta")).entries;
    assert_eq!(kept.keys().map(Vec::as_slice).collect::<Vec<_>>(), [b"a.nc".as_slice(), b"new"]);
    assert_eq!(kept[b"a.nc".as_slice()].used, today, "a use is noted");

    let folder = cache.folder();
    for (name, age, bytes) in
        [("x", 50, 400), ("y", 40, 400), ("z", 3, 400), ("ancient", 38 * 86_400, 1), (".left", 4000, 1)]
    {
        std::fs::write(folder.join(name), vec![0; bytes]).unwrap();
        set_age(&folder.join(name), age);
    }
    std::fs::remove_file(folder.join(key.label("meta").file_name())).unwrap();
    limits::prune(folder, 900);
    let mut left: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().map(|f| f.file_name()).collect();
    left.sort();
    assert_eq!(left, ["y", "z"]);
}

#[test]
fn where_it_is() {
    let at = |pairs: &[(&str, &str)]| {
        place(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v)))
    };
    let home = ("HOME", "/h");
    assert_eq!(at(&[home]), Some("/h/.cache".into()));
    assert_eq!(at(&[home, ("XDG_CACHE_HOME", "/x")]), Some("/x".into()));
    assert_eq!(at(&[home, ("XDG_CACHE_HOME", "x")]), Some("/h/.cache".into()));
    assert_eq!(at(&[home, ("XDG_CACHE_HOME", "/x"), ("HALOCLINE_CACHE_DIR", "y")]), Some("y".into()));
    assert_eq!(at(&[home, ("HALOCLINE_CACHE_DIR", "")]), Some("/h/.cache".into()));
    assert_eq!(at(&[]), None);
    assert!(Cache::below(Path::new("/dev/null")).is_err());
}

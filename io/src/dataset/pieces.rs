//! Encoded values, each held once.

use crate::cache::digest::hash;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A value.
    Leaf,
    /// Numbers of other pieces, which were added before.
    List,
}

/// Lists in lists: variables, a variable, its attributes; and room.
const MOST_DEPTH: usize = 8;

/// Encoded values, by number.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Pieces {
    /// One behind the other: a byte for the kind, then the encoded value.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Number of a piece by the hash of its bytes; of what was added here, not what was read.
    #[serde(skip)]
    known: HashMap<u64, u32>,
}

impl Pieces {
    /// The number of a value, which is added if it is new.
    pub(super) fn add<T: Serialize>(&mut self, kind: Kind, value: &T) -> u32 {
        // These types have no value that can't be encoded; nothing decodes to nothing.
        let mut bytes = vec![u8::from(kind == Kind::List)];
        bytes.extend(postcard::to_stdvec(value).unwrap_or_default());
        self.add_bytes(&bytes)
    }

    fn add_bytes(&mut self, bytes: &[u8]) -> u32 {
        let key = hash(9, bytes);
        let found = self.known.get(&key).copied();
        if let Some(id) = found.filter(|&id| self.bytes_of(id) == Some(bytes)) {
            return id;
        }
        let id = self.ends.len() as u32;
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        self.known.insert(key, id);
        id
    }

    fn bytes_of(&self, id: u32) -> Option<&[u8]> {
        let id = id as usize;
        let start = if id == 0 { 0 } else { *self.ends.get(id - 1)? };
        self.bytes.get(start..*self.ends.get(id)?)
    }

    /// A value; `None` if there is none of this type at this number.
    pub(super) fn get<T: DeserializeOwned>(&self, id: u32) -> Option<T> {
        let (0, bytes) = self.bytes_of(id)?.split_first()? else { return None };
        postcard::from_bytes(bytes).ok()
    }

    /// The numbers in a list.
    pub(super) fn list(&self, id: u32) -> Option<Vec<u32>> {
        let (1, bytes) = self.bytes_of(id)?.split_first()? else { return None };
        let ids: Vec<u32> = postcard::from_bytes(bytes).ok()?;
        // A list is made of what was there before it, so that no list holds itself.
        ids.iter().all(|&part| part < id).then_some(ids)
    }
}

/// Pieces of one place carried over to another as they are needed.
#[derive(Debug)]
pub(super) struct Translation<'a> {
    from: &'a Pieces,
    to: &'a mut Pieces,
    done: HashMap<u32, u32>,
}

impl<'a> Translation<'a> {
    pub(super) fn new(from: &'a Pieces, to: &'a mut Pieces) -> Self {
        Self { from, to, done: HashMap::new() }
    }

    /// The number there of a piece here; `None` if there is none.
    pub(super) fn id(&mut self, id: u32) -> Option<u32> {
        self.at_depth(id, 0)
    }

    fn at_depth(&mut self, id: u32, depth: usize) -> Option<u32> {
        if depth > MOST_DEPTH {
            return None;
        }
        if let Some(&done) = self.done.get(&id) {
            return Some(done);
        }
        let there = if self.from.bytes_of(id)?.first() == Some(&1) {
            let parts = self.from.list(id)?;
            let parts: Vec<u32> =
                parts.into_iter().map(|part| self.at_depth(part, depth + 1)).collect::<Option<_>>()?;
            self.to.add(Kind::List, &parts)
        } else {
            let from = self.from;
            self.to.add_bytes(from.bytes_of(id)?)
        };
        self.done.insert(id, there);
        Some(there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_once_and_carried_over() {
        let mut here = Pieces::default();
        let text = here.add(Kind::Leaf, &"text");
        assert_eq!(here.add(Kind::Leaf, &"text"), text);
        let number = here.add(Kind::Leaf, &7u32);
        let list = here.add(Kind::List, &vec![number, text]);
        let lists = here.add(Kind::List, &vec![list, list]);
        assert_eq!(here.get::<String>(text).as_deref(), Some("text"));
        assert_eq!(here.list(list), Some(vec![number, text]));
        assert!(here.list(text).is_none() && here.get::<u32>(list).is_none() && here.get::<u32>(9).is_none());

        let mut there = Pieces::default();
        there.add(Kind::Leaf, &"other");
        let there_lists = Translation::new(&here, &mut there).id(lists).unwrap();
        let [first, second] = there.list(there_lists).unwrap()[..] else { panic!() };
        assert_eq!(first, second);
        let parts = there.list(first).unwrap();
        assert_eq!((there.get(parts[0]), there.get(parts[1])), (Some(7u32), Some("text".to_owned())));
        assert_eq!(Translation::new(&here, &mut there).id(99), None);
    }

    #[test]
    fn damage_is_no_piece() {
        let mut pieces = Pieces::default();
        // A list that holds itself.
        pieces.add(Kind::List, &vec![0u32]);
        assert!(pieces.list(0).is_none());
        assert!(Translation::new(&pieces, &mut Pieces::default()).id(0).is_none());
        let wrong = Pieces { bytes: vec![0, 1], ends: vec![5, 1], known: HashMap::new() };
        assert!(wrong.get::<u8>(0).is_none() && wrong.get::<u8>(1).is_none());
    }
}

//! Opening the ledger, whatever the last run or the disk has left.
//!
//! Here: the order of the remedies, and the incarnation. Not here: each remedy (`store`, `repair`).
//! Invariant: a damaged ledger costs what was damaged and says so; it does not keep the line from being
//! watched. Whatever is not damage (no permission, another agent, a later format) is an error that touches
//! nothing.

use std::path::Path;

use super::{
    Limits, OpenError, Opened,
    book::{FORMAT, META_FORMAT, META_INCARNATION, check_format, read_book, read_incarnation, read_losses},
    change::Memory,
    ledger::Inner,
    mark::Mark,
    repair::make_whole,
    space::Space,
    store::{Store, remove_leftovers, remove_snapshots, set_aside},
};

/// Opens the ledger; when it is damaged, once more from the log alone; when that is damaged too, a new one.
pub(super) fn open_with_remedies(dir: &Path, limits: Limits) -> Result<(Inner, Opened), OpenError> {
    let folder = |source| OpenError::Folder { dir: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(folder)?;
    let space = Space::new(dir, limits.free_bytes_min);
    space.before_open().map_err(folder)?;
    let mut repairs = Vec::new();
    if remove_leftovers(dir).map_err(folder)? {
        repairs.push("removed a half-written snapshot that a crash had left".to_owned());
    }
    let mut opened = attempt(dir, &mut repairs);
    if let Some(damage) = damage(&opened) {
        remove_snapshots(dir, "").map_err(folder)?;
        repairs.push(format!("read the log anew, because with the snapshot: {damage}"));
        opened = attempt(dir, &mut repairs);
    }
    if let Some(damage) = damage(&opened) {
        let aside = set_aside(dir).map_err(folder)?;
        repairs.push(format!("set the store aside in {} and began a new one: {damage}", aside.display()));
        opened = attempt(dir, &mut repairs);
    }
    let Attempt { store, memory, mark, incarnation, fresh } = opened?;
    let in_flight_to = memory.book.ends.low;
    let inner = Inner { store, mark, space, limits, memory, in_flight_to, ended: false, is_unmarked: false };
    Ok((inner, Opened { incarnation, fresh, repairs }))
}

struct Attempt {
    store: Store,
    memory: Memory,
    mark: Mark,
    incarnation: u64,
    fresh: bool,
}

fn damage(attempt: &Result<Attempt, OpenError>) -> Option<String> {
    match attempt {
        Err(e @ OpenError::Store { source, .. }) if e.is_damage() => Some(source.to_string()),
        _ => None,
    }
}

fn attempt(dir: &Path, repairs: &mut Vec<String>) -> Result<Attempt, OpenError> {
    let failed = |source| OpenError::Store { dir: dir.to_owned(), source };
    let store = Store::open(dir)?;
    check_format(&store, dir)?;
    let opened = Mark::open(&dir.join("mark"));
    let (mark, marked) = opened.map_err(|source| OpenError::Folder { dir: dir.to_owned(), source })?;
    let book = read_book(&store).map_err(failed)?;
    let losses = read_losses(&store).map_err(failed)?;
    let mut memory = Memory { book, losses, ..Memory::default() };
    let repaired = make_whole(&store, &mut memory, marked).map_err(failed)?;
    repairs.extend(repaired.repairs);
    let (incarnation, fresh) = settle_incarnation(&store, repaired.went_back, dir)?;
    // States and notes are read by the agent right after: if they are damaged, this is the time to know.
    store.walk().map_err(failed)?;
    Ok(Attempt { store, memory, mark, incarnation, fresh })
}

/// The incarnation, and whether it begins here.
fn settle_incarnation(store: &Store, anew: bool, dir: &Path) -> Result<(u64, bool), OpenError> {
    let failed = |source| OpenError::Store { dir: dir.to_owned(), source };
    if let Some(incarnation) = read_incarnation(store).map_err(failed)?.filter(|_| !anew) {
        return Ok((incarnation, false));
    }
    let incarnation = getrandom::u64().map_err(OpenError::Random)?;
    let mut batch = sled::Batch::default();
    batch.insert(META_INCARNATION, &incarnation.to_be_bytes());
    batch.insert(META_FORMAT, &FORMAT.to_be_bytes());
    store.apply(batch).and_then(|()| store.flush()).map_err(failed)?;
    Ok((incarnation, true))
}

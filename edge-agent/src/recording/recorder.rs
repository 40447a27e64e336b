//! A recording that the agent makes while it runs: all that goes into its engine, in that order.
//!
//! Core hands over what it steps; a thread of its own writes it. The folder holds a file for each start of the agent,
//! all of them together at most [`FOLDER_BYTES_MAX`].
//!
//! Here: that. Not here: what a line looks like (`recording`, `input`).
//! Invariant: core never waits for it. A recording has no hole: where the disk is too slow, or full, it ends, and the
//! log says so (I8).

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;

use rules::inventory::Inventory;

use super::{Moment, Writer};
use crate::normalize::Delivery;

/// All recordings of a folder together: a day of a small line.
const FOLDER_BYTES_MAX: u64 = 1 << 30;
/// Inputs that may wait for the disk.
const WAITING_MAX: usize = 1_000;

/// Core's end of it.
#[derive(Debug)]
pub struct Recorder {
    inputs: Option<SyncSender<Input>>,
    writing: Option<JoinHandle<()>>,
}

enum Input {
    Delivery(Box<Delivery>),
    Moment(Moment),
}

impl Recorder {
    /// Begins a file in a folder; its name is when the agent began.
    ///
    /// # Errors
    /// When the folder or the file cannot be made, or the folder is full.
    pub fn start(folder: &Path, at: i64, inventory: Arc<Inventory>, agent_id: String) -> io::Result<Self> {
        Self::start_with(folder, FOLDER_BYTES_MAX, at, (inventory, agent_id))
    }

    fn start_with(
        folder: &Path,
        bytes_max: u64,
        at: i64,
        (inventory, agent_id): (Arc<Inventory>, String),
    ) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let left = bytes_max.saturating_sub(held(folder)?);
        if left == 0 {
            return Err(io::Error::other("the folder is full: remove old recordings"));
        }
        let path = folder.join(format!("{at}.ndjson"));
        let file = BufWriter::with_capacity(1 << 16, File::create_new(&path)?);
        let (sender, inputs) = sync_channel(WAITING_MAX);
        let writing = std::thread::Builder::new().name("recorder".into()).spawn(move || {
            tracing::info!(file = %path.display(), "recording");
            let writer = Writer { inventory: &inventory, agent_id: &agent_id };
            match write(file, left, &inputs, writer) {
                Ok(true) => {}
                Ok(false) => tracing::warn!(file = %path.display(), "the recording ends: its folder is full"),
                Err(e) => tracing::error!(file = %path.display(), error = %e, "the recording ends"),
            }
        })?;
        Ok(Self { inputs: Some(sender), writing: Some(writing) })
    }

    /// A delivery is stepped at this processing time.
    pub fn delivery(&mut self, delivery: &Delivery, at: i64) {
        if self.inputs.is_some() {
            let mut delivery = delivery.clone();
            delivery.arrived = at;
            self.put(Input::Delivery(Box::new(delivery)));
        }
    }

    /// Something else is stepped.
    pub fn moment(&mut self, moment: Moment) {
        self.put(Input::Moment(moment));
    }

    fn put(&mut self, input: Input) {
        let Some(inputs) = &self.inputs else { return };
        match inputs.try_send(input) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => tracing::error!("the recording ends: the disk is too slow for it"),
            // The writer has said why.
            Err(TrySendError::Disconnected(_)) => {}
        }
        self.inputs = None;
    }
}

impl Drop for Recorder {
    /// What was handed over is written.
    fn drop(&mut self) {
        self.inputs = None;
        if let Some(writing) = self.writing.take() {
            // It does not panic; and a stop is no time to speak of it.
            drop(writing.join());
        }
    }
}

/// Bytes of all recordings of a folder.
fn held(folder: &Path) -> io::Result<u64> {
    let is_recording = |path: &PathBuf| path.extension().is_some_and(|e| e == "ndjson");
    let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).filter(is_recording);
    Ok(files.filter_map(|path| fs::metadata(path).ok()).map(|meta| meta.len()).sum())
}

/// Writes until core lets go; false: there was no room for more.
fn write(mut out: impl Write, room: u64, inputs: &Receiver<Input>, writer: Writer<'_>) -> io::Result<bool> {
    let mut left = room;
    loop {
        let input = match inputs.try_recv() {
            Ok(input) => input,
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {
                // While nothing comes, everything that came is in the file.
                out.flush()?;
                let Ok(input) = inputs.recv() else { break };
                input
            }
        };
        let lines = match input {
            Input::Delivery(delivery) => writer.lines(&delivery).collect::<Result<Vec<_>, _>>()?,
            Input::Moment(moment) => vec![serde_json::to_string(&moment)?],
        };
        let size = lines.iter().map(|line| line.len() as u64 + 1).sum::<u64>();
        let Some(rest) = left.checked_sub(size) else {
            out.flush()?;
            return Ok(false);
        };
        left = rest;
        for line in lines {
            writeln!(out, "{line}")?;
        }
    }
    out.flush()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(folder: &Path, bytes_max: u64, at: i64) -> io::Result<Recorder> {
        Recorder::start_with(folder, bytes_max, at, (Arc::default(), "a".into()))
    }

    #[test]
    fn everything_that_was_handed_over_is_in_the_file_when_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let mut recorder = started(dir.path(), 1 << 20, 5).unwrap();
        for at in 0..500 {
            recorder.moment(Moment::Clock { at });
        }
        drop(recorder);
        let text = fs::read_to_string(dir.path().join("5.ndjson")).unwrap();
        assert_eq!(text.lines().count(), 500);
        assert_eq!(text.lines().last(), Some(r#"{"kind":"clock","at":499}"#));
        assert!(started(dir.path(), 1 << 20, 5).is_err(), "no recording is overwritten");
    }

    #[test]
    fn all_files_of_a_folder_share_its_room_and_each_ends_with_a_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let mut recorder = started(dir.path(), 60, 1).unwrap();
        for at in [1, 2, 3] {
            recorder.moment(Moment::Clock { at });
        }
        drop(recorder);
        let first = fs::read_to_string(dir.path().join("1.ndjson")).unwrap();
        assert_eq!(first, "{\"kind\":\"clock\",\"at\":1}\n{\"kind\":\"clock\",\"at\":2}\n");
        assert!(started(dir.path(), 60, 2).is_ok(), "there is a little room");
        assert!(started(dir.path(), first.len() as u64, 3).unwrap_err().to_string().contains("full"));
    }
}

//! A wall clock that a test turns: libfaketime, from Debian, in front of a process.
//!
//! Here: the file that says how far off it is, and what the process must be told. The monotonic clock stays.
//! Invariant: the clock of the test itself is never touched.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// How far off a clock is.
pub(crate) struct Faketime {
    file: PathBuf,
}

impl Faketime {
    /// A clock that is so far off, such as `-1h`; the file is made.
    pub(crate) fn new(file: PathBuf, offset: &str) -> Self {
        let clock = Self { file };
        clock.set(offset);
        clock
    }

    /// From here on it is so far off.
    pub(crate) fn set(&self, offset: &str) {
        // Never half of it: a process reads it whenever it asks for the time.
        let unfinished = self.file.with_extension("new");
        std::fs::write(&unfinished, offset).unwrap();
        std::fs::rename(&unfinished, &self.file).unwrap();
    }

    /// The environment of a process that goes by it.
    pub(crate) fn environment(&self) -> [(OsString, OsString); 4] {
        let of_debian = format!("{}-linux-gnu", std::env::consts::ARCH);
        let library = Path::new("/usr/lib").join(of_debian).join("faketime/libfaketime.so.1");
        assert!(library.exists(), "tests/run installs libfaketime");
        [
            ("LD_PRELOAD".into(), library.into()),
            ("FAKETIME_TIMESTAMP_FILE".into(), self.file.clone().into()),
            ("FAKETIME_NO_CACHE".into(), "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC".into(), "1".into()),
        ]
    }
}

//! The lines of a recording, and what is said of one that is none.
//!
//! Here: opening the input, its marks, the place of a mistake. Not here: what lines mean (`recording`).
//! Invariant: a line that is no line of a recording ends the reading with its place, a column in characters; what
//! was handed on before it stays handed on.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use rules::decode::MARK;
use serde::de::IgnoredAny;

use crate::cli::Failure;
use crate::recording::read::Lines;

/// What is read at once, bytes.
pub(super) const BUFFER: usize = 1 << 18;

/// Files that are no text, by how they begin: what each is, and what makes a text of it.
const PACKED: [(&[u8], &str, &str); 4] = [
    (b"\x1f\x8b", "gzip", "gzip -dc"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstd -dc"),
    (b"\xfd7zXZ", "xz", "xz -dc"),
    (b"PK\x03\x04", "zip", "unzip -p"),
];

/// What ends a replay.
pub(super) enum Wrong {
    /// What is wrong with the line.
    Line(String),
    /// The same, at a column.
    Column(usize, String),
    /// Anything else.
    Replay(Failure),
}

impl Wrong {
    /// A line is neither a datapoint nor anything else of a recording.
    pub(super) fn json(line: &[u8], e: &serde_json::Error) -> Self {
        let whole = e.to_string();
        // It counts lines within the line, and bytes.
        let why = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(why, _)| why);
        let line = String::from_utf8_lossy(line);
        let text = line.trim_end();
        let is_object = text.trim_start().starts_with('{');
        if is_object && serde_json::from_str::<IgnoredAny>(text).is_err_and(|e| e.is_eof()) {
            let why = "the line is cut off: it does not end with its datapoint";
            return Self::Column(text.chars().count() + 1, why.to_owned());
        }
        let column = text.get(..e.column().saturating_sub(1)).map_or(1, |before| before.chars().count() + 1);
        let help = if is_object {
            ""
        } else {
            "; a recording has one JSON object a line, as `edge-agent record` writes it"
        };
        Self::Column(column, format!("not a datapoint: {why}{help}"))
    }
}

/// Reads a recording from its beginning to its end.
pub(super) fn each_line(file: &Path, mut act: impl FnMut(&[u8]) -> Result<(), Wrong>) -> Result<(), Failure> {
    let name = file.display();
    let cannot = |e: io::Error| Failure::Because(format!("cannot read {name}: {e}"));
    let mut input: Box<dyn BufRead> = if file.as_os_str() == "-" {
        Box::new(BufReader::with_capacity(BUFFER, io::stdin()))
    } else {
        Box::new(BufReader::with_capacity(BUFFER, File::open(file).map_err(cannot)?))
    };
    past_mark(&mut input, &name.to_string()).map_err(cannot)??;
    let mut lines = Lines::of(input);
    while let Some(line) = lines.next_line().map_err(cannot)? {
        if let Err(wrong) = act(line) {
            return Err(match wrong {
                Wrong::Line(why) => Failure::Because(format!("{name}:{}: {why}", lines.number)),
                Wrong::Column(column, why) => {
                    Failure::Because(format!("{name}:{}:{column}: {why}", lines.number))
                }
                Wrong::Replay(failure) => failure,
            });
        }
    }
    Ok(())
}

/// Steps over a mark of UTF-8, which editors and shells put there; refuses what is no text.
fn past_mark(input: &mut impl BufRead, name: &str) -> io::Result<Result<(), Failure>> {
    let begin = input.fill_buf()?;
    if begin.starts_with(MARK) {
        input.consume(MARK.len());
        return Ok(Ok(()));
    }
    let why = if let Some((_, what, unpack)) = PACKED.iter().find(|(magic, ..)| begin.starts_with(magic)) {
        let file = if name == "-" { "" } else { &format!(" {name}") };
        format!("{name} is compressed ({what}): `{unpack}{file} | edge-agent rules replay - …` replays it")
    } else if begin.starts_with(b"\xff\xfe") || begin.starts_with(b"\xfe\xff") {
        format!("{name} is UTF-16: save it as UTF-8")
    } else {
        return Ok(Ok(()));
    };
    Ok(Err(Failure::Because(why)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(line: &str) -> (usize, String) {
        let e = serde_json::from_str::<proto::Datapoint<'_>>(line).unwrap_err();
        match Wrong::json(line.as_bytes(), &e) {
            Wrong::Column(column, why) => (column, why),
            _ => panic!(),
        }
    }

    #[test]
    fn the_place_of_a_mistake_is_its_character() {
        assert_eq!(
            wrong("{\"tag\":\"Füller\", x}"),
            (18, "not a datapoint: key must be a string".to_owned())
        );
        let (column, why) = wrong("Zeit;Wert\n");
        assert!(column == 1 && why.contains("one JSON object a line"), "{column} {why}");
        let (column, why) = wrong("{\"tag\":\"Fü\n");
        assert!(column == 11 && why.starts_with("the line is cut off"), "{column} {why}");
        assert!(wrong("{\"kind\":\"photograph\"}").1.starts_with("not a datapoint: missing field"));
    }
}

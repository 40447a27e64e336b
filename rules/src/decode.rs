//! From the bytes of a file to its text, whatever an editor has saved it as.
//!
//! Here: UTF-8 and UTF-16 by their mark, UTF-8 without one, and Windows-1252, which is what is left where bytes
//! are no UTF-8. Not here: reading files.
//! Invariant: every character of the text stands where the editor shows it; a byte order mark is no character.

use std::ops::Range;

use crate::diagnose::{FileId, Report};

/// Largest file of rules or limits (§8), bytes.
pub const FILE_MAX: u64 = 1 << 20;

/// The mark that some editors put before UTF-8.
pub const MARK: &[u8] = b"\xef\xbb\xbf";

/// What Windows-1252 has in the place of the control characters 0x80 to 0x9F; five of them are nothing.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// The text, without a byte order mark.
    pub text: String,
    /// Where the first character stands that was guessed to be Windows-1252.
    pub guessed: Option<Range<usize>>,
}

/// Decodes a file.
///
/// # Errors
/// Why the bytes are no text.
pub fn decode(bytes: &[u8]) -> Result<Text, String> {
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => marked(rest)?,
        [0xff, 0xfe, rest @ ..] => Text { text: utf_16(rest, u16::from_le_bytes)?, guessed: None },
        [0xfe, 0xff, rest @ ..] => Text { text: utf_16(rest, u16::from_be_bytes)?, guessed: None },
        _ => std::str::from_utf8(bytes)
            .map_or_else(|e| windows(bytes, e.valid_up_to()), |t| Text { text: t.into(), guessed: None }),
    };
    match text.text.find('\0') {
        Some(at) => {
            Err(format!("line {} is not text: save the file as UTF-8", line(text.text.as_bytes(), at)))
        }
        None => Ok(text),
    }
}

fn marked(bytes: &[u8]) -> Result<Text, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = line(bytes, e.valid_up_to());
        format!("line {line} is not UTF-8, though the file begins as such: save it as UTF-8")
    })?;
    Ok(Text { text: text.into(), guessed: None })
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for c in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        let broken =
            || format!("line {} is not UTF-16: save the file as UTF-8", line(text.as_bytes(), text.len()));
        let c = c.map_err(|_| broken())?;
        text.push(c);
    }
    if odd.is_empty() { Ok(text) } else { Err("its last character is cut off: save it as UTF-8".into()) }
}

fn windows(bytes: &[u8], first: usize) -> Text {
    let one = |byte: u8| match byte {
        0x80..=0x9f => WINDOWS[usize::from(byte - 0x80)],
        other => char::from(other),
    };
    let mut text: String = String::with_capacity(bytes.len());
    // Up to the first byte that is no UTF-8, everything may have been: but then these bytes are two characters.
    text.extend(bytes.iter().map(|byte| one(*byte)));
    let begin = bytes[..first].iter().position(|byte| !byte.is_ascii()).unwrap_or(first);
    let end = begin + text[begin..].chars().next().map_or(0, char::len_utf8);
    Text { text, guessed: Some(begin..end) }
}

fn line(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Adds a file to the report; what is wrong with its encoding is reported.
pub fn add(report: &mut Report, name: &str, text: Result<&Text, &str>) -> FileId {
    let text = match text {
        Ok(text) => text,
        Err(why) => return report.add_unreadable(name, why),
    };
    let file = report.add_file(name, text.text.as_str());
    if let Some(span) = &text.guessed {
        let message = "the file is not UTF-8; it is read as Windows-1252";
        report.warning("R503", (file, span.clone()), message, "is this the right character?").help =
            Some("save the file as UTF-8".into());
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        let text = decode(bytes).unwrap();
        assert_eq!(text.guessed, None);
        text.text
    }

    #[test]
    fn marks_say_how_a_file_is_encoded_and_are_no_text() {
        assert_eq!(text("a = 'ä'\r\n".as_bytes()), "a = 'ä'\r\n");
        assert_eq!(text(b"\xef\xbb\xbfa = '\xc3\xa4'"), "a = 'ä'");
        let units = |f: fn(u16) -> [u8; 2]| "\u{feff}ä °C 😀".encode_utf16().flat_map(f).collect::<Vec<u8>>();
        assert_eq!(text(&units(u16::to_le_bytes)), "ä °C 😀");
        assert_eq!(text(&units(u16::to_be_bytes)), "ä °C 😀");
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_windows_1252_with_a_warning() {
        let found = decode(b"# W\xe4scher \x80\nx > 4 \xb0C").unwrap();
        assert_eq!((found.text.as_str(), found.guessed), ("# Wäscher €\nx > 4 °C", Some(3..5)));
        let mut report = Report::default();
        add(&mut report, "a.toml", Ok(&decode(b"a\n\xe4").unwrap()));
        assert!(report.lines().next().unwrap().starts_with("a.toml:2:1: the file is not UTF-8"));
    }

    #[test]
    fn what_is_no_text_says_where() {
        assert!(decode(b"a\nb\0c").unwrap_err().starts_with("line 2 is not text"));
        assert!(decode(b"\xff\xfea\0\0\xd8").unwrap_err().starts_with("line 1 is not UTF-16"));
        assert!(decode(b"\xff\xfea").unwrap_err().contains("cut off"));
        assert!(decode(b"\xef\xbb\xbfa\n\xe4").unwrap_err().starts_with("line 2 is not UTF-8"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..60)) {
            if let Ok(text) = decode(&bytes)
                && let Some(span) = text.guessed
            {
                proptest::prop_assert!(text.text.get(span).is_some_and(|c| c.chars().count() == 1));
            }
        }
    }
}

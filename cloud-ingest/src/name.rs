//! A checked word: the only text that ever becomes part of a path or a key.
//!
//! Here: the check. Not here: what the words are for.
//! Invariant: the stream is not trusted. A [`Name`] has 1 to 128 characters of `A-Z a-z 0-9 _ . -`, is
//! neither `.` nor `..`, and so never leads out of a directory; every path below is built from names, numbers
//! and words of this crate, never from a text as it came.

use std::fmt;

/// Longest id of a machine, a rule, an event (characters).
const ID_LEN_MAX: usize = 64;
/// Longest name that AWS gives to a stream or a shard (characters); a sequence number is as long.
const AWS_LEN_MAX: usize = 128;

/// A word that may be part of a path or a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Why a text is not a [`Name`]. The text is shown escaped and cut, for it may be hostile.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// No character at all.
    #[error("empty")]
    Empty,
    /// Too many characters.
    #[error("{len} characters, at most {max} are accepted")]
    TooLong {
        /// How many there are (bytes of UTF-8).
        len: usize,
        /// How many there may be.
        max: usize,
    },
    /// A character that could mean something to a path or a key.
    #[error("{0:?} stands in it; accepted are letters, digits and _ . -")]
    Character(char),
    /// `.` and `..` lead to other directories.
    #[error("only dots")]
    Dots,
}

impl Name {
    /// An id out of a record: at most 64 characters.
    ///
    /// # Errors
    /// When it is anything but `[A-Za-z0-9_.-]{1,64}`, or only dots.
    pub fn id(text: &str) -> Result<Self, BadName> {
        Self::checked(text, ID_LEN_MAX)
    }

    /// A name that AWS gave, of a stream, a shard or a record: at most 128 characters.
    ///
    /// # Errors
    /// When it is anything but `[A-Za-z0-9_.-]{1,128}`, or only dots.
    pub fn of_aws(text: &str) -> Result<Self, BadName> {
        Self::checked(text, AWS_LEN_MAX)
    }

    fn checked(text: &str, max: usize) -> Result<Self, BadName> {
        let foreign = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        match text.chars().find(foreign) {
            _ if text.is_empty() => Err(BadName::Empty),
            _ if text.len() > max => Err(BadName::TooLong { len: text.len(), max }),
            Some(c) => Err(BadName::Character(c)),
            None if matches!(text, "." | "..") => Err(BadName::Dots),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_field_are_names() {
        for id in ["84068f2f-3f39-4b9c-a995-d2a84d878689", "bottle_washer.caustic-2", "...", &"x".repeat(64)]
        {
            assert_eq!(Name::id(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn hostile_ids_are_refused_with_the_reason() {
        let said = |text: &str| Name::id(text).unwrap_err();
        assert_eq!(said(""), BadName::Empty);
        assert_eq!(said("."), BadName::Dots);
        assert_eq!(said(".."), BadName::Dots);
        assert_eq!(said("../../etc/x"), BadName::Character('/'));
        assert_eq!(said("a\0b"), BadName::Character('\0'));
        assert_eq!(said("füller"), BadName::Character('ü'));
        assert_eq!(said(&"x".repeat(65)), BadName::TooLong { len: 65, max: 64 });
    }

    #[test]
    fn a_reason_never_carries_a_raw_control_character() {
        assert!(!Name::id("a\nb").unwrap_err().to_string().contains('\n'));
    }
}

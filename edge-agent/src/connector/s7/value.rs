//! The data types of an S7 PLC: their names, how many bytes they take, and what those bytes mean.
//!
//! Here: bytes to [`Raw`]. Not here: where the bytes lie (`address`) and how they were fetched. Not read yet: the
//! date and time types, WSTRING and arrays; their names are known, so that the refusal says so.
//! Invariant: bytes that cannot be what the type says become a reason, never a value (I9); nothing panics.

use crate::connector::Raw;

/// A data type, by its name in TIA Portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A bit of a byte.
    Bool,
    /// 8 bits, unsigned.
    Byte,
    /// 16 bits, unsigned.
    Word,
    /// 32 bits, unsigned.
    DWord,
    /// 64 bits, unsigned.
    LWord,
    /// 8 bits, signed.
    SInt,
    /// 16 bits, signed.
    Int,
    /// 32 bits, signed.
    DInt,
    /// 64 bits, signed.
    LInt,
    /// 8 bits, unsigned.
    USInt,
    /// 16 bits, unsigned.
    UInt,
    /// 32 bits, unsigned.
    UDInt,
    /// 64 bits, unsigned.
    ULInt,
    /// IEEE 754 binary32.
    Real,
    /// IEEE 754 binary64.
    LReal,
    /// One character.
    Char,
    /// A text of at most so many characters, 1 to 254, behind two bytes of lengths.
    String(u8),
    /// A timer of the T area: the time that remains, in milliseconds.
    Timer,
    /// A counter of the C area: its count, 0 to 999.
    Counter,
}

/// The types that a name may stand for, and its short form in the addresses of other tools.
const NAMES: [(&str, Option<&str>, Type); 17] = [
    ("BOOL", Some("X"), Type::Bool),
    ("BYTE", Some("B"), Type::Byte),
    ("WORD", Some("W"), Type::Word),
    ("DWORD", Some("DW"), Type::DWord),
    ("LWORD", None, Type::LWord),
    ("SINT", None, Type::SInt),
    ("INT", Some("I"), Type::Int),
    ("DINT", Some("DI"), Type::DInt),
    ("LINT", None, Type::LInt),
    ("USINT", None, Type::USInt),
    ("UINT", None, Type::UInt),
    ("UDINT", None, Type::UDInt),
    ("ULINT", None, Type::ULInt),
    ("REAL", Some("R"), Type::Real),
    ("LREAL", Some("LR"), Type::LReal),
    ("CHAR", Some("C"), Type::Char),
    ("STRING", Some("S"), Type::String(STRING_MAX)),
];

/// Types of TIA Portal that have a name here but no decoder.
const NOT_READ_YET: [&str; 14] = [
    "TIME",
    "LTIME",
    "S5TIME",
    "DATE",
    "TOD",
    "TIME_OF_DAY",
    "LTOD",
    "DT",
    "DATE_AND_TIME",
    "LDT",
    "DTL",
    "WCHAR",
    "WSTRING",
    "ARRAY",
];

/// What TIA Portal takes a STRING without a length to be.
pub(super) const STRING_MAX: u8 = 254;

/// Characters of Windows-1252 from 0x80 to 0x9F, where it is not Latin-1. The five unused ones stay as they are.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

impl Type {
    /// The type of this name, in capitals. A STRING comes with its longest length.
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(full, ..)| *full == name).map(|(.., kind)| *kind)
    }

    /// The type of this short or full name, in capitals, as other tools write it: `DB1,R4`.
    pub(super) fn abbreviated(name: &str) -> Option<Self> {
        let short = NAMES.iter().find(|(_, short, _)| *short == Some(name)).map(|(.., kind)| *kind);
        // Some write a double word as D.
        short.or_else(|| Self::named(name)).or_else(|| (name == "D").then_some(Self::DWord))
    }

    /// Whether this is the name of a type that the PLC has and nobody here reads.
    pub(super) fn is_not_read_yet(name: &str) -> bool {
        NOT_READ_YET.contains(&name)
    }

    /// Its name in TIA Portal.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::String(chars) => format!("STRING[{chars}]"),
            Self::Timer => "TIMER".to_owned(),
            Self::Counter => "COUNTER".to_owned(),
            _ => NAMES.iter().find(|(.., kind)| *kind == self).map_or("", |(name, ..)| name).to_owned(),
        }
    }

    /// How many bytes it takes in the PLC.
    #[must_use]
    pub fn len_bytes(self) -> u16 {
        match self {
            Self::Bool | Self::Byte | Self::SInt | Self::USInt | Self::Char => 1,
            Self::Word | Self::Int | Self::UInt | Self::Timer | Self::Counter => 2,
            Self::DWord | Self::DInt | Self::UDInt | Self::Real => 4,
            Self::LWord | Self::LInt | Self::ULInt | Self::LReal => 8,
            Self::String(chars) => u16::from(chars) + 2,
        }
    }

    /// What these bytes mean; `bit` counts for a BOOL only.
    ///
    /// # Errors
    /// In words for a technician, when the bytes cannot be of this type.
    pub(super) fn decode(self, bit: u8, bytes: &[u8]) -> Result<Raw, String> {
        Ok(match self {
            Self::Bool => {
                Raw::Bool(u8::from_be_bytes(exactly(bytes)?).checked_shr(bit.into()).unwrap_or(0) & 1 == 1)
            }
            Self::Byte | Self::USInt => Raw::UInt(u8::from_be_bytes(exactly(bytes)?).into()),
            Self::Word | Self::UInt => Raw::UInt(u16::from_be_bytes(exactly(bytes)?).into()),
            Self::DWord | Self::UDInt => Raw::UInt(u32::from_be_bytes(exactly(bytes)?).into()),
            Self::LWord | Self::ULInt => Raw::UInt(u64::from_be_bytes(exactly(bytes)?)),
            Self::SInt => Raw::Int(i8::from_be_bytes(exactly(bytes)?).into()),
            Self::Int => Raw::Int(i16::from_be_bytes(exactly(bytes)?).into()),
            Self::DInt => Raw::Int(i32::from_be_bytes(exactly(bytes)?).into()),
            Self::LInt => Raw::Int(i64::from_be_bytes(exactly(bytes)?)),
            Self::Real => real(exactly(bytes)?)?,
            Self::LReal => Raw::LReal(f64::from_be_bytes(exactly(bytes)?)),
            Self::Char => Raw::Text(character(u8::from_be_bytes(exactly(bytes)?)).to_string()),
            Self::String(chars) => text(chars, bytes)?,
            Self::Timer => timer(exactly(bytes)?)?,
            Self::Counter => Raw::UInt(bcd("counter", u16::from_be_bytes(exactly(bytes)?) & 0x0FFF)?),
        })
    }
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| format!("{} bytes came for a type of {N}", bytes.len()))
}

/// A plant has no use for numbers below 1e-38, but a DINT read as REAL looks just like one.
fn real(bytes: [u8; 4]) -> Result<Raw, String> {
    let value = f32::from_be_bytes(bytes);
    if value.is_subnormal() {
        let whole = i32::from_be_bytes(bytes);
        return Err(format!("{value:e} is hardly a REAL, but {whole} as a DINT: check the type of the tag"));
    }
    Ok(Raw::Real(value))
}

/// Byte 0 is the length that the text may have, byte 1 the length that it has.
fn text(chars: u8, bytes: &[u8]) -> Result<Raw, String> {
    let ([room, len], body) = bytes.split_first_chunk().ok_or("fewer than 2 bytes came for a STRING")?;
    if len > room {
        return Err(format!("no STRING lies here: its length is {len}, its room {room}"));
    }
    let Some(body) = body.get(..usize::from(*len)) else {
        return Err(format!("the text is {len} characters long, STRING[{chars}] was asked for"));
    };
    Ok(Raw::Text(body.iter().copied().map(character).collect()))
}

/// The PLC stores the code page of the engineering PC; Windows-1252 in most of Europe.
fn character(byte: u8) -> char {
    let special = byte.checked_sub(0x80).and_then(|at| WINDOWS_1252.get(usize::from(at)));
    special.copied().unwrap_or(char::from(byte))
}

/// S5TIME: a base of 10 ms, 100 ms, 1 s or 10 s, and three decimal digits.
fn timer(bytes: [u8; 2]) -> Result<Raw, String> {
    let word = u16::from_be_bytes(bytes);
    let base_ms = 10_u64 * 10_u64.pow(u32::from(word >> 12 & 3));
    Ok(Raw::UInt(bcd("timer", word & 0x0FFF)? * base_ms))
}

/// Three decimal digits, four bits each.
fn bcd(what: &str, word: u16) -> Result<u64, String> {
    let digits = [word >> 8 & 0xF, word >> 4 & 0xF, word & 0xF];
    if digits.iter().any(|digit| *digit > 9) {
        return Err(format!("{word:03X} is not the decimal number of a {what}"));
    }
    Ok(digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(*digit)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(kind: Type, bytes: &[u8]) -> Result<Raw, String> {
        kind.decode(0, bytes)
    }

    #[test]
    fn each_type_is_read_big_endian_and_with_its_sign() {
        assert_eq!(read(Type::Byte, &[0xFE]), Ok(Raw::UInt(254)));
        assert_eq!(read(Type::SInt, &[0xFE]), Ok(Raw::Int(-2)));
        assert_eq!(read(Type::Word, &[0xFF, 0xFE]), Ok(Raw::UInt(65_534)));
        assert_eq!(read(Type::Int, &[0xFF, 0xFE]), Ok(Raw::Int(-2)));
        assert_eq!(read(Type::UDInt, &[0x80, 0, 0, 1]), Ok(Raw::UInt(2_147_483_649)));
        assert_eq!(read(Type::DInt, &[0x80, 0, 0, 1]), Ok(Raw::Int(-2_147_483_647)));
        assert_eq!(read(Type::ULInt, &[0xFF; 8]), Ok(Raw::UInt(u64::MAX)));
        assert_eq!(read(Type::LInt, &[0xFF; 8]), Ok(Raw::Int(-1)));
        assert_eq!(read(Type::Real, &13.45_f32.to_be_bytes()), Ok(Raw::Real(13.45)));
        assert_eq!(read(Type::LReal, &13.45_f64.to_be_bytes()), Ok(Raw::LReal(13.45)));
        assert_eq!(read(Type::Char, b"K"), Ok(Raw::Text("K".into())));
    }

    #[test]
    fn a_bool_is_one_bit_of_its_byte() {
        let bits: Vec<_> = (0..8).map(|bit| Type::Bool.decode(bit, &[0b1000_0010])).collect();
        assert_eq!(bits, (0..8).map(|bit| Ok(Raw::Bool(bit == 1 || bit == 7))).collect::<Vec<_>>());
    }

    #[test]
    fn a_dint_read_as_real_is_refused_with_a_hint() {
        let reason = read(Type::Real, &990_i32.to_be_bytes()).unwrap_err();
        assert!(reason.contains("990 as a DINT"), "{reason}");
        assert_eq!(read(Type::Real, &[0; 4]), Ok(Raw::Real(0.0)));
        assert!(matches!(read(Type::Real, &f32::NAN.to_be_bytes()), Ok(Raw::Real(nan)) if nan.is_nan()));
    }

    #[test]
    fn a_string_ends_at_its_own_length_and_is_in_windows_1252() {
        assert_eq!(read(Type::String(6), b"\x06\x02okxxxx"), Ok(Raw::Text("ok".into())));
        assert_eq!(read(Type::String(4), b"\x04\x03\xFCl\x80!"), Ok(Raw::Text("ül€".into())));
        assert_eq!(read(Type::String(4), &[0; 6]), Ok(Raw::Text(String::new())));
    }

    #[test]
    fn bytes_that_are_no_string_are_refused() {
        assert!(read(Type::String(4), b"\x04\x05abcd").unwrap_err().contains("no STRING"));
        assert!(read(Type::String(4), b"\x20\x05abcd").unwrap_err().contains("STRING[4] was asked for"));
    }

    #[test]
    fn timers_and_counters_are_decimal() {
        assert_eq!(read(Type::Timer, &[0x21, 0x23]), Ok(Raw::UInt(123_000)));
        assert_eq!(read(Type::Timer, &[0x01, 0x23]), Ok(Raw::UInt(1_230)));
        assert_eq!(read(Type::Counter, &[0x04, 0x56]), Ok(Raw::UInt(456)));
        assert!(read(Type::Counter, &[0x04, 0xA6]).unwrap_err().contains("4A6"));
    }

    #[test]
    fn every_type_is_found_by_its_own_name() {
        for (name, _, kind) in NAMES {
            assert_eq!(Type::named(name), Some(kind));
            assert!(kind.name().starts_with(name));
        }
    }

    proptest! {
        #[test]
        fn noise_never_panics(bytes: Vec<u8>, bit: u8, chars: u8) {
            let others = [Type::String(chars), Type::Timer, Type::Counter];
            for kind in NAMES.iter().map(|(.., kind)| *kind).chain(others) {
                kind.decode(bit, &bytes).ok();
            }
        }
    }
}

//! How an address is written, as TIA Portal and other tools do.
//!
//! ```text
//! DB1.DBX0.0  DB1.DBW2:INT  DB1.DBD4:REAL  DB1.DBB20:STRING[30]  M0.1  MW10:INT  I0.0 = E0.0  QW4:WORD = AW4:WORD
//! T5  C3 = Z3          other tools' ways: DB1,REAL4  DB1.R4  DB1,S20.30  DB1:4:REAL       `%` in front, any case
//! ```
//!
//! Here: text to [`Address`] and [`Type`]. Not here: anything that happens with them.
//! Invariant: every mistake is shown at its place, with what was found and what would be right; nothing panics.

use super::{
    address::{Address, AddressError, Area},
    value::{STRING_MAX, Type},
};

/// The greatest byte of an area: a block with standard access holds at most 64 KiB.
const BYTE_MAX: u32 = 65_535;
/// The greatest timer or counter of any CPU.
const TIMER_MAX: u32 = 2_047;

impl Address {
    /// Reads an address. `declared` is the type that stands beside the address, if any.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &str, declared: Option<Type>) -> Result<Self, AddressError> {
        let upper = text.to_ascii_uppercase();
        let mut cursor = Cursor { text, upper: &upper, at: 0 };
        cursor.eat('%');
        let address = cursor.address(declared)?;
        if !cursor.rest().is_empty() {
            return Err(cursor.mistake("the end of the address"));
        }
        match declared {
            Some(declared) if declared != address.kind => Err(AddressError {
                at: 0,
                found: format!("an address of type {}", address.kind.name()),
                expected: format!("type {}, which is declared for the tag", declared.name()),
            }),
            _ => Ok(address),
        }
    }
}

impl Type {
    /// Reads the name of a type: `INT`, `STRING[30]`.
    ///
    /// # Errors
    /// When there is none of that name, or none that is read.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let upper = text.to_ascii_uppercase();
        let mut cursor = Cursor { text, upper: &upper, at: 0 };
        let kind = cursor.kind()?;
        if cursor.rest().is_empty() { Ok(kind) } else { Err(cursor.mistake("the end of the type")) }
    }
}

/// The letter that tells how wide an access is, and the types that it may be.
#[derive(Clone, Copy)]
struct Width {
    letter: char,
    types: &'static str,
}

/// A byte access also stands for what is wider than any letter says.
const WIDTHS: [Width; 4] = [
    Width { letter: 'X', types: "BOOL" },
    Width { letter: 'B', types: "BYTE, SINT, USINT, CHAR, STRING[n], LREAL, LINT, ULINT or LWORD" },
    Width { letter: 'W', types: "INT, UINT or WORD" },
    Width { letter: 'D', types: "REAL, DINT, UDINT or DWORD" },
];

impl Width {
    fn of(letter: &str) -> Option<Self> {
        WIDTHS.into_iter().find(|width| letter.chars().eq([width.letter]))
    }

    fn fits(self, kind: Type) -> bool {
        match self.letter {
            'X' => kind == Type::Bool,
            'W' => kind.len_bytes() == 2 && !matches!(kind, Type::String(_)),
            'D' => kind.len_bytes() == 4 && !matches!(kind, Type::String(_)),
            _ => kind != Type::Bool && (matches!(kind.len_bytes(), 1 | 8) || matches!(kind, Type::String(_))),
        }
    }
}

/// A place in the text. `upper` is the text in ASCII capitals, so that places in both are the same.
struct Cursor<'t> {
    text: &'t str,
    upper: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn address(&mut self, declared: Option<Type>) -> Result<Address, AddressError> {
        let at = self.at;
        let word = self.word(|c| c.is_ascii_alphabetic());
        let (area, letter) = match word.split_at_checked(1) {
            _ if word == "DB" => return self.in_block(declared),
            Some(("T", "")) => return self.numbered(Area::Timer, Type::Timer),
            Some(("C" | "Z", "")) => return self.numbered(Area::Counter, Type::Counter),
            Some(("M", letter)) => (Area::Marker, letter),
            Some(("I" | "E", letter)) => (Area::Input, letter),
            Some(("Q" | "A", letter)) => (Area::Output, letter),
            _ => return Err(self.mistake_at(at, "an area: DB and its number, M, I (E), Q (A), T or C (Z)")),
        };
        match Width::of(if letter.is_empty() { "X" } else { letter }) {
            Some(width) => self.of_width(area, width, declared),
            None => {
                Err(self.mistake_at(at + 1, "B, W or D for a byte, word or double word, or a byte and bit"))
            }
        }
    }

    /// A timer or a counter.
    fn numbered(&mut self, area: Area, kind: Type) -> Result<Address, AddressError> {
        let number = self.number(0, TIMER_MAX)?;
        Ok(Address { area, start: number * 2, bit: 0, kind })
    }

    /// What stands behind `DB`.
    fn in_block(&mut self, declared: Option<Type>) -> Result<Address, AddressError> {
        let number = self.number(1, u32::from(u16::MAX))?;
        let area = Area::Db(u16::try_from(number).unwrap_or(u16::MAX));
        if self.eat(':') {
            return self.offset_then_type(area);
        }
        if !self.eat('.') && !self.eat(',') {
            return Err(self.mistake("`.` and the place in the block, for example DB1.DBD4:REAL"));
        }
        let at = self.at;
        let word = self.word(|c| c.is_ascii_alphabetic());
        if let Some(width) = word.strip_prefix("DB").and_then(Width::of) {
            return self.of_width(area, width, declared);
        }
        match Type::abbreviated(word) {
            Some(kind) => self.of_type(area, kind),
            None => Err(self.mistake_at(at, "DBX, DBB, DBW or DBD, for example DB1.DBD4:REAL")),
        }
    }

    /// `4:REAL` or `0.1:BOOL`.
    fn offset_then_type(&mut self, area: Area) -> Result<Address, AddressError> {
        let start = self.number(0, BYTE_MAX)?;
        let at = self.at;
        let bit = if self.eat('.') { Some(self.number(0, 7)?) } else { None };
        if !self.eat(':') {
            return Err(self.mistake("`:` and a type, for example DB1:4:REAL"));
        }
        let kind = self.kind()?;
        match (bit, kind) {
            (None, Type::Bool) => Err(self.mistake_at(at, "`.` and a bit from 0 to 7 for a BOOL")),
            (Some(1..), kind) if kind != Type::Bool => {
                Err(self.mistake_at(at, "a whole byte, without a bit"))
            }
            _ => Ok(Address { area, start, bit: narrow(bit.unwrap_or(0)), kind }),
        }
    }

    /// What stands behind `DBW` or `M`: the byte, the bit of a bit, and perhaps a type.
    fn of_width(
        &mut self,
        area: Area,
        width: Width,
        declared: Option<Type>,
    ) -> Result<Address, AddressError> {
        let start = self.number(0, BYTE_MAX)?;
        let bit = if width.letter == 'X' { self.bit()? } else { 0 };
        let at = self.at;
        let kind = if self.eat(':') {
            self.kind()?
        } else if width.letter == 'X' {
            Type::Bool
        } else if let Some(kind) = declared {
            kind
        } else {
            return Err(self.mistake(&format!("`:` and a type: {}", width.types)));
        };
        if width.fits(kind) {
            return Ok(Address { area, start, bit, kind });
        }
        Err(AddressError {
            at,
            found: format!("type {}", kind.name()),
            expected: format!("a type of the width {}: {}", width.letter, width.types),
        })
    }

    /// What stands behind the type in `DB1,REAL4`, `DB1,X0.1` and `DB1,S20.30`.
    fn of_type(&mut self, area: Area, kind: Type) -> Result<Address, AddressError> {
        let start = self.number(0, BYTE_MAX)?;
        let bit = if kind == Type::Bool { self.bit()? } else { 0 };
        let kind = match kind {
            Type::String(_) if self.eat('.') => Type::String(narrow(self.number(1, u32::from(STRING_MAX))?)),
            kind => kind,
        };
        Ok(Address { area, start, bit, kind })
    }

    fn bit(&mut self) -> Result<u8, AddressError> {
        if !self.eat('.') {
            return Err(self.mistake("`.` and a bit from 0 to 7"));
        }
        self.number(0, 7).map(narrow)
    }

    fn kind(&mut self) -> Result<Type, AddressError> {
        let at = self.at;
        let name = self.word(|c| c.is_ascii_alphanumeric() || c == '_');
        let Some(kind) = Type::named(name) else {
            let mut mistake = self.mistake_at(at, "a type: BOOL, INT, DINT, REAL, STRING[n], WORD, …");
            if Type::is_not_read_yet(name) {
                mistake.found = format!("type {name}, which is not read yet");
            }
            return Err(mistake);
        };
        if !matches!(kind, Type::String(_)) || !self.eat('[') {
            return Ok(kind);
        }
        let chars = self.number(1, u32::from(STRING_MAX))?;
        if self.eat(']') { Ok(Type::String(narrow(chars))) } else { Err(self.mistake("`]`")) }
    }

    fn number(&mut self, min: u32, max: u32) -> Result<u32, AddressError> {
        let at = self.at;
        let digits = self.word(|c| c.is_ascii_digit());
        match digits.parse() {
            Ok(number) if (min..=max).contains(&number) => Ok(number),
            _ => Err(self.mistake_at(at, &format!("a number from {min} to {max}"))),
        }
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let len = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += len;
        rest.get(..len).unwrap_or("")
    }

    fn eat(&mut self, wanted: char) -> bool {
        let eaten = self.rest().starts_with(wanted);
        self.at += if eaten { wanted.len_utf8() } else { 0 };
        eaten
    }

    fn rest(&self) -> &'t str {
        self.upper.get(self.at..).unwrap_or("")
    }

    fn mistake(&self, expected: &str) -> AddressError {
        self.mistake_at(self.at, expected)
    }

    fn mistake_at(&self, at: usize, expected: &str) -> AddressError {
        let found = match self.text.get(at..).unwrap_or("") {
            "" => "the end of the address".to_owned(),
            rest => format!("`{rest}`"),
        };
        AddressError { at, found, expected: expected.to_owned() }
    }
}

/// For numbers that were checked against a limit below 256.
fn narrow(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;

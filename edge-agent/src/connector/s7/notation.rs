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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, area: Area, start: u32, bit: u8, kind: Type) {
        assert_eq!(Address::parse(text, None), Ok(Address { area, start, bit, kind }), "{text}");
    }

    fn refused(text: &str, at: usize, words: &str) {
        let mistake = Address::parse(text, None).unwrap_err();
        let shown = mistake.to_string();
        assert!(mistake.at == at && shown.contains(words), "{text}: {} {shown}", mistake.at);
    }

    #[test]
    fn the_addresses_of_tia_portal_are_understood() {
        check("DB1.DBX0.7", Area::Db(1), 0, 7, Type::Bool);
        check("%db65535.dbw2:int", Area::Db(65_535), 2, 0, Type::Int);
        check("DB1.DBD4:REAL", Area::Db(1), 4, 0, Type::Real);
        check("DB1.DBB20:STRING[30]", Area::Db(1), 20, 0, Type::String(30));
        check("DB1.DBB20:STRING", Area::Db(1), 20, 0, Type::String(254));
        check("DB1.DBB8:LREAL", Area::Db(1), 8, 0, Type::LReal);
        check("M0.1", Area::Marker, 0, 1, Type::Bool);
        check("MX0.1", Area::Marker, 0, 1, Type::Bool);
        check("%MW10:INT", Area::Marker, 10, 0, Type::Int);
        check("I0.0", Area::Input, 0, 0, Type::Bool);
        check("e0.0:bool", Area::Input, 0, 0, Type::Bool);
        check("QW4:WORD", Area::Output, 4, 0, Type::Word);
        check("AW4:WORD", Area::Output, 4, 0, Type::Word);
        check("T5", Area::Timer, 10, 0, Type::Timer);
        check("C3", Area::Counter, 6, 0, Type::Counter);
        check("Z3", Area::Counter, 6, 0, Type::Counter);
    }

    #[test]
    fn the_addresses_of_other_tools_are_understood() {
        for text in ["DB1,REAL4", "DB1.R4", "DB1:4:REAL", "DB1,r4", "DB1.REAL4"] {
            check(text, Area::Db(1), 4, 0, Type::Real);
        }
        check("DB1,X0.1", Area::Db(1), 0, 1, Type::Bool);
        check("DB1:0.1:BOOL", Area::Db(1), 0, 1, Type::Bool);
        check("DB1:4.0:DINT", Area::Db(1), 4, 0, Type::DInt);
        check("DB1,DI4", Area::Db(1), 4, 0, Type::DInt);
        check("DB1,D4", Area::Db(1), 4, 0, Type::DWord);
        check("DB1.S20.30", Area::Db(1), 20, 0, Type::String(30));
    }

    #[test]
    fn a_width_alone_is_no_type() {
        refused("DB1.DBW2", 8, "found the end of the address, expected `:` and a type: INT, UINT or WORD");
        refused("DB1.DBD4", 8, "REAL, DINT, UDINT or DWORD");
        refused("MB10", 4, "BYTE, SINT, USINT, CHAR");
        refused("QW4", 3, "INT, UINT or WORD");
    }

    #[test]
    fn a_type_may_stand_beside_the_address() {
        let int = Address::parse("QW4", Some(Type::Int)).unwrap();
        assert_eq!(int, Address::parse("QW4:INT", Some(Type::Int)).unwrap());
        let mistake = Address::parse("QW4:INT", Some(Type::Word)).unwrap_err();
        assert!(mistake.to_string().contains("type WORD, which is declared"), "{mistake}");
        assert_eq!(Address::parse("QW4", Some(Type::Real)).unwrap_err().at, 3);
    }

    #[test]
    fn a_mistake_is_shown_at_its_place() {
        refused("", 0, "an area");
        refused("DBX0.0", 0, "DB and its number");
        refused("DB0.DBW2:INT", 2, "a number from 1 to 65535");
        refused("DB1", 3, "the place in the block");
        refused("DB1.DBQ4", 4, "DBX, DBB, DBW or DBD");
        refused("DB1.DBX0", 8, "a bit from 0 to 7");
        refused("DB1.DBX0.8", 9, "a number from 0 to 7");
        refused("DB1.DBW65536:INT", 7, "from 0 to 65535");
        refused("DB1.DBW2:REAL", 8, "found type REAL, expected a type of the width W");
        refused("DB1.DBW2:INTEGER", 9, "found `INTEGER`, expected a type");
        refused("DB1.DBD2:TIME", 9, "type TIME, which is not read yet");
        refused("DB1.DBW2:INT[3]", 12, "found `[3]`");
        refused("DB1.DBB2:STRING[255]", 16, "from 1 to 254");
        refused("DB1.DBW2:INT ", 12, "the end of the address");
        refused("M10", 3, "a bit");
        refused("MÄ10", 1, "a number");
        refused("MWX10", 1, "B, W or D");
        refused("T5:INT", 2, "the end");
        refused("DB1:4", 5, "`:` and a type");
        refused("DB1:4:BOOL", 5, "a bit");
        refused("DB1:4.1:REAL", 5, "without a bit");
    }

    #[test]
    fn a_type_is_read_by_itself() {
        assert_eq!(Type::parse("string[12]"), Ok(Type::String(12)));
        assert_eq!(Type::parse("INT2").unwrap_err().at, 0);
        assert_eq!(Type::parse("INT!").unwrap_err().at, 3);
    }

    proptest! {
        #[test]
        fn noise_never_panics(text: String) {
            Address::parse(&text, None).ok();
        }

        #[test]
        fn a_damaged_address_never_panics_and_places_its_mistake_inside(at in 0..12_usize, c: char) {
            let mut text: Vec<char> = "%DB1.DBD4:REAL".chars().collect();
            text[at] = c;
            let text: String = text.into_iter().collect();
            if let Err(mistake) = Address::parse(&text, None) {
                prop_assert!(text.is_char_boundary(mistake.at));
            }
        }
    }
}

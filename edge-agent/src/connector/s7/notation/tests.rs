//! Addresses as people write them: those of TIA Portal, those of other tools, those with mistakes, and noise.

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

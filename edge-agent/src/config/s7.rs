//! What only S7 needs: `rack`, `slot`, `tsap`, and the addresses of tags.
//!
//! Here: their keys, checked as far as a file can be. Not here: how an address is read (`connector::s7`), whether
//! the PLC has what it names.
//! Invariant: a mistake in an address is shown at the character at which it goes wrong.

use rules::document::{Placed, Reader};
use rules::value::Type;

use super::source::{scan, timeout};
use crate::connector::s7::{self, Address, AddressError, Connection, S7Config, S7Tag, Tsap};

/// How the PLC is reached.
pub(super) fn config(r: &mut Reader<'_, '_>) -> Option<S7Config> {
    let address = r.required_text("address");
    let tsap = tsap(r);
    let (scan, timeout) = (scan(r), timeout(r));
    let merge = r.bool("merge");
    let mut config = S7Config::new(&address?.value);
    config.scan = scan.unwrap_or(config.scan);
    config.timeout = timeout.unwrap_or(config.timeout);
    config.merge = merge.is_none_or(|m| m.value);
    config.tsap = tsap.unwrap_or(config.tsap);
    Some(config)
}

/// `tsap`, or `rack`, `slot` and `connection`.
fn tsap(r: &mut Reader<'_, '_>) -> Option<Tsap> {
    let (rack, slot) = (r.int("rack"), r.int("slot"));
    let kinds = [("op", Connection::Op), ("pg", Connection::Pg), ("basic", Connection::Basic)];
    let connection = super::one_of(r, "connection", &kinds);
    if let Some(given) = r.text("tsap") {
        return remote_tsap(r, &given);
    }
    if rack.is_none() && slot.is_none() && connection.is_none() {
        return None;
    }
    let small = |number: &Option<Placed<i64>>, default| {
        number.as_ref().map_or(Ok(default), |n| u8::try_from(n.value))
    };
    let span = rack.as_ref().or(slot.as_ref()).map_or(0..0, |n| n.span.clone());
    let (Ok(rack), Ok(slot)) = (small(&rack, 0), small(&slot, 1)) else {
        let place = (r.file(), span);
        r.report().error("C204", place, "there is no such rack or slot", "racks are 0 to 7, slots 0 to 31");
        return None;
    };
    let tsap = Tsap::of_slot(rack, slot, connection.unwrap_or_default());
    if let Err(e) = &tsap {
        let place = (r.file(), span);
        r.report().error("C204", place, e.to_string(), "no such place in a PLC");
    }
    tsap.ok()
}

/// The PLC's TSAP as TIA Portal shows it: `03.01` or `0301`.
fn remote_tsap(r: &mut Reader<'_, '_>, given: &Placed<String>) -> Option<Tsap> {
    let digits = given.value.replace('.', "");
    let remote = (digits.len() == 4).then(|| u16::from_str_radix(&digits, 16).ok()).flatten();
    if remote.is_none() {
        let place = (r.file(), given.span.clone());
        r.report().error("C205", place, "`tsap` is not a TSAP", "four hexadecimal digits, such as \"03.01\"");
    }
    Some(Tsap { remote: remote?, ..Tsap::default() })
}

/// The address of an S7 tag and the type that follows from it.
pub(super) fn addressed(r: &mut Reader<'_, '_>) -> (Option<Type>, Option<S7Tag>) {
    let kind = r.text("type");
    let Some(address) = r.required_text("address") else { return (None, None) };
    let declared = match kind.map(|k| (s7::Type::parse(&k.value), k)) {
        Some((Err(e), k)) => {
            address_mistake(r, &k, &e, "`type` is not a type that is read");
            return (None, None);
        }
        Some((Ok(kind), _)) => Some(kind),
        None => None,
    };
    match Address::parse(&address.value, declared) {
        Ok(address) => (Some(type_of(address.kind())), Some(S7Tag { address })),
        Err(e) => {
            address_mistake(r, &address, &e, &format!("`{}` is not an S7 address", address.value));
            (None, None)
        }
    }
}

fn address_mistake(r: &mut Reader<'_, '_>, text: &Placed<String>, e: &AddressError, message: &str) {
    let file = r.file();
    let inner = e.at..(e.at + 1).max(text.value.len().min(e.at + e.found.len()));
    let span = rules::place::in_file(r.report().text(file), &text.span, &inner);
    r.report().error("C208", (file, span), message, format!("{} is expected", e.expected)).help =
        Some("for example DB10.DBX0.0, DB10.DBW2:INT, DB10.DBD4:REAL, M0.1".into());
}

fn type_of(kind: s7::Type) -> Type {
    match kind {
        s7::Type::Bool => Type::Bool,
        s7::Type::Real | s7::Type::LReal => Type::Float,
        s7::Type::Char | s7::Type::String(_) => Type::Text,
        _ => Type::Int,
    }
}

/// How many bits an integer of that type has; none where it is no such integer.
pub(super) fn integer_bits(kind: s7::Type) -> Option<u32> {
    use s7::Type as T;
    match kind {
        T::Byte | T::SInt | T::USInt => Some(8),
        T::Word | T::Int | T::UInt => Some(16),
        T::DWord | T::DInt | T::UDInt => Some(32),
        T::LWord | T::LInt | T::ULInt => Some(64),
        T::Bool | T::Real | T::LReal | T::Char | T::String(_) | T::Timer | T::Counter => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::mistake;

    #[test]
    fn a_wrong_address_shows_where_it_goes_wrong() {
        let said = mistake("DB10.DBD4:REAL", "DB10.DBD4");
        assert!(said.starts_with("agent.toml:23:21: `DB10.DBD4` is not an S7 address"), "{said}");
        assert!(mistake("DB10.DBD4:REAL", "DB10,5").contains("is not an S7 address"));
    }

    #[test]
    fn a_connection_that_no_plc_has_is_refused_in_words() {
        assert!(mistake("scan = \"200 ms\"", "rack = 9").contains("rack 9 does not exist"));
        assert!(mistake("scan = \"200 ms\"", "tsap = \"3.1\"").contains("four hexadecimal digits"));
    }
}

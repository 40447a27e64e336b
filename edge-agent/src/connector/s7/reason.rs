//! Why a PLC gave no value, in words that a technician can act on.
//!
//! Here: the sentences for the codes of a well-formed refusal. Not here: errors of the connection (`link`).
//! Invariant: every sentence names the PLC and what was read.

use super::address::Area;

/// What has to be done in TIA Portal so that a foreign client may read.
const PERMIT: &str = "In TIA Portal: Protection & Security > Connection mechanisms > permit PUT/GET";
/// What has to be done with a data block.
const STANDARD: &str = "DB > Attributes > clear 'Optimized block access'";

/// The PLC refused one item with this code. `last` is the last byte that was asked for.
pub(super) fn item(plc: &str, area: Area, last: u32, code: u8) -> String {
    match (code, area) {
        (0x03, _) => format!("PLC {plc} does not permit to read {area}. {PERMIT}"),
        (0x05, _) => format!("PLC {plc}: {area} is shorter than byte {last}: check the address of the tag"),
        (0x0A, Area::Db(_)) => {
            format!(
                "PLC {plc}: {area} does not exist or is optimised. In TIA Portal: {STANDARD}, then download"
            )
        }
        (0x0A, _) => format!("PLC {plc}: {area} does not exist up to byte {last}"),
        (0x01, _) => format!("PLC {plc}: hardware fault where {area} byte {last} is read"),
        _ => format!("PLC {plc} refused to read {area} up to byte {last} (S7 item code {code:02X})"),
    }
}

/// The PLC refused the whole request.
pub(super) fn header(plc: &str, area: Area, class: u8, code: u8) -> String {
    match (class, code) {
        (0x81, 0x04) => {
            let optimised = match area {
                Area::Db(_) => format!(" or {area} is optimised. {PERMIT}; {STANDARD}"),
                _ => format!(". {PERMIT}"),
            };
            format!("PLC {plc} refused the read: PUT/GET is disabled{optimised}")
        }
        (0x83, _) => {
            format!("PLC {plc} has no resources left to read {area} (S7 error {class:02X} {code:02X})")
        }
        (0x87, _) => {
            format!("PLC {plc} does not permit to read {area} (S7 error {class:02X} {code:02X}). {PERMIT}")
        }
        _ => format!("PLC {plc} refused the read of {area} (S7 error {class:02X} {code:02X})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disabled_put_get_is_told_with_its_remedy() {
        assert_eq!(
            header("192.168.0.10", Area::Db(10), 0x81, 0x04),
            "PLC 192.168.0.10 refused the read: PUT/GET is disabled or DB10 is optimised. In TIA Portal: Protection \
             & Security > Connection mechanisms > permit PUT/GET; DB > Attributes > clear 'Optimized block access'"
        );
        assert!(!header("p", Area::Marker, 0x81, 0x04).contains("optimised"));
    }

    #[test]
    fn an_item_is_told_by_its_area() {
        assert!(item("p", Area::Db(10), 7, 0x0A).starts_with("PLC p: DB10 does not exist or is optimised"));
        assert!(item("p", Area::Db(10), 7, 0x05).starts_with("PLC p: DB10 is shorter than byte 7"));
        assert!(item("p", Area::Input, 7, 0x0A).contains("the input area (I) does not exist"));
    }
}

//! Names for codes that standards have given: so that a rule says `WS_Cur_State = Operating`.
//!
//! Here: the tables that ship. Not here: tables of one plant, which its configuration gives. What each rests on:
//!
//! | table | source | how sure |
//! |---|---|---|
//! | modes, programs | OPC 40600 (OPC UA for Weihenstephan Standards) 1.00, tables 24 and 26 | read there, each name and number |
//! | `ws09_state` 1 to 4096, 32768 | WS 09 part 2, which is not public | as three makers of line software have coded it, each for other machines; one shows 32768 as "partial fault" |
//! | `ws09_state` 8192, 16384 | the same | as two of the three have coded it; the machines of the third do not use them |
//! | `ws09_state` 0 | none | unconfirmed: that no bit is set is our reading; one of the three shows it as "no batch" |
//! | `ws10_state` | OPC 40600, 7.5 and 7.6: the states are those of PackML; their numbers are PackML's | unconfirmed for a WS 10 machine that is not read by OPC UA |
//! | `packml_state` | ISA-TR88.00.02, as OPC 30050 and a public PackML library of a PLC maker give it | agreed, but for 17: `Complete`, in the issue of 2022 `Completed` |
//! | `packml_mode` | ISA-TR88.00.02, not public | unconfirmed: from memory of its users |
//!
//! Invariant: a code that is not listed has no name, and equals none.

use std::sync::Arc;

use crate::inventory::{Names, Tag};
use crate::value::Type;

type Table = (&'static str, &'static [(&'static str, i64)]);

const WS_MODE: &[(&str, i64)] = &[("Off", 1), ("Manual", 2), ("SemiAutomatic", 4), ("Automatic", 8)];

const WS_PROG: &[(&str, i64)] = &[
    ("Undefined", 0),
    ("Production", 1),
    ("StartUp", 2),
    ("RunDown", 4),
    ("Clean", 8),
    ("Changeover", 16),
    ("Maintenance", 32),
    ("Break", 64),
];

const WS09_STATE: &[(&str, i64)] = &[
    ("Undefined", 0),
    ("Stopped", 1),
    ("Starting", 2),
    ("Prepared", 4),
    ("Lack", 8),
    ("Tailback", 16),
    ("LackBranchLine", 32),
    ("TailbackBranchLine", 64),
    ("Operating", 128),
    ("Stopping", 256),
    ("Aborting", 512),
    ("EquipmentFailure", 1_024),
    ("ExternalFailure", 2_048),
    ("EmergencyStop", 4_096),
    ("Holding", 8_192),
    ("Held", 16_384),
    ("Idle", 32_768),
];

const PACKML_STATE: &[(&str, i64)] = &[
    ("Undefined", 0),
    ("Clearing", 1),
    ("Stopped", 2),
    ("Starting", 3),
    ("Idle", 4),
    ("Suspended", 5),
    ("Execute", 6),
    ("Stopping", 7),
    ("Aborting", 8),
    ("Aborted", 9),
    ("Holding", 10),
    ("Held", 11),
    ("Unholding", 12),
    ("Suspending", 13),
    ("Unsuspending", 14),
    ("Resetting", 15),
    ("Completing", 16),
    ("Complete", 17),
];

const PACKML_MODE: &[(&str, i64)] = &[("Invalid", 0), ("Production", 1), ("Maintenance", 2), ("Manual", 3)];

/// What `weekday()` gives: ISO 8601.
const WEEKDAY: &[(&str, i64)] = &[
    ("Monday", 1),
    ("Tuesday", 2),
    ("Wednesday", 3),
    ("Thursday", 4),
    ("Friday", 5),
    ("Saturday", 6),
    ("Sunday", 7),
];

const TABLES: &[Table] = &[
    ("ws09_mode", WS_MODE),
    ("ws09_prog", WS_PROG),
    ("ws09_state", WS09_STATE),
    ("ws10_mode", WS_MODE),
    ("ws10_prog", WS_PROG),
    ("ws10_state", PACKML_STATE),
    ("packml_mode", PACKML_MODE),
    ("packml_state", PACKML_STATE),
];

/// The table of that name; none: no such table ships.
#[must_use]
pub fn table(name: &str) -> Option<Arc<Names>> {
    TABLES.iter().find(|(table, _)| *table == name).map(|(table, entries)| names(table, entries))
}

/// The names of the tables that ship.
pub fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|(name, _)| *name)
}

/// The days of the week.
pub(crate) fn weekdays() -> Arc<Names> {
    names("weekday", WEEKDAY)
}

fn names(table: &str, entries: &[(&str, i64)]) -> Arc<Names> {
    let entries = entries.iter().map(|(name, code)| ((*name).to_owned(), *code)).collect();
    Arc::new(Names { table: table.to_owned(), entries })
}

impl Names {
    /// The code of a name; blanks, `_`, `-` and upper and lower case do not matter where nothing else fits.
    #[must_use]
    pub fn code(&self, name: &str) -> Option<i64> {
        let exact = self.entries.iter().find(|(n, _)| n == name);
        let alike = || self.entries.iter().find(|(n, _)| plain(n) == plain(name));
        exact.or_else(alike).map(|(_, code)| *code)
    }

    /// The name of a code.
    #[must_use]
    pub fn name(&self, code: i64) -> Option<&str> {
        self.entries.iter().find(|(_, c)| *c == code).map(|(name, _)| name.as_str())
    }
}

impl Tag {
    /// Whether a code that came for it is one of its table, if it has one.
    #[must_use]
    pub fn lists(&self, code: i64) -> bool {
        self.kind != Type::Enum || self.names.as_ref().is_none_or(|names| names.name(code).is_some())
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_by_name_and_names_as_people_write_them() {
        let state = table("ws09_state").unwrap();
        assert_eq!(state.code("Operating"), Some(128));
        assert_eq!(state.code("Equipment Failure"), Some(1_024));
        assert_eq!(state.code("equipment_failure"), Some(1_024));
        assert_eq!((state.code("Running"), state.name(3)), (None, None));
        assert_eq!(table("packml_state").unwrap().name(6), Some("Execute"));
        assert_eq!(table("ws10_prog").unwrap().name(32), Some("Maintenance"));
        assert!(table("ws11_state").is_none());
    }

    #[test]
    fn a_name_and_a_code_stand_once_in_a_table() {
        for name in tables() {
            let table = table(name).unwrap();
            for (i, (a, x)) in table.entries.iter().enumerate() {
                assert!(table.entries[..i].iter().all(|(b, y)| plain(a) != plain(b) && x != y), "{name} {a}");
            }
        }
    }
}

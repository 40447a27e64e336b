//! Which table of names a tag means, and what is said of tables that contradict.

use super::super::source::tests::mistake;
use super::super::tests::{GOOD, read};
use super::*;

const OWN: &str = "[enum.valve]\nClosed = 0\nOpen = 3\n[flags.alarms]\nDoor = 0\nStop = 9\n";

fn of_speed(keys: &str) -> String {
    GOOD.replace("type = \"Int\"", &format!("type = \"Int\"\n{keys}")) + OWN
}

fn speed(keys: &str) -> (Type, Option<Arc<Names>>, Option<u32>) {
    let (config, lines) = read(&of_speed(keys));
    let config = config.unwrap_or_else(|| panic!("{lines:#?}"));
    let (_, tag) = config.inventory.tags().find(|(_, t)| t.name == "speed").unwrap();
    (tag.kind, tag.names.clone(), tag.counter)
}

fn wrong(keys: &str) -> String {
    let (config, lines) = read(&of_speed(keys));
    assert!(config.is_none() && lines.len() == 1, "{lines:#?}");
    lines[0].clone()
}

#[test]
fn a_tag_means_a_table_that_ships_or_one_of_the_plant() {
    let (kind, names, _) = speed("enum = \"ws09_state\"");
    assert_eq!((kind, names.unwrap().code("Operating")), (Type::Enum, Some(128)));
    let (kind, names, _) = speed("enum = \"valve\"");
    assert_eq!((kind, names.unwrap().name(3).map(str::to_owned)), (Type::Enum, Some("Open".into())));
    let (kind, names, _) = speed("flags = \"alarms\"");
    assert_eq!((kind, names.unwrap().code("Stop")), (Type::Flags, Some(9)));
}

#[test]
fn a_table_that_is_not_there_is_said_with_what_was_meant() {
    assert!(wrong("enum = \"ws9_state\"").contains("did you mean `ws09_state`?"));
    assert!(wrong("enum = \"vlave\"").contains("did you mean `valve`?"));
    assert!(wrong("enum = \"alarms\"").contains("write flags = \"alarms\""));
    assert!(wrong("flags = \"packages\"").contains("under [flags.packages]"));
    assert!(wrong("enum = \"sorts\"").contains("these ship: ws09_mode"));
}

#[test]
fn a_counter_wraps_at_the_width_of_its_type_or_at_what_it_says() {
    assert_eq!(speed("kind = \"counter\"").2, Some(64), "nobody knows");
    assert_eq!(speed("kind = \"counter\"\nbits = 16").2, Some(16));
    let s7 = |address: &str| {
        let text = GOOD.replace("DB10.DBD4:REAL", address).replace("unit = \"°C\"", "kind = \"counter\"");
        let (config, lines) = read(&text);
        let config = config.unwrap_or_else(|| panic!("{lines:#?}"));
        config.inventory.tags().next().and_then(|(_, t)| t.counter)
    };
    assert_eq!((s7("DB10.DBD4:UDINT"), s7("DB10.DBW4:INT")), (Some(32), Some(16)));
    assert_eq!((s7("DB10.DBD4:REAL"), s7("C3")), (Some(64), Some(64)), "neither wraps");
}

#[test]
fn what_contradicts_itself_is_said() {
    assert!(wrong("enum = \"valve\"\nflags = \"alarms\"").contains("one of `enum`, `flags`"));
    assert!(wrong("enum = \"valve\"\nkind = \"counter\"").contains("one of `enum`, `flags`"));
    assert!(wrong("kind = \"conter\"").contains("\"counter\" is expected"));
    assert!(wrong("bits = 16").contains("kind = \"counter\""));
    assert!(wrong("kind = \"counter\"\nbits = 12").contains("8, 16, 32 or 64"));
    let real = mistake("unit = \"°C\"", "enum = \"ws09_state\"");
    assert!(real.contains("`enum` needs an integer") && real.contains("Float"), "{real}");
}

#[test]
fn a_type_may_say_what_the_table_says_and_needs_it() {
    let of = |from: &str| of_speed("").replace("type = \"Int\"", from);
    assert!(read(&of("type = \"Enum\"\nenum = \"valve\"")).0.is_some());
    let (_, said) = read(&of("type = \"Flags\""));
    assert!(said.len() == 1 && said[0].contains("`type` needs `flags = \"…\"`"), "{said:#?}");
}

#[test]
fn a_table_has_each_name_and_each_code_once() {
    let table = |lines: &str| {
        let (config, said) = read(&format!("{GOOD}{lines}"));
        assert!(config.is_none() && said.len() == 1, "{said:#?}");
        said[0].clone()
    };
    assert!(table("[enum.a]\nX = 1\nY = 1").contains("`X` has this one already"));
    assert!(table("[enum.a]\nX-Y = 1\nx_y = 2").contains("`x_y` stands twice"));
    assert!(table("[flags.a]\nX = 64").contains("the place of a bit"));
    assert!(table("[enum.a]\nX = 'y'").contains("`X` must be a code"));
    assert!(table("[enum.a]").contains("this one is empty"));
    assert!(table("[enum.ws09_state]\nX = 1").contains("ships with the agent"));
    assert!(table("[enum]\nX = 1").contains("`enum.X` must be a table"));
}

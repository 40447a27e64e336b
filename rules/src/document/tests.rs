//! Tables that are asked for their keys: what is read, and what is said of keys and values that are wrong.

use super::reader::size_of;
use super::*;

fn lines(text: &str, ask: impl FnOnce(&mut Reader<'_, '_>)) -> Vec<String> {
    let mut report = Report::default();
    let file = report.add_file("a.toml", text);
    let table = parse(&mut report, file);
    let mut reader = Reader::new(&table, "[agent]", file, &mut report);
    ask(&mut reader);
    reader.finish(&["later"]);
    report.lines().collect()
}

#[test]
fn what_is_right_is_read_with_its_place() {
    let said = lines("id = 'x'\nscan = '100 ms'\nn = 0x10\nyes = true", |r| {
        assert_eq!(r.text("id").unwrap(), Placed { value: "x".into(), span: 5..8 });
        assert_eq!(r.duration("scan").unwrap().value, 100);
        assert_eq!(r.int("n").unwrap().value, 16);
        assert!(r.bool("yes").unwrap().value);
    });
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn a_mistyped_key_is_reported_once_with_what_was_meant() {
    let said = lines("adress = '10.0.0.1'", |r| assert!(r.required_text("address").is_none()));
    assert_eq!(said, ["a.toml:1:1: unknown key `adress` ([agent] has no such key; did you mean `address`?)"]);
}

#[test]
fn a_missing_key_a_wrong_type_and_a_later_key_each_say_so() {
    let said = lines("id = 4\nscan = '5 m'\nlater = 1", |r| {
        r.required_text("id");
        r.required_text("address");
        r.duration("scan");
    });
    assert_eq!(said.len(), 4, "{said:#?}");
    assert!(
        said[0].contains("`id` must be a text in quotes (this is an integer; write id = \"4\")"),
        "{}",
        said[0]
    );
    assert!(said[1].contains("[agent] has no `address`"), "{}", said[1]);
    assert!(said[2].contains("`scan` is not a duration (`5 m` is 5 metres"), "{}", said[2]);
    assert!(said[3].contains("`later` is not supported by this version"), "{}", said[3]);
}

#[test]
fn all_syntax_errors_come_in_one_run_with_their_fix() {
    let said = lines("\u{feff}a = 4,5\nb = “x”\n", |_| {});
    assert!(said.iter().any(|s| s.contains("a.toml:1:") && s.contains("decimal point")), "{said:#?}");
    assert!(said.iter().any(|s| s.contains("a.toml:2:")), "{said:#?}");
}

#[test]
fn sizes_have_a_binary_unit() {
    assert_eq!(size_of("256 MiB"), Some(256 << 20));
    assert_eq!(size_of("1GiB"), Some(1 << 30));
    for wrong in ["256", "256 MB", "-1 MiB", "", "99999999999999999 GiB"] {
        assert_eq!(size_of(wrong), None, "{wrong}");
    }
}

#[test]
fn keys_keep_the_order_of_the_file() {
    let mut report = Report::default();
    let file = report.add_file("a.toml", "[z]\n[a]\n[m]");
    let keys: Vec<_> = parse(&mut report, file).entries.into_iter().map(|(k, _)| k.value).collect();
    assert_eq!(keys, ["z", "a", "m"]);
}

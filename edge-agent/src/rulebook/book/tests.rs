//! The book over scans and reboots: what is in force, and what is said.

use rules::value::Value;

use super::*;

struct Shelf {
    dir: tempfile::TempDir,
    book: Book,
}

impl Shelf {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let book = Book::open(dir.path(), Arc::default(), None);
        let mut shelf = Self { dir, book };
        files.iter().for_each(|(name, text)| shelf.write(name, text));
        shelf.book.scan();
        shelf
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn happening(&mut self) -> Option<Happening> {
        self.book.scan().and_then(|edition| edition.happening)
    }

    fn in_force(&self) -> Vec<(String, String)> {
        let text = |b: &BoundRule| b.rule.groups[0].states[0].when.text.clone();
        self.book.rules.iter().map(|(name, b)| (name.clone(), text(b))).collect()
    }

    fn reboot(&mut self) {
        let bytes = self.book.bytes();
        self.book = Book::open(self.dir.path(), Arc::default(), Some(&bytes));
        self.book.scan();
    }
}

fn rule(name: &str, when: &str) -> String {
    format!("[rule.{name}]\non = '*'\nwhen = '{when}'\n")
}

fn force(rules: &[(&str, &str)]) -> Vec<(String, String)> {
    rules.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn a_rule_with_a_mistake_keeps_its_last_good_version_even_over_a_reboot() {
    let mut shelf = Shelf::new(&[("a.toml", &(rule("x", "true") + &rule("y", "true")))]);
    shelf.write("a.toml", &(rule("x", "true and") + &rule("y", "false")));
    let edition = shelf.book.scan().unwrap();
    assert_eq!(shelf.in_force(), force(&[("x", "true"), ("y", "false")]));
    assert!(edition.mistakes.iter().any(|m| m.text.contains("a.toml:3:17")), "{:?}", edition.mistakes);
    let Some(Happening::RulesChanged { changed, .. }) = edition.happening else { panic!() };
    assert_eq!(changed, ["y"]);
    shelf.reboot();
    assert_eq!(shelf.in_force(), force(&[("x", "true"), ("y", "false")]));
}

#[test]
fn a_file_that_cannot_be_read_keeps_all_its_rules() {
    let mut shelf = Shelf::new(&[("a.toml", &rule("x", "true")), ("b.toml", &rule("y", "true"))]);
    shelf.write("a.toml", "[rule.x\n");
    std::fs::remove_file(shelf.dir.path().join("b.toml")).unwrap();
    for _ in 0..3 {
        shelf.book.scan();
    }
    assert_eq!(shelf.in_force(), force(&[("x", "true"), ("y", "true")]), "nobody knows what the file holds");
    shelf.reboot();
    assert_eq!(shelf.in_force(), force(&[("x", "true"), ("y", "true")]));
}

#[test]
fn limits_of_a_table_are_kept_with_the_rule() {
    let rule = "[rule.x]\non = '*'\nwhen = 'true'\nparam.limit = 1\n".to_owned() + &rule("y", "true");
    let table = |limit: &str| format!("rule;parameter;machine;value\nx;limit;*;{limit}\n");
    let mut shelf = Shelf::new(&[("a.toml", &rule), ("limits.csv", &table("2,5"))]);
    let limit = |shelf: &Shelf| {
        shelf.book.rules["x"].rule.params["limit"].limits.first().map(|(_, c)| c.value.clone())
    };
    assert_eq!(limit(&shelf), Some(Value::Float(2.5)));
    shelf.write("limits.csv", &table("3"));
    let Some(Happening::RulesChanged { changed, .. }) = shelf.happening() else { panic!() };
    assert_eq!((changed, limit(&shelf)), (vec!["x".to_owned()], Some(Value::Int(3))));
    shelf.write("limits.csv", "rule;parameter\n");
    assert_eq!((shelf.happening(), limit(&shelf)), (None, Some(Value::Int(3))), "it cannot be read");
    shelf.reboot();
    assert_eq!(limit(&shelf), Some(Value::Int(3)));
    std::fs::remove_file(shelf.dir.path().join("limits.csv")).unwrap();
    assert_eq!((shelf.happening(), limit(&shelf)), (None, Some(Value::Int(3))), "it may be being replaced");
    assert!(shelf.happening().is_some());
    assert_eq!((shelf.happening(), limit(&shelf)), (None, None));
}

#[test]
fn a_rule_is_gone_when_two_scans_do_not_find_it() {
    let mut shelf = Shelf::new(&[("a.toml", &(rule("x", "true") + &rule("y", "true")))]);
    shelf.write("a.toml", &rule("x", "true"));
    assert_eq!(shelf.happening(), None);
    assert_eq!(shelf.in_force().len(), 2);
    let Some(Happening::RulesChanged { removed, .. }) = shelf.happening() else { panic!() };
    assert_eq!((removed, shelf.in_force().len()), (vec!["y".to_owned()], 1));
}

#[test]
fn an_editor_that_replaces_its_file_loses_no_rule() {
    let mut shelf = Shelf::new(&[("a.toml", &rule("x", "true")), ("b.toml", &rule("y", "true"))]);
    std::fs::remove_file(shelf.dir.path().join("b.toml")).unwrap();
    shelf.book.scan();
    shelf.write("b.toml", &rule("y", "true"));
    assert_eq!((shelf.happening(), shelf.happening()), (None, None));
    assert_eq!(shelf.in_force().len(), 2);
}

#[test]
fn an_empty_or_missing_directory_changes_nothing_and_says_so_once() {
    let mut shelf = Shelf::new(&[("a.toml", &rule("x", "true"))]);
    std::fs::remove_file(shelf.dir.path().join("a.toml")).unwrap();
    assert!(shelf.book.scan().unwrap().mistakes[0].text.contains("holds no rule files"));
    assert!(shelf.book.scan().is_none());
    std::fs::remove_dir(shelf.dir.path()).unwrap();
    assert!(shelf.book.scan().unwrap().mistakes[0].text.contains("cannot read the directory"));
    assert_eq!(shelf.in_force().len(), 1);
}

#[test]
fn an_empty_directory_that_is_meant_removes_all_rules_in_two_scans_and_they_stay_removed() {
    let mut shelf = Shelf::new(&[("a.toml", &rule("x", "true")), ("b.toml", &rule("y", "true"))]);
    shelf.book.may_be_empty = true;
    for file in ["a.toml", "b.toml"] {
        std::fs::remove_file(shelf.dir.path().join(file)).unwrap();
    }
    assert_eq!(shelf.happening(), None, "an editor may be at work");
    assert_eq!(shelf.in_force().len(), 2);
    let edition = shelf.book.scan().unwrap();
    let Some(Happening::RulesChanged { removed, .. }) = edition.happening else { panic!() };
    assert_eq!((removed, edition.count), (vec!["x".to_owned(), "y".to_owned()], 0));
    assert_eq!((edition.mistakes, edition.rules.map(|r| r.rules)), (Vec::new(), Some(0)));
    assert!(shelf.book.scan().is_none());
    shelf.reboot();
    assert_eq!(shelf.in_force(), force(&[]));
    shelf.write("a.toml", &rule("x", "true"));
    assert!(shelf.happening().is_some());
}

#[test]
fn a_directory_that_cannot_be_read_is_never_taken_for_an_empty_one() {
    let mut shelf = Shelf::new(&[("a.toml", &rule("x", "true"))]);
    shelf.book.may_be_empty = true;
    std::fs::remove_dir_all(shelf.dir.path()).unwrap();
    assert!(shelf.book.scan().unwrap().mistakes[0].text.contains("cannot read the directory"));
    for _ in 0..3 {
        assert!(shelf.book.scan().is_none());
    }
    // Nor does one scan of an empty one, with an unreadable one before it, count twice.
    std::fs::create_dir(shelf.dir.path()).unwrap();
    shelf.book.scan();
    std::fs::remove_dir(shelf.dir.path()).unwrap();
    shelf.book.scan();
    std::fs::create_dir(shelf.dir.path()).unwrap();
    shelf.book.scan();
    assert_eq!(shelf.in_force(), force(&[("x", "true")]));
}

#[test]
fn the_same_files_say_nothing() {
    let mut shelf = Shelf::new(&[("a.toml", &rule("x", "true"))]);
    assert!(shelf.book.scan().is_none());
    shelf.write("a.toml", &format!("# a comment\n{}", rule("x", "true")));
    assert_eq!(shelf.happening(), None, "the meaning is the same");
}

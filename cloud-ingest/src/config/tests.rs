//! `cloud-ingest.toml` in full, at its smallest, and with every mistake.

use super::*;

const SMALLEST: &str = "[stream]\nname = \"plimsoll\"\nregion = \"eu-central-1\"\n[local]\ndir = \"store\"\n";

fn wrong(text: &str) -> String {
    Config::parse(Path::new("/etc/c.toml"), text).unwrap_err().to_string()
}

#[test]
fn the_smallest_file_has_defaults_below_its_directory() {
    let config = Config::parse(Path::new("/etc/plimsoll/c.toml"), SMALLEST).unwrap();
    assert_eq!(config.destination, Destination::Local("/etc/plimsoll/store".into()));
    assert_eq!(config.checkpoint_dir, Path::new("/etc/plimsoll/store/checkpoint"));
    assert_eq!(config.failure_dir, Path::new("/etc/plimsoll/store/failures"));
    assert_eq!((config.poll, config.endpoint), (Duration::from_millis(250), None));
}

#[test]
fn everything_can_be_said() {
    let text = "[stream]\nname = \"s\"\nregion = \"x-1\"\nendpoint = \"http://[::1]:1\"\npoll = \"1.5 s\"\n\
                [local]\ndir = \"/a\"\n[checkpoint]\ndir = \"/b\"\n[failures]\ndir = \"c\"\n";
    let config = Config::parse(Path::new("/etc/c.toml"), text).unwrap();
    assert_eq!(
        (config.poll, config.endpoint.unwrap().as_str()),
        (Duration::from_millis(1500), "http://[::1]:1")
    );
    assert_eq!((config.checkpoint_dir, config.failure_dir), ("/b".into(), "/etc/c".into()));
}

#[test]
fn every_mistake_has_its_line_and_column() {
    for (from, to, said) in [
        ("name = \"plimsoll\"", "nmae = \"p\"", "2:1: unknown field `nmae`, expected one of `name`"),
        ("name = \"plimsoll\"", "name = \"a/b\"", "2:8: not the name of a stream or table: '/' stands in it"),
        ("\"eu-central-1\"", "\"Frankfurt\"", "3:10: \"Frankfurt\" is not a region"),
        ("\"eu-central-1\"", "7", "3:10: invalid type: integer `7`, expected a string"),
        ("[local]", "poll = \"0.1 s\"\n[local]", "4:8: \"0.1 s\" is too often"),
        ("[local]", "poll = \"often\"\n[local]", "4:8: \"often\" is not a duration"),
        ("[local]", "poll = \"-1 s\"\n[local]", "4:8: \"-1 s\" is not a duration"),
        ("[local]", "endpoint = \"ftp://x\"\n[local]", "4:12: \"ftp://x\" is not a URL"),
        ("[local]\ndir = \"store\"", "", "1:1: no destination: add [local] or [dynamodb]"),
        ("dir = \"store\"", "", "4:1: missing field `dir`"),
        ("dir = \"store\"", "dir = \"\"", "5:7: an empty name"),
        ("dir = \"store\"", "dir = \"ü\" x", "5:11: "),
        ("dir = \"store\"", "dir = \"s\"\n[dynamo]", "6:2: unknown field `dynamo`"),
    ] {
        let told = wrong(&SMALLEST.replace(from, to));
        assert!(told.starts_with("/etc/c.toml:") && told.contains(said), "{to}: {told}");
    }
}

const TABLE: &str = "[stream]\nname = \"s\"\nregion = \"x-1\"\n[dynamodb]\ntable = \"t\"\nregion = \"y-1\"\n\
                     ttl = \"90 days\"\n[checkpoint]\ndir = \"/c\"\n[failures]\ndir = \"f\"\n";

#[test]
fn a_table_is_a_destination_with_directories_of_its_own() {
    let config = Config::parse(Path::new("/etc/c.toml"), TABLE).unwrap();
    let Destination::Dynamodb(table) = config.destination else { panic!() };
    assert_eq!((table.table.as_str(), table.region.as_str(), table.endpoint), ("t", "y-1", None));
    assert_eq!(table.ttl, Duration::from_secs(90 * 86_400));
    assert_eq!((config.checkpoint_dir, config.failure_dir), ("/c".into(), "/etc/f".into()));
}

#[test]
fn every_mistake_about_the_table_has_its_line_and_column() {
    for (from, to, said) in [
        ("[dynamodb]", "[local]\ndir = \"d\"\n[dynamodb]", "6:1: [local] and [dynamodb] are both given"),
        ("[checkpoint]\ndir = \"/c\"\n", "", "1:1: [checkpoint] with its `dir` is needed beside"),
        ("[failures]\ndir = \"f\"\n", "", "1:1: [failures] with its `dir` is needed beside"),
        ("90 days", "soon", "7:7: \"soon\" is not a time, expected one like \"90 days\""),
        ("90 days", "-90 days", "7:7: \"-90 days\" is not a time"),
        ("90 days", "3 h", "7:7: \"3 h\" is less than a day"),
        ("ttl = \"90 days\"\n", "", "4:1: missing field `ttl`"),
        ("\"t\"", "\"a/b\"", "5:9: not the name of a stream or table: '/'"),
        ("table =", "name =", "5:1: unknown field `name`, expected one of `table`"),
    ] {
        let told = wrong(&TABLE.replace(from, to));
        assert!(told.starts_with("/etc/c.toml:") && told.contains(said), "{to}: {told}");
    }
}

#[test]
fn a_missing_file_is_told_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let said = Config::read(&dir.path().join("nothing.toml")).unwrap_err().to_string();
    assert!(said.starts_with("there is no configuration at ") && said.contains("--config FILE"), "{said}");
}

//! `rules check`, `test`, `fmt` and `schema`, as somebody uses them who writes rules.
//!
//! Here: what they say and how they end. Not here: each mistake of a rule (the `rules` crate's own tests), `replay`
//! (`replay`), operators (`operator`).
//! Invariant: what machines read is on standard output, everything else on standard error.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::desk::Desk;

const TESTED: &str = r#"
[[rule.hot.test]]
name   = "hot after ten seconds"
given  = [ { at = "0 s", water_temperature = 50.0 }, { at = "10 s", water_temperature = 61.0 } ]
expect = [ { at = "0 s", state = "Normal" }, { at = "10 s", state = "Active" } ]
"#;

/// A desk whose rule has a test.
fn tested() -> Desk {
    let desk = Desk::new();
    let rules = fs::read_to_string(desk.path("rules/line.toml")).unwrap();
    fs::write(desk.path("rules/line.toml"), rules + TESTED).unwrap();
    desk
}

/// TOML files of a folder of the repository.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    files
}

/// What a validator that nobody here wrote says of files: none where it finds nothing.
async fn judged(desk: &Desk, files: &[PathBuf]) -> Vec<(PathBuf, Option<String>)> {
    let said = desk.say("rules schema").await;
    assert_eq!((said.code, &*said.err), (0, ""));
    fs::write(desk.path("schema.json"), said.out).unwrap();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(tests.join(".venv/bin/python"));
    let out = command.arg(tests.join("peers/schema.py")).arg(desk.path("schema.json")).args(files).output();
    let out = out.unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let lines = String::from_utf8(out.stdout).unwrap();
    let judged: Vec<_> = lines
        .lines()
        .map(|line| {
            let (file, wrong) = line.split_once('\t').unwrap();
            (PathBuf::from(file), (!wrong.is_empty()).then(|| wrong.to_owned()))
        })
        .collect();
    assert_eq!(judged.len(), files.len());
    judged
}

#[tokio::test]
async fn the_schema_takes_every_rule_that_ships_and_every_example_of_the_manual() {
    let desk = Desk::new();
    let manual =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules/README.md")).unwrap();
    let blocks = manual.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let mut all = [files("rules/catalogue/rules"), files("rules/examples/line/rules")].concat();
    for (i, block) in blocks.enumerate() {
        let path = desk.path(&format!("block-{i}.toml"));
        fs::write(&path, block).unwrap();
        all.push(path);
    }
    assert!(all.len() > 30, "{}", all.len());
    let refused: Vec<_> =
        judged(&desk, &all).await.into_iter().filter(|(_, wrong)| wrong.is_some()).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// Mistakes that can be seen without knowing the line: keys, kinds of values, names.
const OF_THE_SCHEMA: [&str; 16] = [
    "E001", "E002", "E003", "E004", "E005", "E006", "E007", "R001", "R002", "R003", "R004", "R005", "R006",
    "R007", "R009", "R012",
];

#[tokio::test]
async fn the_schema_refuses_every_file_whose_keys_or_values_are_wrong() {
    let desk = Desk::new();
    let mut wanted = Vec::new();
    for file in files("rules/tests/faulty") {
        // Whether a rule has a parameter of that name is beyond a schema.
        if file.ends_with("delay-parameter.toml") {
            continue;
        }
        let told = fs::read_to_string(file.with_extension("txt")).unwrap_or_default();
        let codes = told.lines().filter_map(|line| line.strip_prefix("error[")?.get(..4));
        if codes.into_iter().any(|code| OF_THE_SCHEMA.contains(&code)) {
            wanted.push(file);
        }
    }
    assert!(wanted.len() > 35, "{}", wanted.len());
    let taken: Vec<_> =
        judged(&desk, &wanted).await.into_iter().filter(|(_, wrong)| wrong.is_none()).collect();
    assert!(taken.is_empty(), "{taken:#?}");
}

#[tokio::test]
async fn a_key_in_the_wrong_place_and_a_wrong_value_of_each_key_are_refused_by_the_schema() {
    let desk = Desk::new();
    let rule = "[rule.r]\non = 'x'\n";
    let of_rule = |line: &str| format!("{rule}when = 't > 1'\n{line}\n");
    let of_group = |line: &str| {
        format!("{rule}[rule.r.group.g]\nstate = [ {{ name = 'A', when = 't > 1' }} ]\n{line}\n")
    };
    let of_state = |keys: &str| {
        format!("{rule}[rule.r.group.g]\nstate = [ {{ name = 'A', when = 't > 1', {keys} }} ]\n")
    };
    let duration = |key: &str| [format!("{key} = 5"), format!("{key} = '5 m'"), format!("{key} = '1,5 s'")];
    let mut texts: Vec<String> = Vec::new();
    for line in [
        "qqq = 1",
        "weight = 1001",
        "severity = 'Alarm'",
        "latch = 'yes'",
        "active_if = true",
        "text = 5",
        "text.Deutsch = 'x'",
        "note.qqq = 'x'",
        "unknown = 'as_false'",
        "unknown = { weight = 5 }",
        "coverage = 80",
        "deadband = '1 K'",
        "param = 5",
        "param.a = { qqq = 1 }",
        "param.a = []",
        "define = 'x'",
        "action = 'x'",
        "[[rule.r.action]]",
        "[[rule.r.action]]\nnotify = 5",
        "[[rule.r.action]]\nnotify = 'x'\nto = 5",
        "[[rule.r.action]]\nnotify = 'x'\nrepeat = '30'",
        "[[rule.r.action]]\nnotify = 'x'\nqqq = 5",
        "[[rule.r.test]]\nqqq = 1",
        "[[rule.r.test]]\ngiven = [ { t = 1 } ]",
        "[[rule.r.test]]\nexpect = [ { at = 5 } ]",
        "renamed_from = 5",
        "stale_after = 'always'",
        "default = 'Unknown'",
        "state = []",
    ] {
        texts.push(of_rule(line));
    }
    texts.extend(["for", "hold"].iter().flat_map(|key| duration(key)).map(|line| of_rule(&line)));
    texts.extend(["qqq = 1", "when = 't > 1'", "otherwise = 'Removed'", "weight = -1"].map(of_group));
    texts.extend(["qqq = 1", "for = '5'", "severity = 5", "weight = 1.5", "name2 = 'x'"].map(of_state));
    texts.extend(
        ["rules = 1", "[rule.'a b']\non = 'x'\nwhen = 't'", "[rule.r]\non = {}\nwhen = 't'"]
            .map(str::to_owned),
    );
    let write = |(i, text): (usize, &String)| {
        let path = desk.path(&format!("{i}.toml"));
        fs::write(&path, text).unwrap();
        path
    };
    let paths: Vec<PathBuf> = texts.iter().enumerate().map(write).collect();
    let taken = judged(&desk, &paths).await.into_iter().zip(texts).filter(|((_, wrong), _)| wrong.is_none());
    let taken: Vec<String> = taken.map(|(_, text)| text).collect();
    assert!(taken.is_empty(), "{taken:#?}");
}

#[tokio::test]
async fn a_test_that_fails_says_what_was_expected_what_came_and_when() {
    let desk = tested();
    let said = desk.say("rules test --config agent.toml").await;
    let all = "1 test of 1 rule: all passed; 0 rules have no test\n";
    assert_eq!((said.code, &*said.out, &*said.err), (0, "", all));

    desk.edit("rules/line.toml", "> 60", "> 70");
    let said = desk.say("rules test --config agent.toml").await;
    let golden = "\
error[T001]: test `hot after ten seconds` of `hot`: at 10 s the state is `Normal`
 --> rules/line.toml:9:46
  |
9 | expect = [ { at = \"0 s\", state = \"Normal\" }, { at = \"10 s\", state = \"Active\" } ]
  |                                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `Active` is expected
  |
  = help: it went: 0 s Normal

1 test of 1 rule: 1 failed; 0 rules have no test
";
    assert_eq!((said.code, &*said.out, &*said.err), (1, "", golden), "{}", said.err);
    let said = desk.say("rules test hot --format json --config agent.toml").await;
    assert_eq!((said.code, said.out.lines().count()), (1, 1));
    assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap()["code"], "T001");
}

#[tokio::test]
async fn rules_are_tested_by_name_and_files_before_they_are_in_force() {
    let desk = tested();
    let mine = TESTED.replace("hot", "cold").replace("61.0", "4.0");
    let mine = format!("[rule.cold]\non = \"washer-*\"\nwhen = \"water_temperature < 5 °C\"\n{mine}");
    fs::write(desk.path("mine.toml"), &mine).unwrap();
    let said = desk.say("rules test --rules mine.toml --rules rules --config agent.toml").await;
    let all = "2 tests of 2 rules: all passed; 0 rules have no test\n";
    assert_eq!((said.code, &*said.err), (0, all));
    for (name, why) in [
        ("hott", "there is no rule `hott`; did you mean `hot`?"),
        ("mine.toml", "there is no rule `mine.toml`; a file is tested with --rules mine.toml"),
    ] {
        let said = desk.say(&format!("rules test {name} --config agent.toml")).await;
        assert_eq!((said.code, said.err), (1, format!("error: {why}\n")));
    }
    desk.edit("rules/line.toml", "> 60 °C", "> 60 bar");
    let said = desk.say("rules test hot --config agent.toml").await;
    assert!(said.code == 1 && said.err.starts_with("error[R205]"), "its mistake is shown: {}", said.err);
    assert!(said.err.ends_with("error: rule `hot` has a mistake: it cannot be tested\n"), "{}", said.err);
}

#[tokio::test]
async fn mistakes_as_json_have_the_fields_of_the_manual_and_columns_in_characters() {
    let desk = Desk::new();
    let when = "when = 'water_temperature > 5 °C or watr_temperature > 5 °C'";
    let text = format!("# zu heiß\r\n[rule.hot2]\r\non = 'washer-*' # Wäscher\r\n{when}\r\n");
    fs::write(desk.path("mine.toml"), text).unwrap();
    let said = desk.say("rules check mine.toml --format json --config agent.toml").await;
    assert_eq!(said.code, 1, "{said:?}");
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let golden = json!({
        "file": "mine.toml", "line": 4, "column": 37, "endLine": 4, "endColumn": 53, "code": "R201",
        "severity": "error", "message": "unknown tag `watr_temperature`", "label": "washer-1 has no such tag",
        "help": "did you mean `water_temperature`?",
    });
    assert_eq!(lines, std::slice::from_ref(&golden));
    let manual =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules/README.md")).unwrap();
    for field in golden.as_object().unwrap().keys() {
        assert!(manual.contains(&format!("| `{field}` |")), "the manual does not name `{field}`");
    }
    assert!(said.err.starts_with("0 rules"), "people read on standard error: {}", said.err);

    // A mistake of the configuration comes in the same way.
    desk.edit("agent.toml", "scan =", "scna =");
    for command in ["check", "rules check", "rules test"] {
        let said = desk.say(&format!("{command} --format json --config agent.toml")).await;
        let line: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!((said.code, &line["code"], &*said.err), (1, &json!("E002"), ""), "{command}");
    }
}

#[tokio::test]
async fn files_and_directories_are_checked_together_and_each_that_cannot_be_read_is_said() {
    let desk = Desk::new();
    fs::create_dir(desk.path("empty")).unwrap();
    fs::write(desk.path("bin.toml"), b"\xff\xfe\x00\xd8").unwrap();
    fs::write(desk.path("latin.toml"), b"[rule.b]\non='*'\nwhen=\"water_temperature > 9 \xb0C\"\n").unwrap();
    let said = desk.say("rules check rules latin.toml bin.toml nothing.toml empty --config agent.toml").await;
    assert_eq!((said.code, &*said.out), (1, ""));
    let heads: Vec<&str> = said.err.lines().filter(|l| l.contains("]: ")).collect();
    let golden = [
        "warning[R504]: the directory holds no rule files",
        "error[R502]: cannot read the file: line 1 is not UTF-16: save the file as UTF-8",
        "error[R502]: cannot read the file: No such file or directory (os error 2)",
        "warning[R503]: the file is not UTF-8; it is read as Windows-1252",
    ];
    let sorted = |mut lines: Vec<&str>| -> Vec<String> {
        lines.sort_unstable();
        lines.into_iter().map(str::to_owned).collect()
    };
    assert_eq!(sorted(heads), sorted(golden.to_vec()), "{}", said.err);
    assert!(said.err.contains("2 rules (2 instances"), "what is right is counted: {}", said.err);

    let said = desk.say("rules check agent.toml --config agent.toml").await;
    let golden =
        "error: agent.toml is the configuration, not a rule file: `edge-agent check --config agent.toml`\n";
    assert_eq!((said.code, &*said.err), (2, golden));
}

#[tokio::test]
async fn what_cannot_be_laid_out_is_said_with_its_place_and_the_other_files_are() {
    let desk = Desk::new();
    fs::write(desk.path("broken.toml"), "# x\n[rule.a\n").unwrap();
    fs::write(desk.path("inside.toml"), "a = { # c\n b = 1 }\n").unwrap();
    let windows = "\u{feff}# Wäscher\r\n[rule.a]\r\non='*'  # alle\r\n";
    fs::write(desk.path("windows.toml"), windows).unwrap();
    let line = "rules fmt broken.toml nothing.toml inside.toml windows.toml";
    let said = desk.say(&format!("{line} --check")).await;
    assert_eq!((said.code, &*said.out), (1, "windows.toml\n"));
    assert_eq!(fs::read_to_string(desk.path("windows.toml")).unwrap(), windows, "nothing is changed");
    let said = desk.say(line).await;
    assert_eq!((said.code, &*said.out), (1, "windows.toml\n"));
    let errors: Vec<&str> = said.err.lines().collect();
    assert!(
        matches!(errors[..], [a, b, c]
        if a.starts_with("error: broken.toml:2:") && b == "error: nothing.toml: No such file or directory (os error 2)"
            && c.starts_with("error: inside.toml: not laid out: a comment stands inside { }")),
        "{errors:#?}"
    );
    let laid_out = windows.replace("on='*'", "on = '*'");
    assert_eq!(fs::read_to_string(desk.path("windows.toml")).unwrap(), laid_out);
    let said = desk.say("rules fmt windows.toml --check").await;
    assert_eq!((said.code, &*said.out, &*said.err), (0, "", ""), "once is enough");
}

#[tokio::test]
async fn nobody_reading_on_is_no_mistake() {
    let desk = Desk::new();
    let many: String = (0..2_000).map(|i| format!("[rule.r{i}]\non = '*'\nwhen = 'x > 1'\n")).collect();
    fs::write(desk.path("many.toml"), many).unwrap();
    for (line, code) in [
        ("check many.toml --config agent.toml --format json", 1),
        ("check many.toml --config agent.toml --format text", 1),
        ("schema", 0),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_plant"))
            .args("agent rules".split(' ').chain(line.split(' ')))
            .current_dir(desk.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // As `| head` does when it has enough.
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(code), "{line}");
    }
}

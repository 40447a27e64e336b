//! What is spoilt: rule files, lines and words that mean something.
//!
//! Here: the goldens of the scenarios, and lines of each kind. Not here: spoiling them.
//! Invariant: every text means something before it is spoilt.

use std::path::Path;

/// Words that a rule file may hold anywhere.
pub(crate) const WORDS: [&str; 84] = [
    "[rule.x]",
    "on = '*'",
    "when = 't > 90'",
    "clear",
    "for",
    "hold",
    "latch = true",
    "deadband",
    "active_if",
    "suppress_if",
    "unknown",
    "'as-false'",
    "'abstain'",
    "stale_after",
    "'never'",
    "default",
    "otherwise",
    "weight",
    "severity",
    "'alarm'",
    "text.de",
    "'{t:.1} {state}'",
    "param.limit",
    "define",
    "test",
    "given",
    "expect",
    "[[rule.x.action]]",
    "notify",
    "repeat",
    "renamed_from",
    "coverage",
    "and",
    "or",
    "xor",
    "not",
    "in",
    "..",
    "avg(t, 1 min)",
    "rate(",
    "stddev(",
    "edges(on, 24 h)",
    "prev(t)",
    "age(t)",
    "good(t)",
    "abs(",
    "round(",
    "has(",
    "(t else 4)",
    "hour()",
    "weekday()",
    "90 °C",
    "K/min",
    "T#5M",
    "1h30m",
    "5 m",
    "1e308",
    "-1e-320",
    "9223372036854775807",
    "9223372036854775808",
    "0x7f",
    "1_000",
    "nan",
    "inf",
    "true",
    "''",
    "\"\"",
    "`",
    "'''",
    "\"\"\"",
    "\\u0000",
    "\u{feff}",
    "\r\n",
    "\0",
    "ü",
    "𝄞",
    "[[",
    "]]",
    "{ ",
    " }",
    "=",
    "#",
    ",",
    ";",
];

/// The rule files of the scenarios, and of the manual.
pub(crate) fn rule_texts() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    let mut files: Vec<_> =
        std::fs::read_dir(root.join("tests/scenarios")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let parts = text.split("\n--- ").filter(|part| part.starts_with("rules"));
        texts.extend(parts.filter_map(|part| part.split_once('\n')).map(|(_, rules)| rules.into()));
    }
    let manual = std::fs::read_to_string(root.join("README.md")).unwrap();
    let examples = manual.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```"));
    texts.extend(examples.map(|(example, _)| example.into()));
    texts.push(b"rule;machine;limit\nx;m;90,5\n".to_vec());
    assert!(texts.len() > 50, "only {} rule files were found", texts.len());
    texts
}

/// Lines of each kind that is sent or stored.
pub(crate) fn lines() -> Vec<Vec<u8>> {
    let id = "0f".repeat(32);
    let transition = format!(
        r#"{{"kind":"transition","version":1,"id":"{id}","agentId":"a","incarnation":"00000000000000ff","sequenceNumber":4,"ruleId":"r","ruleHash":"{id}","equipmentId":"m","equipment":"m","timestamp":1700000400000,"detectedAt":1700000400120,"watermark":1700000400000,"from":"Normal","to":"Hot","since":1700000174000,"severity":"alarm","cause":"condition","group":"g","weight":30,"because":{{"expression":"t > 90","for":300000,"conditionSince":1700000100000,"inputs":[{{"tag":"t","value":92.0,"unit":"°C","quality":"Ok","timestamp":1700000100000,"sequenceNumber":12,"sourceId":"plc"}}]}},"groups":[{{"name":"g","state":"Hot","weight":30}}],"flags":[],"text":{{"en":"hot"}}}}"#
    );
    let datapoint = |value: &str, quality: &str| {
        format!(
            r#"{{"timestamp":1700000100000,"equipmentId":"m","tag":"t","value":{value},"quality":"{quality}","meta":{{"sequenceNumber":12,"flags":["Fst","Wmk"],"createdAt":1700000100001,"sourceId":"plc","unit":"°C"}}}}"#
        )
    };
    let mut lines = vec![transition, datapoint("92.5", "Ok"), datapoint("null", "Bad")];
    lines.push(datapoint("\"9007199254740993\"", "Uncertain"));
    lines.push(datapoint("true", "Ok"));
    lines.into_iter().map(String::into_bytes).collect()
}

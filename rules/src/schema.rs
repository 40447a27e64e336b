//! The JSON schema (draft 2020-12) of a rule file, for editors that complete keys and explain them.
//!
//! Here: one description of all keys, and the schema made of it. Not here: checking rules; what a schema cannot say
//! (units, names of tags, conditions) `rules check` says.
//! Invariant: the schema knows a key exactly where the reader takes one (`tests/schema.rs`).

use serde_json::{Map, Value, json};

/// A key: its name, what it is, what an editor says about it.
type Key = (&'static str, Kind, &'static str);

/// What may stand behind a key.
#[derive(Clone, Copy)]
enum Kind {
    /// One of the definitions of the schema.
    Of(&'static str),
    /// A table with keys of the author's own.
    Each(&'static str),
    /// A list.
    List(&'static str),
}

use Kind::{Each, List, Of};

/// Keys that say when a state is entered and left.
const OF_A_STATE: [Key; 6] = [
    ("when", Of("condition"), "Enters the state"),
    ("clear", Of("condition"), "Leaves the state; by default that `when` is false"),
    ("for", Of("delay"), "On-delay: `when` must be true for so long"),
    ("hold", Of("delay"), "Off-delay: `clear` must be true for so long"),
    ("latch", Of("boolean"), "Stays until it is reset"),
    ("weight", Of("weight"), "The highest weight of all groups wins; 10 by default"),
];
const RULE: [Key; 18] = [
    ("on", Of("on"), "The machines that the rule is for: \"filler-*\", or by line and class"),
    ("severity", Of("severity"), "How much its states matter; warning by default"),
    ("default", Of("state_name"), "The state when all groups abstain; Normal by default"),
    ("active_if", Of("condition"), "While it is false the rule is Inactive"),
    ("suppress_if", Of("condition"), "While it is true nobody is notified"),
    ("stale_after", Of("stale"), "When a value that is not renewed stops to count"),
    ("coverage", Of("coverage"), "The share of a window that must be known; 80 % by default"),
    ("unknown", Of("unknown"), "What is said when it cannot be known"),
    ("deadband", Each("constant"), "How far a tag must go back before a state is left"),
    ("param", Each("param"), "Values that differ from machine to machine"),
    ("define", Each("condition"), "Expressions with a name"),
    ("group", Each("group"), "Conditions that describe one aspect"),
    ("action", List("action"), "Who is notified"),
    ("test", List("test"), "Tests: values that go in, states that are expected"),
    ("renamed_from", Of("name"), "The name that the rule had before: its state is carried over"),
    ("text", Of("text"), "What people read, by language"),
    ("note", Of("note"), "What a person should know who meets a state of the rule"),
    ("when", Of("condition"), "Enters the state Active, in a rule without groups"),
];
const GROUP: [Key; 5] = [
    ("weight", Of("weight"), "Weight of its states that give none"),
    ("otherwise", Of("state_name"), "The state when none of the states holds; without it the group abstains"),
    ("unknown", Of("unknown"), "What is said when it cannot be known"),
    ("deadband", Each("constant"), "How far a tag must go back before a state is left"),
    ("state", List("state"), "States, the more urgent first"),
];
const STATE: [Key; 2] = [
    ("name", Of("state_name"), "The state's name"),
    ("severity", Of("severity"), "How much the state matters"),
];
const ACTION: [Key; 3] = [
    ("to", Of("texts"), "States; every one of severity warning and above where none is given"),
    ("notify", Of("name"), "A target by its name in agent.toml"),
    ("repeat", Of("duration"), "Again after so long while the state lasts"),
];
const PARAM: [Key; 5] = [
    ("default", Of("constant"), "The value where no other is given"),
    ("unit", Of("string"), "The unit of values that have none"),
    ("class", Each("constant"), "Values by class"),
    ("line", Each("constant"), "Values by line"),
    ("machine", Each("constant"), "Values by machine"),
];
const UNKNOWN: [Key; 4] = [
    ("after", Of("duration"), "How long the last state is kept; 1 min by default"),
    ("name", Of("state_name"), "The state that follows"),
    ("weight", Of("weight"), "Its weight"),
    ("severity", Of("severity"), "How much it matters"),
];
const ON: [Key; 3] = [
    ("machine", Of("texts"), "Patterns of names"),
    ("line", Of("texts"), "Lines"),
    ("class", Of("texts"), "Classes"),
];
const NOTE: [Key; 3] = [
    ("cause", Of("text"), "Why it happens, by language"),
    ("consequence", Of("text"), "What comes of it, by language"),
    ("action", Of("text"), "What to do first, by language"),
];
const TEST: [Key; 4] = [
    ("name", Of("string"), "What the test shows"),
    ("machine", Of("string"), "The machine that it runs on"),
    ("given", List("step"), "Values, each with its instant"),
    ("expect", List("step"), "States, each with its instant"),
];

/// The schema as a text.
#[must_use]
pub fn schema() -> String {
    // Texts and numbers: serde_json has nothing to refuse.
    serde_json::to_string_pretty(&whole()).unwrap_or_default() + "\n"
}

fn whole() -> Value {
    let single = OF_A_STATE.iter().filter(|(key, ..)| *key != "when");
    let rule: Vec<Key> = RULE.iter().chain(single).copied().collect();
    let state: Vec<Key> = STATE.iter().chain(&OF_A_STATE).copied().collect();
    let mut definitions = plain();
    let mut table = |name: &str, keys: &[Key], needed: &[&str]| {
        definitions.insert(name.into(), of(keys, needed));
    };
    table("rule", &rule, &["on"]);
    table("group", &GROUP, &["state"]);
    table("state", &state, &["name", "when"]);
    table("action", &ACTION, &["notify"]);
    table("note", &NOTE, &[]);
    table("test", &TEST, &[]);
    let either = |name: &str, keys: &[Key], definitions: &mut Map<String, Value>, others: Vec<Value>| {
        let all: Vec<Value> = others.into_iter().chain([of(keys, &[])]).collect();
        definitions.insert(name.into(), json!({ "anyOf": all }));
    };
    either("on", &ON, &mut definitions, vec![json!({ "$ref": "#/$defs/texts" })]);
    either("param", &PARAM, &mut definitions, vec![json!({ "$ref": "#/$defs/constant" })]);
    either("unknown", &UNKNOWN, &mut definitions, vec![json!({ "enum": ["as-false", "abstain"] })]);
    if let Some(rule) = definitions.get_mut("rule") {
        rule["oneOf"] = json!([{ "required": ["when"] }, { "required": ["group"] }]);
    }
    // The table is the last of the alternatives.
    if let Some(on) = definitions.get_mut("on") {
        on["anyOf"][1]["minProperties"] = json!(1);
    }
    if let Some(unknown) = definitions.get_mut("unknown") {
        unknown["anyOf"][1]["dependentRequired"] = json!({ "weight": ["name"], "severity": ["name"] });
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rules of the line",
        "type": "object",
        "additionalProperties": false,
        "properties": { "rule": {
            "type": "object",
            "description": "Rules by name",
            "propertyNames": { "pattern": "^[A-Za-z0-9_.-]{1,64}$" },
            "additionalProperties": { "$ref": "#/$defs/rule" },
        } },
        "$defs": definitions,
    })
}

fn of(keys: &[Key], needed: &[&str]) -> Value {
    let properties: Map<String, Value> = keys.iter().map(|key| (key.0.to_owned(), property(key))).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": needed,
        "properties": properties,
    })
}

fn property((_, kind, about): &Key) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    let mut property = match kind {
        Of(name) => reference(name),
        Each(name) => json!({ "type": "object", "additionalProperties": reference(name) }),
        List(name) => json!({ "type": "array", "items": reference(name) }),
    };
    property["description"] = json!(about);
    property
}

/// What stands behind keys that have no keys of their own.
fn plain() -> Map<String, Value> {
    let (number, unit) = (
        r"\d[\d._]*\s*",
        "([Mm][Ss]|[Ss]([Ee][Cc])?|[Mm][Ii][Nn]|[Hh]([Oo][Uu][Rr][Ss]?)?|[Dd]([Aa][Yy][Ss]?)?|[Ww][Ee][Ee][Kk][Ss]?)",
    );
    // Behind another part, and in the IEC form, an m is minutes.
    let more = format!(r"([\s_]*{number}({unit}|[Mm]))");
    let duration = format!(r"^\s*([Tt]([Ii][Mm][Ee])?#\s*{more}+|{number}{unit}{more}*)\s*$");
    // Letters of any script, told from the rest of ASCII: not every editor knows `\p{L}`.
    let word = r"^\s*[^\x00-@\[-\^`{-\x7f][^\x00-\-/:-@\[-\^`{-\x7f]*\s*$";
    let definitions = json!({
        "string": { "type": "string" },
        "boolean": { "type": "boolean" },
        "name": { "type": "string", "minLength": 1, "maxLength": 64 },
        "state_name": {
            "type": "string",
            "minLength": 1,
            "maxLength": 64,
            "not": { "enum": ["Unknown", "Inactive", "Removed"] },
        },
        "texts": { "anyOf": [
            { "type": "string" },
            { "type": "array", "items": { "type": "string" }, "minItems": 1 },
        ] },
        "condition": {
            "type": "string",
            "minLength": 1,
            "maxLength": crate::expr::TEXT_MAX,
            "examples": ["water_temperature > 90 °C"],
        },
        "duration": { "type": "string", "pattern": duration, "examples": ["5 min", "30 s"] },
        "delay": {
            "anyOf": [{ "$ref": "#/$defs/duration" }, { "$ref": "#/$defs/word" }],
            "examples": ["5 min", "patience"],
        },
        "word": { "type": "string", "pattern": word, "maxLength": 64 },
        "stale": { "anyOf": [{ "const": "never" }, { "$ref": "#/$defs/duration" }] },
        "severity": { "enum": ["info", "warning", "alarm", "critical"] },
        "weight": { "type": "integer", "minimum": 0, "maximum": 1000 },
        "coverage": { "anyOf": [
            { "type": "number", "exclusiveMinimum": 0, "maximum": 1 },
            { "type": "string", "pattern": "^\\s*\\d+(\\.\\d+)?\\s*%\\s*$" },
        ] },
        "constant": { "type": ["number", "string", "boolean"] },
        "text": { "anyOf": [
            { "type": "string" },
            { "type": "object", "additionalProperties": { "type": "string" },
              "propertyNames": { "pattern": "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$" } },
        ] },
        "step": {
            "type": "object",
            "required": ["at"],
            "properties": { "at": { "$ref": "#/$defs/duration" } },
        },
    });
    match definitions {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

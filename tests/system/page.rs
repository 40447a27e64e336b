//! The page in headless Chromium, before the agent as a process.
//!
//! Here: what a technician and an attacker at the PLC would try. What a monitoring system reads stands in `metrics`. Not
//! here: how a fact gets into the picture (`edge-agent/src/view`). Needs what `tests/run` installs.

mod browser;
mod metrics;
pub(crate) mod stand;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use edge_agent::control::Answer;
use plant::folder::{Addresses, Folder, REGION, STREAM};
use plant::gate::Passage;
use plant::kinesis::Kinesis;
use plant::script::Script;

use crate::works::{now_ms, plcs};

use browser::{Browser, Window};
use stand::{Stand, ask, free_address, start_agent, until_ready};

const DESK: Window = Window { width: 1280, height: 1150, dark: false, language: "en" };
const PHONE: Window = Window { width: 360, height: 740, dark: true, language: "de" };
/// A state that is left slowly, one that is latched under suppression, and a rule behind a gate.
const MORE_RULES: &str = r#"
[rule.leak]
on = "filler-1"
when = "count > 10"
hold = "10 min"
severity = "alarm"

[rule.jam]
on = "filler-1"
when = "count > 20"
latch = true
suppress_if = "count >= 0"

[rule.idle]
on = "filler-1"
when = "count > 1000"
active_if = "count > 10"
"#;
/// Longest wait for anything without a browser.
const PATIENCE: Duration = Duration::from_secs(20);
/// Set to anything, the picture of the README is taken from the line after [`PICTURE_AFTER`].
const PICTURE: &str = "PLANT_PICTURE";
const PICTURE_AFTER: Duration = Duration::from_secs(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_have_their_names_and_what_is_shelved_says_who_did_it_and_why() {
    let stand = Stand::start().await;
    stand.write(0, &92.5_f32.to_be_bytes());
    stand.write(12, &3_i16.to_be_bytes());
    stand.write(14, &0b10_0000_0001_u16.to_be_bytes());
    let page = Browser::open(&stand.url(), DESK);
    page.until(&shows("#tag-rows", "inlet · washer-1", "Open (3)"));
    page.until(&shows("#tag-rows", "alarms · washer-1", "Door, Stop (513)"));
    stand.write(12, &7_i16.to_be_bytes());
    page.until(&shows("#tag-rows", "inlet · washer-1", "7"));
    page.until("document.querySelector('#problems').textContent.includes('Overheated')");
    let answer = stand.shelve("hot", "<b>probe</b>").await;
    assert!(matches!(&answer, Answer::Done(done) if done.state == "Overheated"), "{answer:?}");
    let me = edge_agent::user::name(rustix::process::getuid().as_raw());
    for told in [format!("shelved by {me} until "), ": <b>probe</b>".to_owned()] {
        page.until(&shows("#judged", "hot · washer-1", &told));
    }
    // Whoever looks first sees that it is silenced, not that it is wrong.
    page.until("document.querySelector('#verdict').textContent.includes('1 silenced')");
    page.until("!document.querySelector('#problems').textContent.includes('Overheated')");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_states_and_reasons_change_without_reloading() {
    let stand = Stand::start().await;
    stand.write(4, &41_i32.to_be_bytes());
    let page = Browser::open(&stand.url(), DESK);
    page.run("window.sameDocument = true;");
    page.until(&shows("#tag-rows", "count · washer-1", "41"));
    stand.write(4, &42_i32.to_be_bytes());
    page.until(&shows("#tag-rows", "count · washer-1", "42"));
    stand.write(0, &92.5_f32.to_be_bytes());
    page.until("document.querySelector('#verdict').textContent.includes('1 alarm')");
    for fact in [
        "washer-1",
        "Overheated",
        "since ",
        "Too hot for Pils: 92.5 °C",
        "water_temperature > 90 °C",
        "92.5 °C",
    ] {
        page.until(&format!("document.querySelector('#problems').textContent.includes({fact:?})"));
    }
    page.until(&shows("#recent", "hot · washer-1", "Fine → Overheated"));
    page.until("document.querySelector('#timeline .alarm')");
    stand.write(8, &2_000_i32.to_be_bytes());
    page.until(&shows("#judged", "many · filler-1", "Active in 9 min"));
    page.until("document.querySelector('#judged .bar .done')");
    page.until("document.querySelector('#mistakes').textContent.includes('rules.toml:17:')");
    assert_eq!(page.run("return window.sameDocument;"), true);
    all_is_quiet(&page, &stand.url());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_what_is_latched_and_what_keeps_a_rule_silent_is_said() {
    let stand = Stand::start().await;
    stand.write_rules("more.toml", MORE_RULES);
    let page = Browser::open(&stand.url(), DESK);
    page.until(&shows("#judged", "idle · filler-1", "Inactive"));
    page.until(&shows("#judged", "idle · filler-1", "not judged: its gate is shut"));
    stand.write(8, &30_i32.to_be_bytes());
    page.until(&shows("#judged", "jam · filler-1", "Active: until reset (its condition still holds)"));
    page.until(&shows("#judged", "jam · filler-1", "suppressed"));
    page.until(&shows("#judged", "idle · filler-1", "Normal"));
    stand.write(8, &0_i32.to_be_bytes());
    page.until(&shows("#judged", "jam · filler-1", "Active: until reset (can be reset now)"));
    page.until(&shows("#judged", "leak · filler-1", "Active ends in 9 min"));
    let left = "Number(document.querySelector('#judged .bar .done').getAttribute('width'))";
    page.until(&format!("{left} < 1000 && {left} > 900"));
    page.resize(PHONE);
    nothing_scrolls_sideways(&page);
    all_is_quiet(&page, &stand.url());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_are_filtered_as_one_types() {
    let stand = Stand::start().await;
    let page = Browser::open(&stand.url(), DESK);
    let names = |expected: &str| {
        format!(
            "Array.from(document.querySelectorAll('#tag-rows th'), (th) => th.textContent).join() === {expected:?}"
        )
    };
    page.until("document.querySelectorAll('#tag-rows tr').length === 10");
    page.type_into("tag-name", "COU");
    page.until(&names("count · washer-1,count · filler-1"));
    page.type_into("tag-machine", "filler-1");
    page.until(&names("count · filler-1"));
    page.run("const name = document.querySelector('#tag-name'); name.value = ''; name.dispatchEvent(new Event('input'));");
    page.until(&names("missing · filler-1,count · filler-1"));
    page.run("document.querySelector('#tag-bad').click();");
    page.until(&names("missing · filler-1"));
    page.until(&shows("#tag-rows", "missing · filler-1", "DB9"));
    all_is_quiet(&page, &stand.url());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_plc_says_is_text_and_nothing_of_it_runs() {
    let stand = Stand::start().await;
    let script = "<script>window.hurt = 1</script>";
    let image = "\"><img src=x onerror=\"window.hurt = 1\"><b>";
    stand.write_text(20, script);
    stand.write_text(300, image);
    stand.write_text(600, "a\u{0}b\u{1b}[31mc\u{7}\r\nd\u{7f}\u{9b}");
    let long = &"<svg/onload=window.hurt=1>".repeat(10)[..254];
    stand.write_text(1_000, long);
    stand.write(0, &99.0_f32.to_be_bytes());
    let page = Browser::open(&stand.url(), DESK);
    page.until(&shows("#tag-rows", "recipe · washer-1", script));
    page.until(&shows("#tag-rows", "label · washer-1", image));
    page.until(&shows("#tag-rows", "noise · washer-1", "a␀b␛[31mc␇␍␊d⟨U+007F⟩"));
    page.until(&shows("#tag-rows", "long · washer-1", long));
    // The rule's text holds it four times: a KiB without a gap, in what is wrong and in its history.
    let text = format!("Too hot for {script}: 99.0 °C{}", long.repeat(4));
    page.until(&format!(
        "document.querySelector('#problems').textContent.includes({})",
        serde_json::json!(text)
    ));
    page.until(&shows("#recent", "hot · washer-1", &text));
    page.resize(PHONE);
    nothing_scrolls_sideways(&page);
    let made = page.run("return [window.hurt ?? null, document.querySelectorAll('img, b, script').length];");
    assert_eq!(made, serde_json::json!([null, 1]), "the one script is the page's own");
    let refused = page
        .run("try { document.body.innerHTML = '<b>x</b>'; return 'taken'; } catch (e) { return e.name; }");
    assert_eq!(refused, "TypeError", "the browser makes markup of no text, whoever wanted it to");
    page.console();
    all_is_quiet(&page, &stand.url());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plc_and_an_agent_that_are_gone_are_said_to_be_gone() {
    let mut stand = Stand::start().await;
    let page = Browser::open(&stand.url(), Window { language: "de", ..DESK });
    page.until("document.querySelector('#verdict').textContent === '1 Warnung'");
    page.until(&shows("#source-rows", "plc", "antwortet"));
    stand.plc.gate().set(Passage::Shut).await;
    page.until(&shows("#source-rows", "plc", "antwortet nicht: "));
    page.until("document.querySelector('#problems').textContent.includes('antwortet nicht')");
    page.until(&shows("#tag-rows", "count · washer-1", "Bad"));
    stand.agent.kill().await.unwrap();
    page.until("!document.querySelector('#lost').hidden");
    page.until("document.querySelector('#lost').textContent.startsWith('Keine Antwort vom Agenten seit ')");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_line_fits_a_phone_and_a_desk() {
    let (filler, washer) = plcs(Script::new(1, None), now_ms()).await;
    let kinesis = Kinesis::start(STREAM, REGION).await.unwrap();
    let folder = Folder::new(None).unwrap();
    let http = free_address();
    let (filler_at, washer_at) = (filler.address(), washer.address());
    folder
        .write(&Addresses { filler: filler_at, washer: washer_at, kinesis: kinesis.address(), http })
        .unwrap();
    let agent = start_agent(&folder.agent_config(), &folder.log("agent"));
    until_ready(http, &agent).await;
    let url = format!("http://{http}/");
    let page = Browser::open(&url, PHONE);
    page.until("document.querySelectorAll('#tag-rows tr').length === 68");
    page.until("document.querySelectorAll('#recent tr').length > 12");
    page.until("document.querySelector('#facts').textContent.includes('läuft')");
    nothing_scrolls_sideways(&page);
    let small = "Array.from(document.querySelectorAll('nav a, input[type=search], select, .check, button:not([hidden])'))\
                 .filter((e) => e.getBoundingClientRect().height < 44).map((e) => e.outerHTML)";
    assert_eq!(page.run(&format!("return {small};")), serde_json::json!([]), "too small for a glove");
    assert_eq!(page.run("return document.documentElement.lang;"), "de");
    page.resize(DESK);
    nothing_scrolls_sideways(&page);
    all_is_quiet(&page, &url);
    if std::env::var_os(PICTURE).is_some() {
        tokio::time::sleep(PICTURE_AFTER).await;
        take_picture(&url);
    }
}

#[tokio::test]
async fn only_questions_and_only_of_this_machine_are_answered() {
    let stand = Stand::start().await;
    let own = stand.http.to_string();
    for (path, what) in
        [("/", "<!doctype html>"), ("/view", "\"sources\""), ("/health", "ok"), ("/ready", "ready")]
    {
        let answer = ask(stand.http, "GET", path, &own).await.unwrap();
        assert!(answer.status == 200 && answer.body.contains(what), "{path}: {answer:?}");
        assert!(answer.head.contains("content-security-policy: default-src 'self'; "), "{}", answer.head);
        assert!(!answer.head.contains("unsafe"), "{}", answer.head);
        for method in ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] {
            let refused = ask(stand.http, method, path, &own).await.unwrap();
            assert!(
                refused.status == 405 && refused.head.contains("allow: get"),
                "{method} {path}: {refused:?}"
            );
        }
        let elsewhere = ask(stand.http, "GET", path, "rebound.example").await.unwrap();
        assert_eq!(elsewhere.status, 403);
    }
    assert_eq!(ask(stand.http, "GET", "/nowhere", &own).await.unwrap().status, 404);
}

/// Whether the row of a table that begins or continues with a name holds a text.
fn shows(table: &str, name: &str, text: &str) -> String {
    let rows = format!("Array.from(document.querySelectorAll('{table} tr'))");
    let (name, text) = (serde_json::json!(name), serde_json::json!(text));
    format!(
        "{rows}.some((r) => Array.from(r.children).some((c) => c.textContent === {name}) && r.textContent.includes({text}))"
    )
}

fn nothing_scrolls_sideways(page: &Browser) {
    let widths =
        page.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth];");
    assert_eq!(widths[0], widths[1], "scrolls sideways");
}

/// Nothing was said on the console, and nothing was asked of anybody but the agent.
fn all_is_quiet(page: &Browser, url: &str) {
    assert_eq!(page.console(), [""; 0]);
    let requests = page.requests();
    assert!(requests.len() > 3, "{requests:?}");
    let elsewhere: Vec<_> = requests.iter().filter(|r| !r.starts_with(url) && *r != "data:,").collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

fn take_picture(url: &str) {
    let page = Browser::open(url, DESK);
    page.until("document.querySelector('#verdict').textContent.includes('alarm')");
    let mut decoder = Command::new("base64")
        .arg("-d")
        .stdin(Stdio::piped())
        .stdout(std::fs::File::create(Path::new(env!("CARGO_MANIFEST_DIR")).join("line/page.png")).unwrap())
        .spawn()
        .unwrap();
    decoder.stdin.take().unwrap().write_all(page.screenshot().as_bytes()).unwrap();
    assert!(decoder.wait().unwrap().success());
}

//! Whom rules notify: from `[[notify]]` of the configuration to the store in the cloud.
//!
//! Here: a rule with `repeat` on a real line, and what is said of names that the configuration does not know. Not
//! here: when an action is due (the `rules` crate's own tests).
//! Invariant: a name that nobody declared is said; it never makes the line be guarded less than it was.
use std::fs;
use std::time::Duration;

use plant::script::Script;
use proto::{Notification, Record};

use crate::desk::Desk;
use crate::works::{Works, until};

const PATIENCE: Duration = Duration::from_secs(60);

/// Holds as soon as anything is heard.
const TOLD: &str = r#"
[rule.told]
on = "washer-1"
when = "good(pressure)"
severity = "alarm"
text.en = "pressure is known"
[[rule.told.action]]
notify = "shift-lead"
repeat = "1 s"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_and_each_repetition_reach_the_stream_and_the_store_once() {
    // The line stands still: nothing but the rule has something to say.
    let works = Works::build(Script::new(3, None), 3_600_000).await;
    fs::write(works.folder.rules().join("told.toml"), TOLD).unwrap();
    let (mut agent, mut ingest) = (works.agent(), works.ingest());
    until("it was repeated", PATIENCE, async || works.notifications().len() >= 4).await;
    works.settle(&mut agent, &mut ingest).await;

    let is_it = |t: &proto::Transition| t.rule_id == "told" && t.to == "Active";
    let told: Vec<_> = works.stored().into_iter().map(|s| s.transition).filter(is_it).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    for (i, notification) in works.notifications().iter().enumerate() {
        let n = u32::try_from(i).unwrap() + 1;
        let at = told[0].timestamp + i64::from(n - 1) * 1_000;
        let Notification { transition_id, target, text, .. } = notification;
        assert_eq!((notification.n, notification.timestamp), (n, at));
        assert_eq!(
            (transition_id, target.as_str(), &text["en"][..]),
            (&told[0].id, "shift-lead", "pressure is known")
        );
    }
    let mut seen = 0;
    for record in works.records().await {
        match Record::read(&record).unwrap() {
            Record::Transition(t) if is_it(&t) => seen += 1,
            Record::Notification(_) => assert_eq!(seen, 1, "whom it tells of has not come yet"),
            _ => {}
        }
    }
    let log = fs::read_to_string(works.folder.log("agent")).unwrap();
    assert!(!log.contains("does not name"), "{log}");
    works.assert_clean();
}

/// A desk whose rule notifies a name, with these declared.
fn desk(notify: &str, declared: &[&str]) -> Desk {
    let desk = Desk::new();
    let action = format!("severity = \"alarm\"\naction = [ {{ notify = \"{notify}\" }} ]");
    desk.edit("rules/line.toml", "severity = \"alarm\"", &action);
    let blocks = declared.iter().map(|name| format!("[[notify]]\nname = \"{name}\"\nto = \"stream\"\n"));
    desk.edit("agent.toml", "[[machine]]", &(blocks.collect::<String>() + "[[machine]]"));
    desk
}

#[tokio::test]
async fn a_name_beside_the_declared_ones_is_a_mistake_that_shows_what_to_add() {
    let desk = desk("shift-laed", &["shift-lead"]);
    let golden = "\
error[R021]: there is nobody called `shift-laed` to notify
 --> rules/line.toml:5:23
  |
5 | action = [ { notify = \"shift-laed\" } ]
  |                       ^^^^^^^^^^^^ no [[notify]] of agent.toml has this name
  |
  = help: did you mean `shift-lead`? If not, add this to agent.toml:
          [[notify]]
          name = \"shift-laed\"
          to = \"stream\"

";
    for command in ["check", "rules check", "rules test"] {
        let said = desk.say(&format!("{command} --config agent.toml")).await;
        assert_eq!((said.code, &*said.out), (1, ""), "{command}");
        assert!(said.err.starts_with(golden), "{command}:\n{}", said.err);
    }
    // What it shows is right.
    desk.edit("agent.toml", "[[machine]]", "[[notify]]\nname = \"shift-laed\"\nto = \"stream\"\n[[machine]]");
    assert_eq!(desk.say("check --config agent.toml").await.code, 0);
}

#[tokio::test]
async fn where_nobody_is_declared_the_rule_is_in_force_and_it_is_doubted_whether_anybody_hears_of_it() {
    let desk = desk("shift-lead", &[]);
    let said = desk.say("check --config agent.toml").await;
    let golden = "\
warning[R021]: agent.toml does not say who `shift-lead` is
 --> rules/line.toml:5:23
  |
5 | action = [ { notify = \"shift-lead\" } ]
  |                       ^^^^^^^^^^^^ notifications go to the stream under this name: does anybody there wait for them?
  |
  = help: if so, add this to agent.toml:
          [[notify]]
          name = \"shift-lead\"
          to = \"stream\"

";
    assert!(said.code == 0 && said.err.starts_with(golden), "{}", said.err);
}

#[tokio::test]
async fn a_name_that_was_taken_away_takes_no_rule_with_it_even_over_a_restart() {
    let desk = desk("shift-lead", &["shift-lead"]);
    let agent = desk.start("run --config agent.toml", "agent");
    agent.until_says("agent is up").await;
    agent.stop().await;
    desk.edit("agent.toml", "name = \"shift-lead\"", "name = \"control-room\"");
    for name in ["again", "and-again"] {
        let agent = desk.start("run --config agent.toml", name);
        agent.until_says("agent is up").await;
        let told = agent.lines("ERROR");
        assert!(matches!(&told[..], [one] if one.contains("nobody called `shift-lead`")), "{told:#?}");
        let said = agent.stop().await.err;
        assert!(said.contains("rules=1"), "{said}");
    }
}

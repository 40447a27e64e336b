//! Rules edited while the agent runs, and broken over a reboot (§8, I6).
//!
//! Here: the files of the line, edited as people do. Not here: what a reload does to a running delay (the `rules`
//! crate's own tests). Invariant: what is in force changes only to something without a mistake.

use std::fs;
use std::time::Duration;

use plant::script::Script;
use proto::{Cause, Happening};

use crate::works::{Works, until};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_rule_file_changes_nothing_even_over_a_reboot_and_a_mended_one_does() {
    let works = Works::build(Script::new(5, None), 3_600_000).await;
    let mut agent = works.agent();
    let mut ingest = works.ingest();
    until("the line is read", SOON, async || works.is_read().await).await;

    edit(&works, "filler.toml", "22 °C", "22,5 °C");
    until("the mistake is logged", SOON, async || log(&works).contains("write `22.5`")).await;
    edit(&works, "washer.toml", "[rule.washer-caustic]", "[rule.washer-caustic");
    until("the other mistake is logged", SOON, async || log(&works).contains("washer.toml:4:")).await;

    assert!(agent.stop(SOON).await.unwrap().success());
    fs::remove_file(works.folder.log("agent")).unwrap();
    agent = works.agent();
    until("the line is read again", SOON, async || works.is_read().await).await;
    assert!(log(&works).contains("rules=11"), "a reboot lost rules:\n{}", log(&works));

    edit(&works, "filler.toml", "22,5 °C", "22.5 °C");
    edit(&works, "washer.toml", "[rule.washer-caustic", "[rule.washer-caustic]");
    let changed = |h: &Happening| matches!(h, Happening::RulesChanged { changed, removed, .. } if *changed == ["filler-product-temperature"] && removed.is_empty());
    until("the mended rule is told", SOON, async || works.events().iter().any(|e| changed(&e.happening)))
        .await;

    works.settle(&mut agent, &mut ingest).await;
    works.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_is_gone_says_so_once_for_each_machine_and_its_counter_goes_on() {
    let works = Works::build(Script::new(6, None), 3_600_000).await;
    let mut agent = works.agent();
    let mut ingest = works.ingest();
    until("the line is read", SOON, async || works.is_read().await).await;
    until("each instance is stored", SOON, async || works.stored().len() == 13).await;

    let file = works.folder.rules().join("machine.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::rename(&file, works.folder.rules().join("machine.toml.away")).unwrap();
    let removed = || {
        works.stored().into_iter().filter(|s| s.transition.cause == Cause::RuleRemoved).collect::<Vec<_>>()
    };
    until("the removed rules say so", SOON, async || removed().len() == 4).await;
    assert!(removed().iter().all(|s| s.transition.to == "Removed" && s.transition.sequence_number == 2));

    fs::write(&file, text).unwrap();
    let back = || works.stored().into_iter().filter(|s| s.transition.sequence_number == 3).count();
    until("they come back with the next number", SOON, async || back() == 4).await;
    works.settle(&mut agent, &mut ingest).await;
    assert_eq!(works.stored().len(), 13 + 4 + 4, "nobody else had anything to say");
    works.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_folder_of_rules_changes_nothing_until_the_configuration_says_that_it_is_meant() {
    let works = Works::build(Script::new(6, None), 3_600_000).await;
    let mut agent = works.agent();
    let mut ingest = works.ingest();
    until("each instance is stored", SOON, async || works.stored().len() == 13).await;
    for file in fs::read_dir(works.folder.rules()).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    until("it is said what that means", SOON, async || log(&works).contains("rules_dir_may_be_empty")).await;
    // Longer than it takes to remove a rule.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(works.stored().len(), 13, "a folder that is perhaps not mounted removed rules");

    assert!(agent.stop(SOON).await.unwrap().success());
    let config = works.folder.agent_config();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("[agent]", "[agent]\nrules_dir_may_be_empty = true")).unwrap();
    agent = works.agent();
    let removed = || {
        works.stored().into_iter().filter(|s| s.transition.cause == Cause::RuleRemoved).collect::<Vec<_>>()
    };
    until("all rules say that they are removed", SOON, async || removed().len() == 13).await;
    let told = |h: &Happening| matches!(h, Happening::RulesChanged { removed, .. } if removed.len() == 11);
    until("it is told", SOON, async || works.events().iter().any(|e| told(&e.happening))).await;

    assert!(agent.stop(SOON).await.unwrap().success());
    agent = works.agent();
    until("it runs without rules", SOON, async || works.is_read().await).await;
    works.settle(&mut agent, &mut ingest).await;
    assert_eq!(works.stored().len(), 2 * 13, "a reboot brought rules back");
    works.assert_clean();
}

fn edit(works: &Works, file: &str, from: &str, to: &str) {
    let path = works.folder.rules().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

fn log(works: &Works) -> String {
    fs::read_to_string(works.folder.log("agent")).unwrap_or_default()
}

//! A group through stories: what it votes, and when time alone moves it.
//!
//! Invariant: two states are enough; what more of them do is in the scenarios.

use super::*;
use crate::diagnose::Report;
use Truth::{False, True, Unknown as Dunno};

fn group(keys: &str) -> Group {
    let text = format!(
        "[rule.r]\non = 'x'\n[rule.r.group.g]\n{keys}\nstate = [ {{ name = 'High', when = 'a', weight = 30, severity = 'alarm' }}, {{ name = 'Low', when = 'b', weight = 5, for = '10 ms' }} ]"
    );
    let mut report = Report::default();
    let file = report.add_file("r.toml", text);
    crate::file::rules(&mut report, file).rules.remove(0).groups.remove(0)
}

/// Judges through a story and says what the group votes at its end.
fn vote(keys: &str, story: &[(i64, [Truth; 2])]) -> Option<(String, u32)> {
    let group = group(keys);
    let mut standing = Standing::new(&group);
    for (now, truths) in story {
        judge(&mut standing, &group, *truths, *now);
    }
    standing.vote.map(|v| (v.name, v.weight))
}

fn judge(standing: &mut Standing, group: &Group, truths: [Truth; 2], now: i64) -> bool {
    let says = truths.map(|when| Says { when, clear: None });
    says.into_iter().enumerate().for_each(|(i, says)| standing.take(group, i, says, || (false, false)));
    standing.judge(group, now, 0)
}

fn says(name: &str, weight: u32) -> Option<(String, u32)> {
    Some((name.into(), weight))
}

#[test]
fn the_first_state_that_is_on_speaks() {
    assert_eq!(vote("", &[(0, [True, True]), (10, [True, True])]), says("High", 30));
    assert_eq!(vote("", &[(0, [False, True]), (10, [False, True])]), says("Low", 5));
    assert_eq!(vote("", &[(0, [False, True]), (9, [False, True])]), None);
    assert_eq!(vote("otherwise = 'Fine'", &[(0, [False, True])]), says("Fine", 0));
}

#[test]
fn it_says_unknown_before_its_first_decision() {
    assert_eq!(vote("", &[(0, [Dunno, False])]), says("Unknown", 1));
    assert_eq!(vote("unknown = 'abstain'", &[(0, [Dunno, False])]), None);
    assert_eq!(vote("unknown = 'as-false'\notherwise = 'Fine'", &[(0, [Dunno, Dunno])]), says("Fine", 0));
}

#[test]
fn unknown_keeps_the_last_vote_for_a_minute_and_never_clears_an_alarm() {
    let story = |end| [(0, [True, False]), (5, [Dunno, False]), (end, [Dunno, False])];
    assert_eq!(vote("", &story(60_004)), says("High", 30));
    assert_eq!(vote("", &story(60_005)), says("Unknown", 30));
    assert_eq!(
        vote("unknown = { after = '1 s', name = 'SensorFault', weight = 15 }", &story(1_005)),
        says("SensorFault", 15)
    );
    assert_eq!(vote("unknown = 'abstain'", &story(60_005)), None);
}

#[test]
fn when_the_time_is_over_a_lower_state_that_is_known_speaks() {
    let story = [(0, [True, True]), (10, [True, True]), (11, [Dunno, True]), (60_011, [Dunno, True])];
    assert_eq!(vote("", &story), says("Low", 5));
}

#[test]
fn a_state_that_spoke_for_another_does_not_speak_when_it_is_unknown_itself() {
    let mut story = vec![(0, [True, True]), (10, [True, True]), (11, [Dunno, True]), (60_011, [Dunno, True])];
    story.push((60_020, [Dunno, Dunno]));
    assert_eq!(vote("", &story), says("Unknown", 5));
    story.push((60_030, [Dunno, True]));
    assert_eq!(vote("", &story), says("Low", 5));
    story.push((60_040, [True, True]));
    assert_eq!(vote("", &story), says("High", 30));
}

#[test]
fn the_due_instant_is_the_nearest_of_delay_and_patience() {
    let group = group("");
    let mut standing = Standing::new(&group);
    judge(&mut standing, &group, [False, True], 100);
    assert_eq!(standing.due(&group, 100, 0), Some(110));
    judge(&mut standing, &group, [False, True], 110);
    judge(&mut standing, &group, [False, Dunno], 120);
    assert_eq!(standing.due(&group, 120, 0), Some(60_120));
    judge(&mut standing, &group, [False, Dunno], 60_120);
    assert_eq!(standing.due(&group, 60_120, 0), None, "it gave up: nothing is left to wait for");
}

#[test]
fn nothing_is_due_again_and_again_while_a_lower_state_speaks() {
    let group = group("");
    let mut standing = Standing::new(&group);
    for (now, truths) in [(0, [True, True]), (10, [True, True]), (11, [Dunno, True])] {
        judge(&mut standing, &group, truths, now);
    }
    judge(&mut standing, &group, [Dunno, True], 60_011);
    assert_eq!(standing.due(&group, 60_011, 0), None);
}

#[test]
fn judging_again_changes_nothing() {
    for truths in [[True, False], [False, True], [Dunno, True], [False, False], [Dunno, Dunno]] {
        for now in [5, 70_000] {
            let group = group("");
            let mut standing = Standing::new(&group);
            judge(&mut standing, &group, truths, 0);
            judge(&mut standing, &group, truths, now);
            // That it found out just then is told once.
            let once = Standing { found: false, ..standing.clone() };
            assert!(!judge(&mut standing, &group, truths, now), "{truths:?}");
            assert_eq!(standing, once);
        }
    }
}

#[test]
fn after_a_restart_a_tag_that_was_not_heard_yet_is_not_false() {
    let group = group("unknown = 'as-false'\notherwise = 'Fine'");
    let mut standing = Standing::new(&group);
    judge(&mut standing, &group, [True, False], 0);
    standing.pause(0);
    let judge_unheard = |standing: &mut Standing, now| {
        let waits = || (now < 10 + group.unknown.after(), false);
        (0..2).for_each(|i| standing.take(&group, i, Says::NOTHING, waits));
        standing.judge(&group, now, 10);
        standing.vote.clone().unwrap().name
    };
    assert_eq!(judge_unheard(&mut standing, 10), "High");
    assert_eq!(standing.due(&group, 10, 10), Some(60_010));
    assert_eq!(judge_unheard(&mut standing, 60_010), "Fine", "it was waited for long enough");
}

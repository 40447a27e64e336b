//! What must hold of the engine whatever happens: properties, on random stories.
//!
//! Here: the properties. Not here: the machine and rules they are tried on (`property/plant.rs`), the stories
//! (`property/story.rs`), running them (`property/run.rs`).
//! Invariant: a property compares the engine with itself under another story, or with a law; never with a copy of
//! what the engine does.
#![cfg(test)]

mod property;

use proptest::prelude::*;
use rules::engine::{Input, Reach};

use property::plant::Plant;
use property::run::{Run, told};
use property::story::{self, Scan, Step};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// I4.
    #[test]
    fn the_same_inputs_give_the_same_bytes(steps in story::anything(), reach in reach()) {
        let bytes = |steps: &[Step]| {
            let mut run = Run::new(&Plant::new(reach));
            run.steps(steps);
            (serde_json::to_vec(&run.transitions).unwrap(), run.stored, run.engine.unsaved())
        };
        prop_assert_eq!(bytes(&steps), bytes(&steps));
    }

    /// §3, end: deliveries displaced by less than max_out_of_orderness.
    #[test]
    fn shuffled_deliveries_change_nothing(steps in story::shuffled(), reach in reach()) {
        let plant = Plant::new(reach).patient();
        let (in_order, displaced) = (Run::over(&plant, &steps.0), Run::over(&plant, &steps.1));
        prop_assert_eq!(displaced.engine.counts().late, 0);
        prop_assert_eq!(told(&displaced.transitions), told(&in_order.transitions));
    }

    /// §3, end: additional clock steps; §3.7, §3.8 with idle sources, late and bad values in the story.
    #[test]
    fn additional_clock_steps_change_nothing(mut steps in story::lively(), clocks in story::clocks(), reach in reach()) {
        let plant = Plant::new(reach);
        let mut more: Vec<Step> = steps.iter().cloned().chain(clocks).collect();
        more.sort_by_key(|step| step.at);
        let last = more.last().map_or(story::ZERO, |step| step.at);
        steps.push(Step { at: last, input: Input::Clock });
        let (fewer, more) = (Run::over(&plant, &steps), Run::over(&plant, &more));
        prop_assert_eq!(told(&more.transitions), told(&fewer.transitions));
        prop_assert_eq!(more.engine.counts(), fewer.engine.counts());
    }

    /// The agent steps when `deadline` says so: that lies ahead, comes to an end, and nothing happens before it.
    #[test]
    fn a_deadline_is_neither_past_nor_too_late(steps in story::lively(), reach in reach()) {
        let mut run = Run::new(&Plant::new(reach));
        let mut at = story::ZERO;
        for step in &steps {
            for _ in 0..1_000 {
                let Some(due) = run.engine.deadline().filter(|due| *due < step.at) else { break };
                prop_assert!(due > at, "{} is not after {}", due, at);
                prop_assert_eq!(run.engine.step(Input::Clock, due - 1).transitions, []);
                run.step(&Step { at: due, input: Input::Clock });
                at = due;
            }
            prop_assert!(run.engine.deadline().is_none_or(|due| due >= step.at), "it never comes to rest");
            prop_assert_eq!(run.engine.step(Input::Clock, step.at - 1).transitions, []);
            run.step(step);
            at = step.at;
        }
        let plain = Run::over(&Plant::new(reach), &steps);
        run.finish();
        prop_assert_eq!(told(&run.transitions), told(&plain.transitions));
    }

    /// I3, and what every reader of transitions relies on.
    #[test]
    fn watermarks_never_go_back_and_transitions_form_chains(steps in story::anything(), reach in reach()) {
        let mut run = Run::new(&Plant::new(reach));
        let mut before = run.watermarks();
        for step in &steps {
            run.step(step);
            let now = run.watermarks();
            prop_assert!(before.iter().zip(&now).all(|(before, now)| before <= now), "{:?} {:?}", before, now);
            before = now;
        }
        run.assert_chains();
    }

    /// §8: to restart is nothing but not to know the values for a while; I3 holds over it.
    #[test]
    fn a_restart_is_a_pause_in_which_nothing_is_known(
        scans in story::scans(), place in any::<prop::sample::Index>(), reach in reach()
    ) {
        let plant = Plant::new(reach);
        let (before, after) = scans.split_at(1 + place.index(scans.len()));
        let stop = before.last().map_or(0, |scan| scan.at) + 1;

        let mut restarted = Run::new(&plant);
        restarted.scans(before);
        restarted.steps(&story::heartbeats(stop));
        // What is due at that very instant still comes before the restart, but not before a value that is bad by then.
        prop_assume!(restarted.transitions.iter().all(|t| t.timestamp < stop));
        let marks = restarted.watermarks();
        restarted.restart(&plant, stop);
        prop_assert_eq!(restarted.watermarks(), marks);
        restarted.scans(after);

        let mut unknown = Run::new(&plant);
        unknown.scans(before);
        unknown.scans(&[Scan::bad(stop)]);
        unknown.scans(after);

        let mut undisturbed = Run::new(&plant);
        undisturbed.scans(&scans);

        restarted.assert_chains();
        let of = |run: &Run, as_false: bool| told(run.transitions.iter().filter(|t| t.rule_id.starts_with("as-false") == as_false));
        prop_assert_eq!(of(&restarted, false), of(&unknown, false));
        prop_assert_eq!(of(&restarted, true), of(&undisturbed, true));
    }

    #[test]
    fn nothing_makes_it_panic(steps in story::garbage(), reach in reach(), damage in story::damage()) {
        let plant = Plant::new(reach);
        let mut run = Run::new(&plant);
        let (first, second) = steps.split_at(steps.len() / 2);
        run.steps(first);
        run.assert_chains();
        run.damage(&damage);
        run.restart(&plant, second.first().map_or(0, |step| step.at));
        run.steps(second);
        run.engine.finish();
    }
}

fn reach() -> impl Strategy<Value = Reach> {
    prop_oneof![Just(Reach::Inputs), Just(Reach::Global)]
}

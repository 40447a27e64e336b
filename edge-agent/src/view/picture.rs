//! Putting a picture together: what core noted, and what the engine shows of itself, with their names.
//!
//! Here: that, within the limits of `view`. Not here: which instances matter most (`rules::view`).
//! Invariant: what is left out is counted; a tag without a good value is left out last.

use std::collections::BTreeMap;

use proto::Value;
use rules::calendar::Zone;
use rules::engine::Engine;
use rules::inventory::{SourceId, TagId};
use rules::shelf::Shelf;
use rules::text::{Filling, bit_names};
use rules::value::{Held, Type, Unknown};
use rules::view::{EngineView, InstanceView};

use super::board::Board;
use super::{
    INSTANCES_MAX, InputView, JudgedView, LatchedView, MachineView, PendingView, ScopeView, ShelfView,
    SourceView, TAGS_MAX, TagView, View, VoteView,
};

/// A condition that names more tags is cut short.
const INPUTS_MAX: usize = 8;

impl Board {
    /// The agent at processing time `at`.
    #[must_use]
    pub fn picture(&self, engine: &Engine, at: i64, disk_full: bool) -> View {
        let counts = engine.counts();
        let instances = engine.instances();
        let seen = engine.view(at, self.inventory.machines().count(), INSTANCES_MAX);
        let bad = self.bad();
        let tags = self.shown_tags();
        View {
            at,
            started_at: self.started_at,
            datapoints: counts.datapoints,
            late: counts.late,
            dropped: counts.dropped,
            raised: counts.raised,
            unlisted: counts.unlisted,
            changes: counts.transitions,
            lost: self.lost,
            disk_full,
            rules: self.rules,
            instances,
            mistakes: self.mistakes.to_vec(),
            sources: self.sources_with(&bad),
            scopes: self.scopes(&seen, at),
            machines: self.machines(&seen, &bad),
            judged: seen.instances.iter().map(|instance| self.judged(instance, engine.zone())).collect(),
            judged_left_out: instances.saturating_sub(seen.instances.len()),
            tags_left_out: self.tags.len().saturating_sub(tags.len()),
            tags,
            recent: self.recent.iter().cloned().collect(),
        }
    }

    /// Tags in all and tags without a good value: by source, and by machine.
    fn bad(&self) -> Bad {
        let mut bad = Bad {
            by_source: vec![(0, 0); self.sources.len()],
            by_machine: vec![0; self.inventory.machines().count()],
        };
        for ((_, tag), note) in self.inventory.tags().zip(&self.tags) {
            let is_bad = usize::from(!note.is_good());
            if let Some((all, of_source)) = bad.by_source.get_mut(tag.source.0 as usize) {
                (*all, *of_source) = (*all + 1, *of_source + is_bad);
            }
            if let Some(of_machine) = bad.by_machine.get_mut(tag.machine.0 as usize) {
                *of_machine += is_bad;
            }
        }
        bad
    }

    fn shown_tags(&self) -> Vec<TagView> {
        let all = || self.inventory.tags().zip(&self.tags);
        if self.tags.len() <= TAGS_MAX {
            return all().map(|((id, _), _)| self.tag(id)).collect();
        }
        let bad = all().filter(|(_, note)| !note.is_good());
        let good = all().filter(|(_, note)| note.is_good());
        let mut shown: Vec<TagId> = bad.chain(good).take(TAGS_MAX).map(|((id, _), _)| id).collect();
        shown.sort_unstable();
        shown.into_iter().map(|id| self.tag(id)).collect()
    }

    fn tag(&self, id: TagId) -> TagView {
        let tag = self.inventory.tag(id);
        let note = self.tags.get(id.0 as usize);
        TagView {
            machine: self.inventory.machine(tag.machine).name.clone(),
            name: tag.name.clone(),
            source: self.source_id(tag.source),
            value: self.value(id),
            meaning: self.meaning(id),
            unit: tag.unit.clone(),
            quality: note.and_then(|note| note.quality),
            timestamp: note.and_then(|note| note.timestamp),
            reason: self.reason(id),
        }
    }

    fn held(&self, id: TagId) -> &Held {
        const NEVER: &Held = &Err(Unknown::NeverSeen);
        self.tags.get(id.0 as usize).map_or(NEVER, |note| &note.held)
    }

    fn value(&self, id: TagId) -> Value<'static> {
        self.held(id).as_ref().map_or(Value::Null, Value::from)
    }

    fn meaning(&self, id: TagId) -> Option<String> {
        let tag = self.inventory.tag(id);
        match (self.held(id), &tag.names) {
            (Ok(rules::value::Value::Int(bits)), Some(names)) if tag.kind == Type::Flags => {
                Some(bit_names(*bits, names))
            }
            (Ok(rules::value::Value::Int(code)), Some(names)) => names.name(*code).map(ToOwned::to_owned),
            _ => None,
        }
    }

    fn reason(&self, id: TagId) -> Option<String> {
        let unknown = self.held(id).as_ref().err()?;
        let told = self.tags.get(id.0 as usize).and_then(|note| note.reason.as_deref());
        Some(told.map_or_else(|| unknown.to_string(), ToOwned::to_owned))
    }

    fn source_id(&self, id: SourceId) -> String {
        self.inventory.source(id).id.clone()
    }

    fn sources_with(&self, bad: &Bad) -> Vec<SourceView> {
        let notes = self.inventory.sources().zip(&self.sources).zip(&bad.by_source);
        notes
            .map(|(((_, source), note), (tags, bad))| SourceView {
                id: source.id.clone(),
                up: note.up,
                reason: note.reason.clone(),
                since: note.since,
                heard_at: note.heard_at,
                scan_ms: note.scan.map(|took| took.as_secs_f64() * 1e3),
                clock_offset_ms: note.clock_offset_ms,
                tags: *tags,
                bad: *bad,
                datapoints: note.datapoints,
                late: note.late,
            })
            .collect()
    }

    fn scopes(&self, seen: &EngineView<'_>, at: i64) -> Vec<ScopeView> {
        let view = |scope: &rules::view::ScopeView<'_>| ScopeView {
            sources: scope.sources.iter().map(|id| self.source_id(*id)).collect(),
            watermark: scope.watermark,
            lag_ms: scope.watermark.map(|mark| at.saturating_sub(mark)),
            held_by: scope.held_by.map(|id| self.source_id(id)),
            waiting: scope.waiting,
            instances: scope.instances,
        };
        seen.scopes.iter().map(view).collect()
    }

    fn machines(&self, seen: &EngineView<'_>, bad: &Bad) -> Vec<MachineView> {
        let all = self.inventory.machines().zip(&seen.machines).zip(&bad.by_machine);
        all.map(|(((_, machine), tally), bad)| MachineView {
            name: machine.name.clone(),
            line: machine.line.clone(),
            worst: tally.worst,
            wrong: tally.wrong,
            silenced: tally.silenced,
            unknown: tally.unknown,
            instances: tally.instances,
            bad: *bad,
        })
        .collect()
    }

    fn judged(&self, instance: &InstanceView<'_>, zone: &Zone) -> JudgedView {
        let plan = instance.plan;
        let because = instance.because();
        let text = because.as_ref().map(|_| self.text(instance, zone)).unwrap_or_default();
        let (expression, tags) =
            because.map_or((None, Vec::new()), |(text, tags)| (Some(text.to_owned()), tags));
        JudgedView {
            rule: plan.rule.name.value.clone(),
            machine: self.inventory.machine(plan.machine).name.clone(),
            state: instance.state.to_owned(),
            severity: instance.severity,
            since: instance.since,
            scope: instance.scope,
            expression,
            inputs: tags.into_iter().take(INPUTS_MAX).map(|id| self.input(id)).collect(),
            text,
            votes: instance.votes().map(VoteView::from).collect(),
            pending: instance.pending().map(PendingView::from).collect(),
            latched: instance.latched().map(LatchedView::from).collect(),
            suppressed: instance.suppressed,
            shelved: instance.shelf.map(ShelfView::from),
            out_of_service: instance.out_of_service.map(ShelfView::from),
        }
    }

    fn input(&self, id: TagId) -> InputView {
        let tag = self.inventory.tag(id);
        InputView {
            tag: tag.name.clone(),
            value: self.value(id),
            meaning: self.meaning(id),
            unit: tag.unit.clone(),
            reason: self.reason(id),
        }
    }

    fn text(&self, instance: &InstanceView<'_>, zone: &Zone) -> BTreeMap<String, String> {
        let plan = instance.plan;
        let machine = &self.inventory.machine(plan.machine).name;
        let templates = plan.texts.iter().zip(plan.text_slots.values());
        let since = instance.since.map(|since| zone.local(since));
        let filling = Filling { state: instance.state, machine, since };
        templates
            .map(|((language, template), slots)| {
                let held = slots.iter().filter_map(|slot| plan.slots.get(*slot)).map(|id| self.held(*id));
                (language.clone(), template.fill(language, filling, held))
            })
            .collect()
    }
}

/// Tags without a good value.
struct Bad {
    /// All tags, and those without a good value.
    by_source: Vec<(usize, usize)>,
    by_machine: Vec<usize>,
}

impl From<rules::view::VoteView<'_>> for VoteView {
    fn from(vote: rules::view::VoteView<'_>) -> Self {
        let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
        Self { group: owned(vote.group), state: owned(vote.state), weight: vote.weight, wins: vote.wins }
    }
}

impl From<rules::view::PendingView<'_>> for PendingView {
    fn from(pending: rules::view::PendingView<'_>) -> Self {
        let rules::view::PendingView { state, done_ms, of_ms, paused, leaving } = pending;
        Self { state: state.to_owned(), done_ms, of_ms, paused, leaving }
    }
}

impl From<rules::view::LatchedView<'_>> for LatchedView {
    fn from(latched: rules::view::LatchedView<'_>) -> Self {
        Self { state: latched.state.to_owned(), resettable: latched.resettable }
    }
}

impl From<&Shelf> for ShelfView {
    fn from(shelf: &Shelf) -> Self {
        let Shelf { who, why, until, once } = shelf;
        Self { who: who.clone(), why: why.clone(), until: *until, once: *once }
    }
}

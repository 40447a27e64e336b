//! The texts of a rule, bound to a machine.
//!
//! Here: the values of parameters and the tags that they name. Not here: how a text is read and filled (`text`).
//! Invariant: a text that is accepted names only what is known on the machine.

use std::collections::BTreeMap;

use super::Binding;
use crate::diagnose::did_you_mean;
use crate::expr::Mistake;
use crate::text::{self, Template};
use crate::value::Constant;

impl Binding<'_, '_> {
    /// The texts with the parameters written in, and the slots they name.
    pub(super) fn texts(
        &mut self,
        params: &BTreeMap<String, Constant>,
    ) -> (BTreeMap<String, Template>, BTreeMap<String, Vec<usize>>) {
        let (mut texts, mut slots) = (BTreeMap::new(), BTreeMap::new());
        let rule = self.rule;
        for (language, (template, span)) in &rule.text {
            let mut template = template.with(params, language);
            let mut named = Vec::new();
            for place in template.places_mut() {
                let at = place.at..place.at + place.length();
                if place.machine.is_none() && self.binder.hides(&place.name) {
                    continue;
                }
                match self.binder.named_slot(place.machine.as_deref(), &place.name, &at) {
                    Ok(slot) => {
                        let tag = self.binder.tag(slot);
                        place.is_of(tag.kind, tag.names.as_ref());
                        named.push(slot);
                    }
                    Err(mistake) => {
                        let word = did_you_mean(&place.name, text::WORDS).filter(|_| place.machine.is_none());
                        let help = word.map(|word| format!("did you mean {{{word}}}?"));
                        let help = help.or_else(|| meant_in_german(&place.name)).or(mistake.help.clone());
                        self.show(span, Mistake { help, ..mistake });
                    }
                }
            }
            texts.insert(language.clone(), template);
            slots.insert(language.clone(), named);
        }
        (texts, slots)
    }
}

fn meant_in_german(word: &str) -> Option<String> {
    const WORDS: [(&str, &str); 4] =
        [("maschine", "machine"), ("zustand", "state"), ("seit", "since"), ("status", "state")];
    let (_, here) = WORDS.iter().find(|(german, _)| *german == word.to_lowercase())?;
    Some(format!("write {{{here}}}"))
}

//! A gate of a rule (§7.6): what it last said, and for how long that holds.
//!
//! Here: `active_if` and `suppress_if`. Not here: what a closed gate does.
//! Invariant: a rule without the gate has it open.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Is {
    #[default]
    Open,
    Closed,
    /// It is Unknown for too long, or said nothing yet.
    Doubtful,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gate {
    pub(crate) is: Is,
    last: Option<bool>,
    gave_up: bool,
    unknown_since: Option<i64>,
}

impl Gate {
    /// A gate that is open as long as nobody says otherwise.
    pub(crate) fn open() -> Self {
        Self { last: Some(true), ..Self::default() }
    }

    /// It says something at an instant, or cannot because a window `fills`; `says` none: the rule has no such gate.
    pub(crate) fn advance(
        &mut self,
        t: i64,
        (says, fills): (Option<Option<bool>>, bool),
        after: i64,
        from: Option<i64>,
    ) {
        let Some(says) = says else { return };
        if says.is_some() {
            (self.last, self.unknown_since, self.gave_up) = (says, None, false);
        } else if fills && self.last.is_some() {
            self.unknown_since = None;
        } else {
            let since = *self.unknown_since.get_or_insert(t);
            if from.is_some_and(|from| t >= since.max(from) + after) {
                self.gave_up = true;
            }
        }
        self.is = match self.last {
            None => Is::Doubtful,
            Some(_) if self.gave_up => Is::Doubtful,
            Some(true) => Is::Open,
            Some(false) => Is::Closed,
        };
    }

    /// Whether conditions were judged behind it, if the rule has it: one that never said anything was not open.
    pub(crate) fn went_on(&self, is_there: bool) -> bool {
        !is_there || self.goes_on() && self.last == Some(true)
    }

    /// Whether conditions are judged behind it: it is open, or was when it was last known.
    pub(crate) fn goes_on(&self) -> bool {
        self.is == Is::Open || self.is == Is::Doubtful && self.last == Some(true)
    }

    /// After a restart it keeps what it said.
    pub(crate) fn paused(self) -> Self {
        Self { unknown_since: None, ..self }
    }
}

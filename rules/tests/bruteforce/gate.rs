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
    /// What it says, or said when it was known last: conditions are judged on while nobody knows of an open gate.
    pub(crate) was: Option<bool>,
    last: Option<bool>,
    unknown_since: Option<i64>,
}

impl Gate {
    /// It says something at an instant; `says` none: the rule has no such gate.
    pub(crate) fn advance(&mut self, t: i64, says: Option<Option<bool>>, after: i64, from: Option<i64>) {
        let Some(says) = says else { return };
        if says.is_some() {
            (self.last, self.was, self.unknown_since) = (says, says, None);
        } else {
            let since = *self.unknown_since.get_or_insert(t);
            if from.is_some_and(|from| t >= since.max(from) + after) {
                self.last = None;
            }
        }
        self.is = match self.last {
            Some(true) => Is::Open,
            Some(false) => Is::Closed,
            None => Is::Doubtful,
        };
    }

    /// After a restart it keeps what it said.
    pub(crate) fn paused(self) -> Self {
        Self { unknown_since: None, ..self }
    }
}

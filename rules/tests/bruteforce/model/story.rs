//! What happens: deliveries, restarts, reloads, what people do.
//!
//! Here: the steps of a story. Not here: how they are drawn (`generate`) or printed (`print`).
//! Invariant: instants are ms after [`ZERO`](super::ZERO).

/// Something happens at a processing time.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) at: i64,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Deliver(usize, Vec<Point>),
    Clock,
    /// The agent stops in order and starts again, with this version of the rules.
    Restart(usize),
    /// This version of the rules is in force from here on.
    Reload(usize),
    /// The clock was set back: `at` begins again here.
    Epoch,
    /// Somebody does something to a rule of a machine.
    Operator {
        rule: String,
        machine: usize,
        order: Order,
    },
}

/// What people can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// For so long, ms.
    Shelve(i64),
    ShelveOnce,
    Unshelve,
    OutOfService,
    InService,
    Reset,
}

#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) subject: Subject,
    pub(crate) timestamp: i64,
    pub(crate) sequence: u64,
    pub(crate) wmk: bool,
    /// Of quality Uncertain.
    pub(crate) uncertain: bool,
}

impl Point {
    /// Whether it gives its tag a value of quality Uncertain.
    pub(crate) fn is_uncertain(&self) -> bool {
        self.uncertain && matches!(&self.subject, Subject::Tag(_, raw) if *raw != Raw::Bad)
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Subject {
    Tag(usize, Raw),
    Heartbeat,
    Connected(bool),
}

/// A value as the world sends it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    Bad,
    Bool(bool),
    Int(i64),
    Float(f64),
}

//! What must be judged at an instant: the programs one of whose inputs changed, each once.
//!
//! Here: collecting them, and their one order. Not here: what an input is (`signals`, `windows`).
//! Invariant: whatever the order in which they were touched, they come out by instance, then by program.

/// A program that reads something: its instance, and its place among the programs of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reader {
    pub(crate) instance: u32,
    pub(crate) program: u32,
}

/// Stands for a program where time alone moves the instance on. It sorts behind all that are judged.
const TIME_ALONE: u32 = u32::MAX;

impl Reader {
    pub(crate) fn new(instance: usize, program: usize) -> Self {
        let place = |i: usize| u32::try_from(i).unwrap_or(TIME_ALONE - 1);
        Self { instance: place(instance), program: place(program) }
    }

    /// The program to be judged; none: time alone has come.
    pub(crate) fn judged(self) -> Option<usize> {
        (self.program != TIME_ALONE).then_some(self.program as usize)
    }
}

/// What was touched.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    readers: Vec<Reader>,
    /// Windows over whose argument something happened, and whether that was a datapoint.
    windows: Vec<(usize, bool)>,
    /// Everything must be judged: the instances begin.
    pub(crate) all: bool,
}

impl Touched {
    pub(crate) fn add(&mut self, readers: &[Reader]) {
        self.readers.extend_from_slice(readers);
    }

    pub(crate) fn add_windows(&mut self, windows: &[usize], by_datapoint: bool) {
        self.windows.extend(windows.iter().map(|window| (*window, by_datapoint)));
    }

    /// The windows, each once.
    pub(crate) fn take_windows(&mut self) -> Vec<(usize, bool)> {
        let mut windows = std::mem::take(&mut self.windows);
        windows.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        windows.dedup_by_key(|(window, _)| *window);
        windows
    }

    /// Nothing was touched but time: the instance has something due.
    pub(crate) fn due(&mut self, instance: usize) {
        self.readers.push(Reader { program: TIME_ALONE, ..Reader::new(instance, 0) });
    }

    /// Each once, in their order.
    pub(crate) fn in_order(&mut self) -> &[Reader] {
        // One signal's readers are in order already, and mostly one signal changes.
        if !self.readers.is_sorted() {
            self.readers.sort_unstable();
        }
        self.readers.dedup();
        &self.readers
    }

    /// Forgets what was touched, and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.readers.clear();
        self.windows.clear();
        self.all = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_out_each_once_by_instance_and_program() {
        let reader = |(instance, program)| Reader::new(instance, program);
        let mut touched = Touched::default();
        touched.due(1);
        touched.add(&[(1, 2), (3, 0)].map(reader));
        touched.add(&[(0, 1), (1, 2)].map(reader));
        let order: Vec<_> = touched.in_order().iter().map(|r| (r.instance, r.judged())).collect();
        assert_eq!(order, [(0, Some(1)), (1, Some(2)), (1, None), (3, Some(0))]);
        touched.clear();
        assert!(touched.in_order().is_empty());
    }
}

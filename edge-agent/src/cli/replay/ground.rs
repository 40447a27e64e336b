//! What a replay stands on: machines, sources, tags, and how the engine goes about them.
//!
//! Here: from a configuration, or from what the recording itself shows (in a first pass). Not here: the options that
//! go before it (`arguments`). Invariant: without a configuration nothing is known that the recording does not show.

use std::path::PathBuf;

use rules::engine::{Expect, Identity, Options};
use rules::inventory::Inventory;
use rules::trust::Bounds;

use super::arguments::Arguments;
use super::lines::{Wrong, each_line};
use crate::cli::say::counted;
use crate::cli::{Failure, say};
use crate::config::Config;
use crate::recording::Moment;
use crate::recording::infer::Seen;

/// What a replay stands on.
pub(super) struct Ground {
    pub(super) inventory: Inventory,
    /// Files and directories.
    pub(super) rules: Vec<PathBuf>,
    /// Whether no rules at all are meant to be there.
    pub(super) may_be_empty: bool,
    pub(super) options: Options,
    pub(super) identity: Identity,
    pub(super) bounds: Bounds,
}

impl Ground {
    /// What a configuration says.
    pub(super) fn configured(config: Config) -> Self {
        let agent = config.agent;
        let incarnation = "0".repeat(16);
        Self {
            inventory: Inventory::clone(&config.inventory),
            rules: vec![agent.rules_dir],
            may_be_empty: agent.rules_dir_may_be_empty,
            options: agent.options,
            identity: Identity { agent_id: agent.id, incarnation, site: agent.site },
            bounds: Bounds::default(),
        }
    }

    /// What the recording shows, in a first pass.
    pub(super) fn inferred(arguments: &Arguments) -> Result<Self, Failure> {
        let file = &arguments.file;
        let is_stream = file.as_os_str() == "-" || file.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir());
        if is_stream {
            let why = "without --config a recording is read twice, which standard input and pipes cannot be: save it as a file, or give --config";
            return Err(Failure::Usage(why.into()));
        }
        let mut seen = Seen::default();
        each_line(file, |line| match serde_json::from_slice::<proto::Datapoint<'_>>(line) {
            Ok(datapoint) => seen.line(&datapoint).map_err(|e| Wrong::Line(e.to_string())),
            Err(e) => serde_json::from_slice::<Moment>(line).map(|_| ()).map_err(|_| Wrong::json(line, &e)),
        })?;
        let inventory = seen.inventory();
        let (machines, tags) = (inventory.machines().count(), inventory.tags().count());
        let sources = inventory.sources().count();
        let [machines, tags, sources] =
            [counted(machines, "machine"), counted(tags, "tag"), counted(sources, "source")];
        say::note(format_args!(
            "without --config: {machines} (each by its equipmentId), {tags} and {sources}, as the recording shows them"
        ));
        let (agent_id, incarnation) = ("replay".to_owned(), "0".repeat(16));
        Ok(Self {
            inventory,
            rules: Vec::new(),
            may_be_empty: false,
            options: Options { expect: Expect::Seen, ..Options::default() },
            identity: Identity { agent_id, incarnation, site: None },
            bounds: Bounds::NONE,
        })
    }
}

//! `init`: a commented sample configuration to begin with.
//!
//! Here: writing it. Not here: its text (`sample/`). Invariant: no file is ever overwritten.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, say};

const AGENT: &str = include_str!("../../sample/agent.toml");
const RULES: &str = include_str!("../../sample/rules.toml");

/// Options of `init`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where to; made if it is not there
    #[arg(default_value = ".")]
    dir: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let rules = arguments.dir.join("rules");
    std::fs::create_dir_all(&rules)
        .map_err(|e| Failure::Because(format!("cannot make {}: {e}", rules.display())))?;
    let (agent, rules) = (arguments.dir.join("agent.toml"), rules.join("line.toml"));
    if let Some(there) = [&agent, &rules].into_iter().find(|path| path.exists()) {
        return Err(Failure::Because(format!("{} is there already: nothing was written", there.display())));
    }
    write(&agent, AGENT)?;
    write(&rules, RULES)?;
    say::line(format_args!("wrote {} and {}", agent.display(), rules.display()))?;
    say::line(format_args!(
        "next: put your PLC's address and tags in, then `edge-agent check --live --config {}`",
        agent.display()
    ))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = std::fs::File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|e| Failure::Because(format!("cannot write {}: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::rulebook;
    use rules::diagnose::Report;

    #[test]
    fn the_sample_is_right_and_is_written_once() {
        let dir = tempfile::tempdir().unwrap();
        let arguments = Arguments { dir: dir.path().join("plimsoll") };
        run(&arguments).unwrap();
        let mut report = Report::default();
        let text = std::fs::read_to_string(arguments.dir.join("agent.toml")).unwrap();
        let file = report.add_file("agent.toml", text);
        let config = Config::read(&mut report, file, &arguments.dir).unwrap();
        let loaded = rulebook::load(&mut report, &config.agent.rules_dir, &config.inventory, false);
        assert_eq!((loaded.rules, report.lines().collect::<Vec<_>>()), (2, Vec::<String>::new()));
        let written = std::fs::read_to_string(arguments.dir.join("rules/line.toml")).unwrap();
        let laid_out = rules::layout::layout(&written);
        assert_eq!(laid_out.as_deref(), Some(written.as_str()), "as `rules fmt` lays it out");
        let Err(Failure::Because(why)) = run(&arguments) else { panic!() };
        assert!(why.ends_with("is there already: nothing was written"), "{why}");
    }
}

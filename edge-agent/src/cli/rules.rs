//! `rules check`, `rules fmt`, `rules schema`: what somebody needs who writes rules.
//!
//! Here: which files are meant, and what is printed. Not here: what is wrong with them (`rules`), their layout.
//! Invariant: `fmt` changes a file only to one of the same meaning, and never one that it does not understand; a line
//! ends as it did, and a mark of UTF-8 stays.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use ::rules::checked::is_table;
use ::rules::decode;
use ::rules::diagnose::Report;
use ::rules::document;
use ::rules::layout::layout;
use ::rules::params::of_no_rule;
use ::rules::size::Memory;
use clap::Args;

use super::check::{Format, configuration_as, shown};
use super::say::counted;
use super::{CONFIG, Failure, configuration, say, unheard};
use crate::rulebook;

/// Options of `rules check`.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Files and directories to check; the directory of the configuration where none is named
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Machines, sources, tags, and where the rules are
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// How mistakes are shown
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Options of `rules fmt`.
#[derive(Debug, Args)]
pub(super) struct FmtArguments {
    /// Files and directories; the directory of the configuration where none is named
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Where the rules are
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Change nothing, only name the files that would be changed: exit code 1 if there are any
    #[arg(long)]
    check: bool,
}

pub(super) fn check(arguments: &CheckArguments) -> Result<(), Failure> {
    let (config, _) = configuration_as(&arguments.config, arguments.format)?;
    if let Some(path) = arguments.paths.iter().find(|path| is_same(path, &arguments.config)) {
        let path = path.display();
        let why = format!("{path} is the configuration, not a rule file: `edge-agent check --config {path}`");
        return Err(Failure::Usage(why));
    }
    let agent = &config.agent;
    let mut report = Report::default();
    let rules = match &arguments.paths[..] {
        [] => rulebook::load(&mut report, &agent.rules_dir, &config.inventory, agent.rules_dir_may_be_empty),
        paths => rulebook::of_paths(&mut report, paths, &config.inventory, false),
    };
    // Some of the rules do not tell which parameters there are.
    if arguments.paths.is_empty() && report.errors() == 0 {
        of_no_rule(&mut report, &rules, &config.inventory);
    }
    shown(&report, arguments.format)?;
    let instances = counted(rules.plans.len(), "instance");
    say::note(format_args!("{} ({instances} of a rule on a machine)", counted(rules.rules, "rule")));
    say::note(Memory::of(&rules, agent.options.waiting_max));
    unheard::lines(&rules, &config).into_iter().for_each(say::note);
    if report.errors() > 0 { Err(Failure::Wrong) } else { Ok(()) }
}

fn is_same(a: &Path, b: &Path) -> bool {
    a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

pub(super) fn schema() -> Result<(), Failure> {
    say::lines(&::rules::schema::schema())
}

pub(super) fn fmt(arguments: &FmtArguments) -> Result<(), Failure> {
    let mut well = true;
    for path in rule_files(arguments)? {
        match formatted(&path) {
            Ok(None) => {}
            Ok(Some(new)) => {
                say::line(path.display())?;
                if arguments.check {
                    well = false;
                } else {
                    let cannot = |e| Failure::Because(format!("cannot write {}: {e}", path.display()));
                    replace(&path, &new).map_err(cannot)?;
                }
            }
            Err(why) => {
                say::note(format_args!("error: {why}"));
                well = false;
            }
        }
    }
    if well { Ok(()) } else { Err(Failure::Wrong) }
}

/// A file as it ought to be; none: it is so.
fn formatted(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let name = path.display();
    let text = rulebook::page(path).text.map_err(|why| format!("{name}: {why}"))?;
    let old = std::fs::read(path).map_err(|e| format!("{name}: {e}"))?;
    let new = layout(&text.text).ok_or_else(|| not_laid_out(&name.to_string(), &text.text))?;
    let new = like(&old, &text.text, new);
    Ok((new != old).then_some(new))
}

/// With the line ends of the file, and its mark of UTF-8: both belong to the editor, not to the layout.
fn like(old: &[u8], text: &str, new: String) -> Vec<u8> {
    let lines = text.matches('\n').count();
    let is_crlf = lines > 0 && text.matches("\r\n").count() == lines;
    let new = if is_crlf { new.replace("\r\n", "\n").replace('\n', "\r\n") } else { new };
    let mark = if old.starts_with(decode::MARK) { decode::MARK } else { b"" };
    [mark, new.as_bytes()].concat()
}

/// Why a file is left as it is.
fn not_laid_out(name: &str, text: &str) -> String {
    let mut report = Report::default();
    let file = report.add_file(name, text);
    document::parse(&mut report, file);
    let first = report.lines().next();
    first.unwrap_or_else(|| {
        format!("{name}: not laid out: a comment stands inside {{ }}; move it above, or behind the line")
    })
}

fn rule_files(arguments: &FmtArguments) -> Result<Vec<PathBuf>, Failure> {
    let default = match arguments.paths.is_empty() {
        true => vec![configuration(&arguments.config)?.0.agent.rules_dir],
        false => Vec::new(),
    };
    let mut files = Vec::new();
    for path in arguments.paths.iter().chain(&default) {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let pages = rulebook::pages(path)
            .map_err(|e| Failure::Because(format!("cannot read {}: {e}", path.display())))?;
        if pages.iter().all(|page| is_table(&page.name)) {
            say::note(format_args!("warning: {} holds no rule files", path.display()));
        }
        files.extend(pages.into_iter().map(|page| PathBuf::from(page.name)));
    }
    files.retain(|file| !is_table(&file.display().to_string()));
    Ok(files)
}

/// Writes beside the file and renames, so that the agent never reads half of it.
fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let real = path.canonicalize()?;
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = real.with_file_name(format!(".{name}.new"));
    let old = std::fs::metadata(&real)?;
    let replaced = std::fs::write(&beside, text).and_then(|()| {
        belong_alike(&beside, &old)?;
        std::fs::rename(&beside, &real)
    });
    if replaced.is_err() {
        // It may not be there at all.
        std::fs::remove_file(&beside).ok();
    }
    replaced
}

/// Root lays out files that others edit: they stay theirs. Who is not root keeps the group, where that may be.
fn belong_alike(new: &Path, old: &Metadata) -> std::io::Result<()> {
    let all = chown(new, Some(old.uid()), Some(old.gid()));
    all.or_else(|_| chown(new, None, Some(old.gid()))).ok();
    std::fs::set_permissions(new, old.permissions())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_ends_of_lines_and_the_mark_stay_as_the_editor_wrote_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.toml");
        let new = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            formatted(&path).unwrap().map(|new| String::from_utf8(new).unwrap())
        };
        let windows = "\u{feff}# Wäscher\r\n[rule.a]\r\non='*'  # alle\r\ntext=\"\"\"a\r\nb\"\"\"\r\n";
        let laid_out = "\u{feff}# Wäscher\r\n[rule.a]\r\non = '*'  # alle\r\ntext = \"\"\"a\r\nb\"\"\"\r\n";
        assert_eq!(new(windows.as_bytes()).as_deref(), Some(laid_out));
        assert_eq!(new(laid_out.as_bytes()), None, "once is enough");
        assert_eq!(new(b"a=1\r\nb=2\n").as_deref(), Some("a = 1\nb = 2\n"), "both kinds become one");
        assert_eq!(new(b"a='W\xe4scher'\r\n").as_deref(), Some("a = 'Wäscher'\r\n"), "it becomes UTF-8");
        assert_eq!(new(b"a = 1\nb = 2\n"), None);
    }

    #[test]
    fn a_file_stays_whose_it_was_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.toml");
        std::fs::write(&path, "a=1").unwrap();
        // Only root can give a file away.
        let theirs = if chown(&path, Some(65_534), Some(65_534)).is_ok() {
            65_534
        } else {
            std::fs::metadata(&path).unwrap().uid()
        };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o664)).unwrap();
        replace(&path, b"a = 1\n").unwrap();
        let new = std::fs::metadata(&path).unwrap();
        assert_eq!((new.uid(), new.mode() & 0o777), (theirs, 0o664));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_laid_out_says_why() {
        assert!(not_laid_out("a.toml", "[rule.a\n").starts_with("a.toml:1:"));
        assert!(not_laid_out("a.toml", "a = { # x\n b = 1 }").contains("a comment stands inside { }"));
    }
}

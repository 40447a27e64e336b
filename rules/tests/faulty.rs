//! Rule files as technicians write them when they are in a hurry, and what they are told.
//!
//! Here: every `faulty/*.toml` and `faulty/*.csv` is checked on one line of machines; what is said stands beside it in
//! a `.txt`, and so is what the tests of a rule without a mistake lead to. `UPDATE_FAULTY=1` writes those anew: read them as a technician would. A table is checked together with
//! `limits.toml` (which is right), and `double-*.toml` are checked together.
//! Invariant: every file here has a mistake, and each mistake is told once, with its line and column.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "the engine opens no files, its tests read their goldens")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rules::codes::CODES;
use rules::decode::{add, decode};
use rules::diagnose::{FileId, Report};
use rules::inventory::{Inventory, Machine, Names, Source, Tag};
use rules::ruleset::Checked;
use rules::trial::run;
use rules::value::Type;

/// A filler and a bottle washer, as the examples of the manual have them.
fn line() -> Inventory {
    let mut inventory = Inventory::default();
    inventory.set_targets(["maintenance", "shift-lead"].map(str::to_owned).into());
    let plc = |id: &str| Source {
        id: id.into(),
        idle_timeout: 30_000,
        max_out_of_orderness: 0,
        max_lag: Some(30_000),
    };
    let states = [("Undefined", 1), ("Stopped", 2), ("Prepared", 8), ("Operating", 128), ("Cleaning", 1024)];
    let programs = [("Production", 1), ("Clean", 4), ("Maintenance", 8)];
    for (name, class) in [("filler-1", "filler"), ("filler-2", "filler"), ("washer-1", "washer")] {
        let source = inventory.add_source(plc(&format!("{name}-plc")));
        let (line, class) = (Some("L3".to_owned()), Some(class.to_owned()));
        let id = format!("id-{name}");
        let machine = Machine { name: name.into(), id, line, class: class.clone(), ..Machine::default() };
        let machine = inventory.add_machine(machine);
        let mut tag = |name: &str, kind, unit: Option<&str>, names: &[(&str, i64)]| {
            let unit = unit.map(str::to_owned);
            let entries = names.iter().map(|(name, code)| ((*name).to_owned(), *code)).collect();
            let names = (!names.is_empty()).then(|| Arc::new(Names { table: name.to_lowercase(), entries }));
            let name = name.to_owned();
            inventory.add_tag(Tag { machine, source, name, kind, unit, names, ..Tag::default() }).unwrap();
        };
        tag("water_temperature", Type::Float, Some("°C"), &[]);
        tag("pressure", Type::Float, Some("bar"), &[]);
        tag("pump_running", Type::Bool, None, &[]);
        tag("recipe", Type::Text, None, &[]);
        tag("WS_Cur_State", Type::Enum, None, &states);
        tag("WS_Cur_Prog", Type::Enum, None, &programs);
        if class.as_deref() == Some("filler") {
            tag("WS_Press_Bottling", Type::Float, Some("bar"), &[]);
            tag("WS_Temp_Product", Type::Float, Some("°C"), &[]);
            tag("bottles", Type::Int, None, &[]);
        }
    }
    inventory
}

fn told(files: &[PathBuf]) -> (Report, String) {
    let mut report = Report::default();
    let mut ids: Vec<FileId> = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = decode(&std::fs::read(path).unwrap());
        ids.push(add(&mut report, name, text.as_ref().map_err(String::as_str)));
    }
    let line = Arc::new(line());
    let checked = Checked::of(&mut report, &ids, &line);
    run(&mut report, &line, checked.rules.values());
    let shown = format!("{}\n", report.render(false));
    (report, shown)
}

#[test]
fn every_faulty_file_is_told_what_is_wrong_with_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faulty");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|p| p.extension().is_some_and(|e| e != "txt")).collect();
    files.sort();
    assert!(files.len() >= 60, "{}", files.len());
    let (mut wrong, update) = (Vec::new(), std::env::var_os("UPDATE_FAULTY").is_some());
    for path in &files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let together: Vec<PathBuf> = match name {
            "limits.toml" | "double-2.toml" => continue,
            "double-1.toml" => vec![path.clone(), folder.join("double-2.toml")],
            table if table.ends_with(".csv") => vec![folder.join("limits.toml"), path.clone()],
            _ => vec![path.clone()],
        };
        let (report, shown) = told(&together);
        let unknown = report.diagnostics().iter().find(|d| CODES.iter().all(|(code, _)| *code != d.code));
        assert!(unknown.is_none(), "{unknown:?}");
        let golden = path.with_extension("txt");
        if update {
            std::fs::write(&golden, &shown).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default().replace("\r\n", "\n");
        if report.diagnostics().is_empty() {
            wrong.push(format!("{name}: nothing is said"));
        } else if expected != shown {
            wrong.push(format!("{name}: other than its golden:\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn limits_that_are_right_are_not_scolded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faulty");
    let (report, shown) = told(&[folder.join("limits.toml")]);
    assert!(report.diagnostics().is_empty(), "{shown}");
}

//! The units of a bottling plant, by their names.
//!
//! Here: what each measures and its factor; prefixes; names for suggestions. Factors: BIPM, SI Brochure, 9th edition
//! (tables 4, 5 and 8), and NIST SP 811, appendix B, for the inch, foot, pound, gallon, psi and °F; all of them exact, or
//! with all the digits given there. Not here: products and quotients of units (`units`), names that are none (`words`).
//! Invariant: a name stands for one unit, whatever prefix another may be read with.

use super::{Base, Measure, Unit, reduced};

/// A line of the table: names, powers of m kg s A K, own dimension, factor, whether prefixes stand before it.
pub(super) struct Row(&'static [&'static str], [i8; 5], &'static str, (f64, f64), bool);

const TABLE: &[Row] = &[
    Row(&["m"], [1, 0, 0, 0, 0], "", (1.0, 1.0), true),
    Row(&["in", "inch"], [1, 0, 0, 0, 0], "", (254.0, 10_000.0), false),
    Row(&["ft"], [1, 0, 0, 0, 0], "", (3_048.0, 10_000.0), false),
    Row(&["l", "L", "liter", "litre", "Liter"], [3, 0, 0, 0, 0], "", (1.0, 1_000.0), true),
    Row(&["gal"], [3, 0, 0, 0, 0], "", (3.785_411_784, 1_000.0), false),
    Row(&["g"], [0, 1, 0, 0, 0], "", (1.0, 1_000.0), true),
    Row(&["t"], [0, 1, 0, 0, 0], "", (1_000.0, 1.0), false),
    Row(&["lb"], [0, 1, 0, 0, 0], "", (0.453_592_37, 1.0), false),
    Row(&["s", "sec"], [0, 0, 1, 0, 0], "", (1.0, 1.0), false),
    Row(&["ms"], [0, 0, 1, 0, 0], "", (1.0, 1_000.0), false),
    Row(&["µs", "us"], [0, 0, 1, 0, 0], "", (1.0, 1_000_000.0), false),
    Row(&["min"], [0, 0, 1, 0, 0], "", (60.0, 1.0), false),
    Row(&["h", "hour", "hours", "Std"], [0, 0, 1, 0, 0], "", (3_600.0, 1.0), false),
    Row(&["d", "day", "days"], [0, 0, 1, 0, 0], "", (86_400.0, 1.0), false),
    Row(&["week", "weeks"], [0, 0, 1, 0, 0], "", (604_800.0, 1.0), false),
    Row(&["A"], [0, 0, 0, 1, 0], "", (1.0, 1.0), true),
    Row(&["Ah"], [0, 0, 1, 1, 0], "", (3_600.0, 1.0), true),
    Row(&["V"], [2, 1, -3, -1, 0], "", (1.0, 1.0), true),
    Row(&["Ω", "\u{2126}", "Ohm", "ohm"], [2, 1, -3, -2, 0], "", (1.0, 1.0), true),
    Row(&["S"], [-2, -1, 3, 2, 0], "", (1.0, 1.0), true),
    Row(&["W"], [2, 1, -3, 0, 0], "", (1.0, 1.0), true),
    Row(&["J", "Ws", "Nm"], [2, 1, -2, 0, 0], "", (1.0, 1.0), true),
    Row(&["Wh"], [2, 1, -2, 0, 0], "", (3_600.0, 1.0), true),
    Row(&["N"], [1, 1, -2, 0, 0], "", (1.0, 1.0), true),
    Row(&["Pa"], [-1, 1, -2, 0, 0], "", (1.0, 1.0), true),
    Row(&["bar"], [-1, 1, -2, 0, 0], "", (100_000.0, 1.0), true),
    Row(&["psi"], [-1, 1, -2, 0, 0], "", (4.448_221_615_260_5, 0.000_645_16), false),
    Row(&["atm"], [-1, 1, -2, 0, 0], "", (101_325.0, 1.0), false),
    Row(&["rpm", "Upm"], [0, 0, -1, 0, 0], "", (1.0, 60.0), false),
    Row(&["1", "U", "rev"], [0, 0, 0, 0, 0], "", (1.0, 1.0), false),
    Row(&["%"], [0, 0, 0, 0, 0], "", (1.0, 100.0), false),
    Row(&["‰"], [0, 0, 0, 0, 0], "", (1.0, 1_000.0), false),
    Row(&["ppm"], [0, 0, 0, 0, 0], "", (1.0, 1_000_000.0), false),
    // A drive's frequency is no speed of rotation: the pole pairs lie between them.
    Row(&["Hz"], [0, 0, -1, 0, 0], "cycle", (1.0, 1.0), true),
    // Apparent and reactive power are no active power: the phase lies between them.
    Row(&["VA"], [2, 1, -3, 0, 0], "apparent", (1.0, 1.0), true),
    Row(&["var", "VAr"], [2, 1, -3, 0, 0], "reactive", (1.0, 1.0), true),
    // Pressure above that of the air is no absolute pressure: the weather lies between them.
    Row(&["barg", "barü"], [-1, 1, -2, 0, 0], "gauge", (100_000.0, 1.0), true),
    Row(&["psig"], [-1, 1, -2, 0, 0], "gauge", (4.448_221_615_260_5, 0.000_645_16), false),
    Row(&["bara"], [-1, 1, -2, 0, 0], "", (100_000.0, 1.0), true),
    Row(&["cycle", "cycles", "Takt", "Takte"], [0; 5], "cycle", (1.0, 1.0), false),
    Row(&["bottle", "bottles", "btl", "Fl", "Flasche", "Flaschen"], [0; 5], "bottle", (1.0, 1.0), false),
    Row(&["bph"], [0, 0, -1, 0, 0], "bottle", (1.0, 3_600.0), false),
    Row(&["can", "cans", "Dose", "Dosen"], [0; 5], "can", (1.0, 1.0), false),
    Row(&["cph"], [0, 0, -1, 0, 0], "can", (1.0, 3_600.0), false),
    Row(&["container", "containers", "Behälter"], [0; 5], "container", (1.0, 1.0), false),
    Row(&["pack", "packs", "Gebinde"], [0; 5], "pack", (1.0, 1.0), false),
    Row(&["case", "cases", "Karton", "Kartons"], [0; 5], "case", (1.0, 1.0), false),
    Row(&["crate", "crates", "Kasten", "Kästen"], [0; 5], "crate", (1.0, 1.0), false),
    Row(&["pallet", "pallets", "Palette", "Paletten"], [0; 5], "pallet", (1.0, 1.0), false),
    Row(&["keg", "kegs"], [0; 5], "keg", (1.0, 1.0), false),
    Row(&["layer", "layers", "Lage", "Lagen"], [0; 5], "layer", (1.0, 1.0), false),
    Row(&["label", "labels", "Etikett", "Etiketten"], [0; 5], "label", (1.0, 1.0), false),
    Row(&["preform", "preforms"], [0; 5], "preform", (1.0, 1.0), false),
    Row(&["cap", "caps", "Verschluss", "Verschlüsse"], [0; 5], "cap", (1.0, 1.0), false),
    Row(&["stroke", "strokes", "Hub", "Hübe"], [0; 5], "stroke", (1.0, 1.0), false),
    Row(&["pcs", "pc", "piece", "pieces", "St", "Stk", "Stück"], [0; 5], "piece", (1.0, 1.0), false),
    Row(&["pH"], [0; 5], "pH", (1.0, 1.0), false),
    Row(&["°P"], [0; 5], "degree Plato", (1.0, 1.0), false),
    Row(&["°Bx", "Brix"], [0; 5], "degree Brix", (1.0, 1.0), false),
    Row(&["°dH"], [0; 5], "degree of hardness", (1.0, 1.0), false),
    Row(&["°", "deg"], [0; 5], "degree of angle", (1.0, 1.0), false),
    Row(&["EBC"], [0; 5], "EBC", (1.0, 1.0), false),
    Row(&["NTU"], [0; 5], "NTU", (1.0, 1.0), false),
    Row(&["dB"], [0; 5], "decibel", (1.0, 1.0), false),
    Row(&["mol"], [0; 5], "mole", (1.0, 1.0), true),
];

/// Scales of temperature: names, factor, reading at 0 °C.
pub(super) const TEMPERATURES: &[(&[&str], (f64, f64), f64)] = &[
    (&["°C", "℃", "degC"], (1.0, 1.0), 0.0),
    (&["K"], (1.0, 1.0), 273.15),
    (&["°F", "℉", "degF"], (5.0, 9.0), 32.0),
];

const PREFIXES: [(&str, f64, f64); 10] = [
    ("n", 1.0, 1e9),
    ("µ", 1.0, 1e6),
    ("u", 1.0, 1e6),
    ("m", 1.0, 1e3),
    ("c", 1.0, 100.0),
    ("d", 1.0, 10.0),
    ("h", 100.0, 1.0),
    ("k", 1e3, 1.0),
    ("M", 1e6, 1.0),
    ("G", 1e9, 1.0),
];

/// The unit of that name, with its prefix.
pub(super) fn listed(name: &str) -> Option<Unit> {
    let row = |name: &str, prefixed: bool| TABLE.iter().find(|r| r.0.contains(&name) && (r.4 || !prefixed));
    if let Some(row) = row(name, false) {
        return Some(unit_of(row, (1.0, 1.0)));
    }
    if let Some((_, factor, _)) = TEMPERATURES.iter().find(|(names, ..)| names.contains(&name)) {
        let measure = Measure::Of(vec![(Base::Temperature, 1)]);
        return Some(Unit { text: name.into(), measure, num: factor.0, den: factor.1, zero: None });
    }
    PREFIXES
        .iter()
        .find_map(|(prefix, num, den)| Some(unit_of(row(name.strip_prefix(prefix)?, true)?, (*num, *den))))
}

fn unit_of(row: &Row, prefix: (f64, f64)) -> Unit {
    const BASES: [Base; 5] = [Base::Length, Base::Mass, Base::Time, Base::Current, Base::Temperature];
    let mut of: Vec<(Base, i8)> = BASES.into_iter().zip(row.1).filter(|(_, power)| *power != 0).collect();
    if !row.2.is_empty() {
        of.push((Base::Own(row.2), 1));
    }
    let (num, den) = reduced(row.3.0 * prefix.0, row.3.1 * prefix.1);
    Unit { text: String::new(), measure: Measure::Of(of), num, den, zero: None }
}

/// The listed units by name, for suggestions.
pub fn names() -> impl Iterator<Item = &'static str> {
    let common = [
        "mbar",
        "kPa",
        "MPa",
        "hPa",
        "km/h",
        "m/s",
        "m³/h",
        "l/h",
        "hl/h",
        "kg",
        "mm",
        "kW",
        "kWh",
        "1/min",
        "K/min",
        "bottles/h",
    ];
    let temperatures = TEMPERATURES.iter().flat_map(|(names, ..)| names.iter().copied());
    TABLE.iter().flat_map(|row| row.0.iter().copied()).chain(temperatures).chain(common)
}

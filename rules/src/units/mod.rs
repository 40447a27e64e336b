//! Units of measurement: what they measure, and how one becomes another.
//!
//! Here: products and quotients of units (`K/min`, `kWh/hl`), and the counts, each a dimension of its own (`bottles/h`
//! are not `cans/h`). Not here: which there are (`table`), what people write for them (`words`), which value has which
//! unit (`expr::typed`).
//! Invariant: factors are fractions of exact numbers, so that 4200 mbar is 4.2 bar to the last bit; a unit that is
//! not listed equals only what is written the same.

mod table;
mod words;

use std::fmt;

use table::{TEMPERATURES, listed};

pub use table::names;
pub use words::meant;
pub(crate) use words::meant_beside;

/// A unit as it was written, with what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// As it was written.
    pub text: String,
    /// What it measures.
    pub measure: Measure,
    /// One of it is `num / den` of the base units.
    num: f64,
    den: f64,
    /// A scale of temperature: what it reads at 0 °C.
    zero: Option<f64>,
}

/// What a unit measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// A product of powers of base units, in their order; empty: a pure number.
    Of(Vec<(Base, i8)>),
    /// Nobody knows: the unit is not listed.
    Unlisted,
}

/// What the dimensions are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Base {
    /// m
    Length,
    /// kg
    Mass,
    /// s
    Time,
    /// A
    Current,
    /// K
    Temperature,
    /// Something that is counted, or measured on a scale that converts into nothing else.
    Own(&'static str),
}

/// How a value in one unit becomes one in another: `(value - before) * num / den + after`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// What the first reads at 0 °C, else 0.
    pub before: f64,
    /// Numerator of the factor.
    pub num: f64,
    /// Denominator of the factor.
    pub den: f64,
    /// What the second reads at 0 °C, else 0.
    pub after: f64,
}

impl Scale {
    /// The value in the other unit.
    #[must_use]
    pub fn apply(self, value: f64) -> f64 {
        (value - self.before) * self.num / self.den + self.after
    }

    /// Whether it changes nothing.
    #[must_use]
    pub(crate) fn is_one(self) -> bool {
        self.num == self.den && self.before == self.after
    }
}

/// Higher powers are typing errors.
const POWER_MAX: i8 = 9;

impl Unit {
    /// Reads a unit; one that is not listed is known by its text only.
    #[must_use]
    pub fn read(text: &str) -> Self {
        // The micro sign and the Greek letter look the same.
        let written = text.trim().replace('\u{3bc}', "µ");
        if let Some((_, (num, den), zero)) =
            TEMPERATURES.iter().find(|(names, ..)| names.contains(&written.as_str()))
        {
            let measure = Measure::Of(vec![(Base::Temperature, 1)]);
            return Self { text: text.trim().into(), measure, num: *num, den: *den, zero: Some(*zero) };
        }
        let mut unit = Self::pure();
        unit.text = text.trim().into();
        for (i, part) in written.split('/').enumerate() {
            for factor in part.split(['·', '*', ' ']) {
                let Some(factor) = factor_of(factor) else {
                    unit.measure = Measure::Unlisted;
                    return unit;
                };
                unit.take(&factor, if i == 0 { 1 } else { -1 });
            }
        }
        unit
    }

    /// The unit of a pure number.
    #[must_use]
    pub fn pure() -> Self {
        Self { text: "1".into(), measure: Measure::Of(Vec::new()), num: 1.0, den: 1.0, zero: None }
    }

    /// The differences on this scale: for °C it is K, for everything else the unit itself.
    #[must_use]
    pub fn difference(&self) -> Self {
        let text = match self.zero {
            Some(zero) if zero == 0.0 && self.num == self.den => "K".into(),
            _ => self.text.clone(),
        };
        Self { text, ..self.clone() }
    }

    /// Whether it is a scale of temperature, on which a reading is not a difference.
    #[must_use]
    pub(crate) fn is_temperature(&self) -> bool {
        self.zero.is_some()
    }

    /// Whether it is one whose readings may be meant as differences: kelvin.
    #[must_use]
    pub(crate) fn is_kelvin(&self) -> bool {
        self.zero == Some(273.15)
    }

    /// Whether it measures spans of time.
    #[must_use]
    pub(crate) fn is_time(&self) -> bool {
        self.measure == Measure::Of(vec![(Base::Time, 1)])
    }

    /// Whether it measures lengths.
    #[must_use]
    pub(crate) fn is_length(&self) -> bool {
        self.measure == Measure::Of(vec![(Base::Length, 1)])
    }

    /// Whether it is a pure number: %, ppm.
    #[must_use]
    pub(crate) fn is_pure(&self) -> bool {
        self.measure == Measure::Of(Vec::new())
    }

    /// Whether values in the two can be compared.
    #[must_use]
    pub fn fits(&self, other: &Self) -> bool {
        match (&self.measure, &other.measure) {
            (Measure::Unlisted, Measure::Unlisted) => self.text == other.text,
            (a, b) => a == b,
        }
    }

    /// How a value in this unit becomes one in `other`, which fits. `weight` says what a temperature is: 1 a
    /// reading, 0 a difference, and what comes of sums of them.
    #[must_use]
    pub(crate) fn scale_to(&self, other: &Self, weight: f64) -> Scale {
        let (num, den) = reduced(self.num * other.den, self.den * other.num);
        let zero = |unit: &Self| unit.zero.map_or(0.0, |zero| zero * weight);
        Scale { before: zero(self), num, den, after: zero(other) }
    }

    /// The unit of a product (`power` 1) or a quotient (-1); none where one of them is not listed.
    #[must_use]
    pub fn times(&self, other: &Self, power: i8) -> Option<Self> {
        if self.measure == Measure::Unlisted || other.measure == Measure::Unlisted {
            return None;
        }
        let mut product = self.difference();
        product.zero = None;
        product.take(&other.difference(), power);
        product.text = match (self.is_pure() && self.text == "1", power) {
            (true, 1) => other.difference().text,
            (_, 1) if other.text == "1" => self.difference().text,
            (_, 1) => format!("{}·{}", self.difference().text, other.difference().text),
            _ => format!("{}/{}", self.difference().text, other.difference().text),
        };
        if product.is_pure() && product.num == product.den {
            product.text = "1".into();
        }
        // A product that is a temperature again is a difference of some.
        if product.measure == Measure::Of(vec![(Base::Temperature, 1)]) {
            product.zero = Some(0.0);
        }
        Some(product)
    }

    fn take(&mut self, other: &Self, power: i8) {
        let (Measure::Of(mine), Measure::Of(others)) = (&mut self.measure, &other.measure) else { return };
        for (base, exponent) in others {
            match mine.iter_mut().find(|(b, _)| b == base) {
                Some((_, sum)) => *sum = sum.saturating_add(exponent * power),
                None => mine.push((*base, exponent * power)),
            }
        }
        mine.retain(|(_, exponent)| *exponent != 0);
        mine.sort_unstable();
        let (num, den) = if power > 0 { (other.num, other.den) } else { (other.den, other.num) };
        (self.num, self.den) = reduced(self.num * num, self.den * den);
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A fraction in its lowest terms, if both are whole; so products stay exact.
fn reduced(num: f64, den: f64) -> (f64, f64) {
    /// Above it not every whole number is a binary64.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |x: f64| x.fract() == 0.0 && x.abs() < EXACT;
    if !whole(num) || !whole(den) {
        return (num, den);
    }
    let (mut a, mut b) = (num as u64, den as u64);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let divisor = a.max(1) as f64;
    (num / divisor, den / divisor)
}

/// One factor of a unit, with its power: `m³`, `h`, `min⁻¹`.
fn factor_of(text: &str) -> Option<Unit> {
    let (name, power) = power_of(text);
    let one = listed(name)?;
    let mut factor = Unit::pure();
    for _ in 0..power.unsigned_abs() {
        factor.take(&one, power.signum());
    }
    Some(factor)
}

fn power_of(text: &str) -> (&str, i8) {
    const MARKS: [(&str, i8); 5] = [("⁻¹", -1), ("-1", -1), ("²", 2), ("³", 3), ("^-1", -1)];
    if let Some((name, power)) = MARKS.iter().rev().find_map(|(mark, p)| Some((text.strip_suffix(mark)?, *p)))
    {
        return (name, power);
    }
    let digit = text.chars().last().and_then(|c| c.to_digit(10)).and_then(|d| i8::try_from(d).ok());
    match digit {
        Some(power @ 1..=POWER_MAX) if text.len() > 1 => {
            (text[..text.len() - 1].trim_end_matches('^'), power)
        }
        _ => (text, 1),
    }
}

#[cfg(test)]
mod tests;

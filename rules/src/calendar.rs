//! The hour and the day of the week where the agent stands, for `hour()`, `weekday()` (§5) and texts.
//!
//! The table of time zones is compiled in, so that the same data give the same result on every machine.
//!
//! Here: what the calendar says at an instant, and when it says something else. Not here: any clock, and how texts show
//! dates (`text`).
//! Invariant: between an instant and its next change, hour and day are the same.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase, TimeZoneName};

use crate::diagnose::did_you_mean;
use crate::time::Millis;

const HOUR: Millis = 3_600_000;

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// The zone of that name in the IANA table, such as `Europe/Berlin`; none: there is no such zone.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TimeZoneDatabase::bundled().get(name).ok().map(Self)
    }

    /// The zone of the IANA table whose name is most like this one; none: nothing is like it.
    #[must_use]
    pub fn like(name: &str) -> Option<String> {
        let table = TimeZoneDatabase::bundled();
        let names: Vec<_> = table.available().collect();
        did_you_mean(name, names.iter().map(TimeZoneName::as_str)).map(str::to_owned)
    }

    /// The hour, 0 to 23.
    #[must_use]
    pub fn hour(&self, now: i64) -> i64 {
        self.offset(now).map_or(0, |offset| (now + offset).rem_euclid(24 * HOUR) / HOUR)
    }

    /// The day of the week, 1 (Monday) to 7.
    #[must_use]
    pub fn weekday(&self, now: i64) -> i64 {
        // 1970 began on a Thursday.
        self.offset(now).map_or(1, |offset| ((now + offset).div_euclid(24 * HOUR) + 3).rem_euclid(7) + 1)
    }

    /// The next instant at which the hour is another; none: beyond the calendar.
    #[must_use]
    pub(crate) fn next_hour(&self, now: i64) -> Option<i64> {
        let local = now + self.offset(now)?;
        let next = now + HOUR - local.rem_euclid(HOUR);
        // Where clocks are put forward or back, an hour ends then, even if it was not over.
        let shift = self.0.following(Timestamp::from_millisecond(now).ok()?).next();
        Some(shift.map_or(next, |shift| shift.timestamp().as_millisecond().min(next)))
    }

    /// The instant by the clock on the wall, ms since 1970 there.
    #[must_use]
    pub fn local(&self, now: i64) -> i64 {
        now + self.offset(now).unwrap_or(0)
    }

    /// How far local time is ahead of UTC, ms.
    fn offset(&self, now: i64) -> Option<Millis> {
        let now = Timestamp::from_millisecond(now).ok()?;
        Some(i64::from(self.0.to_offset(now).seconds()) * 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn hours_and_days_are_those_of_the_place() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let sunday_evening = instant("2026-07-05T22:30:00Z");
        assert_eq!((berlin.hour(sunday_evening), berlin.weekday(sunday_evening)), (0, 1));
        let utc = Zone::default();
        assert_eq!((utc.hour(sunday_evening), utc.weekday(sunday_evening)), (22, 7));
        assert_eq!((utc.hour(-1), utc.weekday(-1)), (23, 3), "before 1970");
        assert_eq!(berlin.local(sunday_evening), instant("2026-07-06T00:30:00Z"));
        assert_eq!(Zone::named("Europe/Neutraubling"), None);
        assert_eq!(Zone::like("Europe/Berln").as_deref(), Some("Europe/Berlin"));
        assert_eq!(Zone::like("???"), None);
    }

    #[test]
    fn the_next_hour_follows_the_summer_time() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let forward = instant("2026-03-29T00:30:00Z");
        let next = berlin.next_hour(forward).unwrap();
        assert_eq!((next, berlin.hour(next - 1), berlin.hour(next)), (instant("2026-03-29T01:00:00Z"), 1, 3));
        let back = instant("2026-10-25T00:30:00Z");
        let next = berlin.next_hour(back).unwrap();
        assert_eq!((next, berlin.hour(next - 1), berlin.hour(next)), (instant("2026-10-25T01:00:00Z"), 2, 2));
        let quarter = Zone::named("Asia/Kathmandu").unwrap();
        assert_eq!(quarter.next_hour(instant("2026-01-01T00:00:00Z")), Some(instant("2026-01-01T00:15:00Z")));
    }

    #[test]
    fn the_end_of_the_calendar_is_no_panic() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        assert_eq!((berlin.hour(1 << 50), berlin.next_hour(1 << 50)), (0, None));
    }
}

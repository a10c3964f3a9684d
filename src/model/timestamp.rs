//! Points in time: RFC 3339 and HTTP dates, read and written.
//!
//! By hand, because the library for it is 1 % of the program; the tests compare the two.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::time::Duration;

/// Milliseconds since the Unix epoch, in UTC; printed and stored as RFC 3339 with milliseconds, as npm's `time` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339#section-5.6); `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = (text.get(..10)?, text.get(11..)?);
        if !text.get(10..11)?.eq_ignore_ascii_case("t") {
            return None;
        }
        let (year, month, day) = (digits(date, 0, 4)?, digits(date, 5, 2)?, digits(date, 8, 2)?);
        if date.get(4..5)? != "-" || date.get(7..8)? != "-" {
            return None;
        }
        let seconds = clock(rest.get(..8)?)?;
        let (fraction, zone) = match rest.get(8..)?.strip_prefix('.') {
            Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("000", rest.get(8..)?),
        };
        if fraction.is_empty() {
            return None;
        }
        let millis = digits(&format!("{fraction:0<3.3}"), 0, 3)?;
        Some(Self((days(year, month, day)? * DAY + seconds - offset(zone)?) * 1_000 + millis))
    }

    /// Reads what [`Self::http_date`] writes; `None` for anything else.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let text = text.trim().strip_suffix(" GMT")?;
        let [weekday, day, month, year, time] = text.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let month = MONTHS.iter().position(|name| *name == month)?;
        let of_two = |text: &str| digits(text, 0, 2).filter(|_| text.len() == 2);
        let year = digits(year, 0, 4).filter(|_| year.len() == 4)?;
        let days = days(year, i64::try_from(month).ok()? + 1, of_two(day)?)?;
        let named = WEEKDAYS.iter().any(|name| weekday.strip_suffix(',') == Some(name));
        named.then_some(Self((days * DAY + clock(time)?) * 1_000))
    }

    /// How long ago `earlier` was; zero if it lies ahead (clocks of two machines may differ).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The moment `duration` after this one.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// `Thu, 01 Jan 1970 00:00:00 GMT`, for `Last-Modified` ([RFC 9110 section 5.6.7](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7)).
    pub fn http_date(self) -> String {
        let seconds = self.0.div_euclid(1_000);
        let (year, month, day) = civil(seconds.div_euclid(DAY));
        let name = |names: &'static [&str], index: i64| {
            usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
        };
        let weekday = name(&WEEKDAYS, seconds.div_euclid(DAY).rem_euclid(7));
        let month = name(&MONTHS, month - 1);
        format!("{weekday}, {day:02} {month} {year:04} {} GMT", Clock(seconds.rem_euclid(DAY)))
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.div_euclid(1_000);
        let (year, month, day) = civil(seconds.div_euclid(DAY));
        let (time, millis) = (Clock(seconds.rem_euclid(DAY)), self.0.rem_euclid(1_000));
        write!(formatter, "{year:04}-{month:02}-{day:02}T{time}.{millis:03}Z")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 timestamp"))
    }
}

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// From that of the epoch on.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Prints seconds since midnight.
struct Clock(i64);

impl std::fmt::Display for Clock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(seconds) = self;
        write!(formatter, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
    }
}

/// A number of that many digits.
fn digits(text: &str, from: usize, count: usize) -> Option<i64> {
    let text = text.get(from..from + count)?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `23:59:59` in seconds since midnight; a leap second counts as the one before it.
fn clock(text: &str) -> Option<i64> {
    let (hour, minute, second) = (digits(text, 0, 2)?, digits(text, 3, 2)?, digits(text, 6, 2)?);
    let separated = text.len() == 8 && text.get(2..3)? == ":" && text.get(5..6)? == ":";
    let valid = separated && hour < 24 && minute < 60 && second <= 60;
    valid.then_some(hour * 3_600 + minute * 60 + second.min(59))
}

/// `Z` or `+01:30` in seconds.
fn offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let seconds = clock(&format!("{}:00", text.get(1..)?))?;
    match text.get(..1)? {
        "+" => Some(seconds),
        "-" => Some(-seconds),
        _ => None,
    }
}

/// Days since the epoch of a date, if there is such a date
/// ([the algorithms](https://howardhinnant.github.io/date_algorithms.html)).
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    (civil(days) == (year, month, day)).then_some(days)
}

/// Year, month and day, that many days after the epoch.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let leaps = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::OffsetDateTime;
    use time::format_description::well_known::{Rfc2822, Rfc3339};

    #[test]
    fn prints_what_registries_print() {
        let moment = Timestamp::parse("2018-04-09T00:01:02.5Z").unwrap();
        assert_eq!(moment.to_string(), "2018-04-09T00:01:02.500Z");
        assert_eq!(moment.http_date(), "Mon, 09 Apr 2018 00:01:02 GMT");
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn what_is_no_date_is_none() {
        for bad in [
            "2018-02-29T00:00:00Z",
            "2018-13-01T00:00:00Z",
            "2018-00-10T00:00:00Z",
            "2018-01-01T24:00:00Z",
            "2018-01-01T00:00:00",
            "2018-01-01T00:00:00.Z",
            "2018-01-01T00:00:00+1:00",
            "2018-01-01 00:00:00Z",
            "2018-01-01T00:00:00Zx",
            "+018-01-01T00:00:00Z",
            "\u{e9}018-01-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
        for bad in ["Mon, 09 Apr 2018 00:01:02", "09 Apr 2018 00:01:02 GMT", "Mon, 9 Apr 2018 00:01:02 GMT"] {
            assert_eq!(Timestamp::parse_http_date(bad), None, "{bad}");
        }
        let zoned = Timestamp::parse("2018-04-09t02:31:02.123456789+02:30").unwrap();
        assert_eq!(zoned.to_string(), "2018-04-09T00:01:02.123Z");
        assert!(Timestamp::parse("2016-12-31T23:59:60Z").is_some(), "a leap second");
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(millis in 0i64..4_102_444_800_000) {
            let moment = Timestamp::from_millis(millis);
            prop_assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        }

        #[test]
        fn agrees_with_the_library(millis in -62_135_596_800_000i64..253_402_300_799_999) {
            let (moment, nanos) = (Timestamp::from_millis(millis), i128::from(millis) * 1_000_000);
            let known = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap();
            prop_assert_eq!(OffsetDateTime::parse(&moment.to_string(), &Rfc3339).unwrap(), known);
            let seconds = Timestamp::from_millis(millis.div_euclid(1_000) * 1_000);
            prop_assert_eq!(Timestamp::parse_http_date(&moment.http_date()), Some(seconds));
            if known.year() >= 1900 {
                let read = OffsetDateTime::parse(&moment.http_date(), &Rfc2822).unwrap();
                prop_assert_eq!(read.unix_timestamp() * 1_000, seconds.millis());
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC*", date in "[0-9TtZz:.+-]{0,30}") {
            for text in [&text, &date] {
                let _ = (Timestamp::parse(text), Timestamp::parse_http_date(text));
            }
        }
    }
}

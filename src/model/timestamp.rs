//! Points in time.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::time::Duration;
use time::{
    OffsetDateTime,
    format_description::well_known::{Rfc2822, Rfc3339},
};

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

    /// Reads RFC 3339; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok().map(Self)
    }

    /// Reads what [`Self::http_date`] writes; `None` for anything else.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text.trim(), &Rfc2822).ok()?;
        Some(Self(moment.unix_timestamp() * 1_000))
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
        let moment = self.moment();
        let (weekday, month) = (moment.weekday().to_string(), moment.month().to_string());
        let (day, year, (hour, minute, second)) = (moment.day(), moment.year(), moment.to_hms());
        format!("{weekday:.3}, {day:02} {month:.3} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }

    fn moment(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let moment = self.moment();
        let (year, month, day) = (moment.year(), u8::from(moment.month()), moment.day());
        let (hour, minute, second, milli) = moment.to_hms_milli();
        write!(formatter, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prints_what_registries_print() {
        let moment = Timestamp::parse("2018-04-09T00:01:02.5Z").unwrap();
        assert_eq!(moment.to_string(), "2018-04-09T00:01:02.500Z");
        assert_eq!(moment.http_date(), "Mon, 09 Apr 2018 00:01:02 GMT");
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(millis in 0i64..4_102_444_800_000) {
            let moment = Timestamp::from_millis(millis);
            prop_assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        }
    }
}

//! The order of versions: that of Maven's resolver, by which clients sort and compare
//! ([generic versions](https://maven.apache.org/resolver/apidocs/org/eclipse/aether/util/version/GenericVersionScheme.html)),
//! made one for all texts: there, words of nobody's making may be equal to numbers that are not equal to each other.

use std::cmp::Ordering;

/// A part of a version: what stands between `.`, `-`, `_`, and the borders between letters and digits.
#[derive(Debug, PartialEq, Eq)]
enum Item {
    /// Below everything: `min` at the end.
    Least,
    /// A word that is known, by its rank; 0 is a release.
    Qualifier(i8),
    /// Another word, in lower case.
    Word(String),
    /// A number, without zeros in front.
    Number(String),
    /// Above everything: `max` at the end.
    Greatest,
}

impl Item {
    fn is_number(&self) -> bool {
        !matches!(self, Self::Qualifier(_) | Self::Word(_))
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Least => 0,
            Self::Qualifier(_) => 1,
            Self::Word(_) => 2,
            Self::Number(_) => 3,
            Self::Greatest => 4,
        }
    }

    /// Compares with nothing, which is as much as 0, or as a release.
    fn to_nothing(&self) -> Ordering {
        match self {
            Self::Least => Ordering::Less,
            Self::Qualifier(rank) => rank.cmp(&0),
            Self::Number(digits) if digits == "0" => Ordering::Equal,
            Self::Word(_) | Self::Number(_) | Self::Greatest => Ordering::Greater,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Qualifier(one), Self::Qualifier(other)) => one.cmp(other),
            (Self::Word(one), Self::Word(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => {
                one.len().cmp(&other.len()).then_with(|| one.cmp(other))
            }
            _ => self.kind().cmp(&other.kind()),
        }
    }
}

/// A version to be compared.
#[derive(Debug)]
pub(in super::super) struct Order(Vec<Item>);

impl Order {
    /// Takes a version apart.
    pub(in super::super) fn of(version: &str) -> Self {
        let mut items = Vec::new();
        let mut rest = version;
        while !rest.is_empty() {
            let (item, after) = next_item(rest);
            items.push(item);
            rest = after;
        }
        Self(items)
    }

    /// Numbers are compared first, as far as they follow each other, then words, and so on: each such run with what the
    /// other version has in its place, if that is nothing. So the order is one for all texts, which sorting needs.
    pub(in super::super) fn compare(&self, other: &Self) -> Ordering {
        let (mut these, mut those) = (self.0.as_slice(), other.0.as_slice());
        let mut numbers = true;
        while !these.is_empty() || !those.is_empty() {
            let (one, after_one) = run(these, numbers);
            let (two, after_two) = run(those, numbers);
            let order = compare_runs(one, two);
            if order.is_ne() {
                return order;
            }
            (these, those, numbers) = (after_one, after_two, !numbers);
        }
        Ordering::Equal
    }
}

/// The numbers, or words, that a version goes on with, and what follows them.
fn run(items: &[Item], numbers: bool) -> (&[Item], &[Item]) {
    items.split_at(items.iter().position(|item| item.is_number() != numbers).unwrap_or(items.len()))
}

fn compare_runs(one: &[Item], other: &[Item]) -> Ordering {
    let orders = (0..one.len().max(other.len())).map(|index| match (one.get(index), other.get(index)) {
        (Some(one), Some(other)) => one.compare(other),
        (Some(one), None) => one.to_nothing(),
        (None, Some(other)) => other.to_nothing().reverse(),
        (None, None) => Ordering::Equal,
    });
    orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// The next part of a version, and what follows it.
fn next_item(text: &str) -> (Item, &str) {
    let is_digit = |character: char| character.is_ascii_digit();
    let is_separator = |character: char| matches!(character, '.' | '-' | '_');
    let begins_with_digit = text.starts_with(is_digit);
    let border = |character: char| is_separator(character) || is_digit(character) != begins_with_digit;
    let end = text.find(border).unwrap_or(text.len());
    let (token, after) = text.split_at(end);
    let before_number = after.starts_with(is_digit);
    let after = after.strip_prefix(is_separator).unwrap_or(after);
    let item = match token {
        "" => Item::Number("0".to_owned()),
        digits if begins_with_digit => {
            let digits = digits.trim_start_matches('0');
            Item::Number(if digits.is_empty() { "0" } else { digits }.to_owned())
        }
        word => self::word(word, before_number, after.is_empty()),
    };
    (item, after)
}

fn word(text: &str, before_number: bool, is_last: bool) -> Item {
    let word = text.to_lowercase();
    match word.as_str() {
        "min" if is_last => Item::Least,
        "max" if is_last => Item::Greatest,
        "alpha" => Item::Qualifier(-5),
        "a" if before_number => Item::Qualifier(-5),
        "beta" => Item::Qualifier(-4),
        "b" if before_number => Item::Qualifier(-4),
        "milestone" => Item::Qualifier(-3),
        "m" if before_number => Item::Qualifier(-3),
        "cr" | "rc" => Item::Qualifier(-2),
        "snapshot" => Item::Qualifier(-1),
        "ga" | "final" | "release" => Item::Qualifier(0),
        "sp" => Item::Qualifier(1),
        _ => Item::Word(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compare(one: &str, other: &str) -> Ordering {
        Order::of(one).compare(&Order::of(other))
    }

    #[test]
    fn versions_are_in_the_order_of_the_resolver() {
        let ascending = [
            "1.0-min",
            "1-alpha",
            "1.0-a1",
            "1-beta2",
            "1-m3",
            "1-rc1",
            "1-cr2",
            "1-SNAPSHOT",
            "1",
            "1-sp",
            "1-foo",
            "1.1-rc",
            "1.1",
            "1.2",
            "1.10",
            "1.10.0.1",
            "2.0.0-M1",
            "2.0",
            "2.0.1",
            "10.0",
            "20030203.000550",
            "99999999999999999999",
            "max",
        ];
        for (index, one) in ascending.iter().enumerate() {
            for other in &ascending[index + 1..] {
                assert_eq!(compare(one, other), Ordering::Less, "{one} {other}");
                assert_eq!(compare(other, one), Ordering::Greater, "{one} {other}");
            }
        }
        for (one, other) in [
            ("1", "1.0"),
            ("1.0", "1.0.0"),
            ("1-ga", "1"),
            ("1.0.FINAL", "1"),
            ("1.0.RELEASE", "1.0"),
            ("1-rc1", "1.0-CR1"),
            ("1.0a1", "1-alpha-1"),
            ("01", "1"),
            ("1_0", "1.0"),
            ("", ""),
            ("1..2", "1.0.2"),
        ] {
            assert_eq!(compare(one, other), Ordering::Equal, "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_one(one in "[0-2arc.-]{0,6}", two in "[0-2arc.-]{0,6}", three in "[0-2arc.-]{0,6}", any: String) {
            prop_assert_eq!(compare(&one, &two), compare(&two, &one).reverse());
            prop_assert_eq!(compare(&any, &any), Ordering::Equal);
            if compare(&one, &two).is_le() && compare(&two, &three).is_le() {
                prop_assert!(compare(&one, &three).is_le());
            }
        }
    }
}

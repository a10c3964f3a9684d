//! Reading JSON into our types.
//!
//! A type that derives its reading brings a copy of everything generic that the reader under it has, and with a reader
//! that parses while it reads, that is most of it. Here one function takes a text apart, an object into its members and an
//! array into its elements, and what is compiled for a type is little more than its own fields. Members are texts until
//! somebody asks for them, so that each level is scanned once more; our documents have few.
//!
//! Structs are read from objects only: nobody writes arrays for them.

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, CowStrDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde_json::value::RawValue;
use serde_json::{Error, Number, Result};
use std::borrow::Cow;
use std::fmt;

/// Reads a value from JSON text.
pub fn read<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<T> {
    T::deserialize(Text(whole(text)?))
}

/// The members of an object, in their order, each with its value as a text of its own: for documents so large that they are
/// better read piece by piece.
pub fn members(text: &[u8]) -> Result<Vec<(Cow<'_, str>, &str)>> {
    let members = Text(whole(text)?).members()?;
    Ok(members.rest.map(|(name, value)| (name, value.0)).collect())
}

/// The elements of an array, each as a text of its own.
pub fn elements(text: &str) -> Result<Vec<&str>> {
    let elements = Text(whole(text.as_bytes())?).elements()?;
    Ok(elements.0.map(RawValue::get).collect())
}

/// The text, once it was found to be JSON, without the space around it.
fn whole(text: &[u8]) -> Result<&str> {
    serde_json::from_slice::<&RawValue>(text).map(RawValue::get)
}

/// A value that was not read yet: valid JSON without space around it.
#[derive(Clone, Copy)]
struct Text<'de>(&'de str);

impl<'de> Text<'de> {
    fn string(self) -> Result<Cow<'de, str>> {
        let inside = self.0.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match inside {
            Some(inside) if !inside.contains('\\') => Ok(Cow::Borrowed(inside)),
            Some(_) => serde_json::from_str(self.0).map(Cow::Owned),
            None => Err(self.instead_of("a string")),
        }
    }

    fn number(self) -> Result<Number> {
        if self.0.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            serde_json::from_str(self.0)
        } else {
            Err(self.instead_of("a number"))
        }
    }

    fn boolean(self) -> Result<bool> {
        match self.0 {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.instead_of("true or false")),
        }
    }

    fn members(self) -> Result<Members<'de>> {
        if !self.0.starts_with('{') {
            return Err(self.instead_of("an object"));
        }
        let members = serde_json::Deserializer::from_str(self.0).deserialize_map(Split)?;
        Ok(Members { rest: members.into_iter(), value: None })
    }

    fn elements(self) -> Result<Elements<'de>> {
        if !self.0.starts_with('[') {
            return Err(self.instead_of("an array"));
        }
        let elements: Vec<&RawValue> = serde_json::from_str(self.0)?;
        Ok(Elements(elements.into_iter()))
    }

    fn is_null(self) -> bool {
        self.0 == "null"
    }

    fn instead_of(self, expected: &str) -> Error {
        // What is in an object or an array was not meant for this place, and may be somebody's secret.
        let length = if self.0.starts_with(['{', '[']) { 1 } else { 32 };
        let shown: String = self.0.chars().take(length).collect();
        Error::custom(format_args!("expected {expected}, found `{shown}`"))
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.number()?.$method(visitor)
        }
    )*};
}

macro_rules! strings {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Error;

    numbers!(
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
    );

    strings!(
        deserialize_str deserialize_string deserialize_identifier deserialize_char deserialize_bytes
        deserialize_byte_buf
    );

    /// For types that are JSON themselves, and read it best with the library's own reader.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        serde_json::Deserializer::from_str(self.0).deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_bool(self.boolean()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.is_null() { visitor.visit_unit() } else { Err(self.instead_of("null")) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        self.deserialize_unit(visitor)
    }

    /// [`RawValue`] asks for itself by a name of its own, and then reads the text it is given under it.
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name.starts_with('$') {
            return visitor.visit_map(Whole { name, text: Some(self.0) });
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(self.elements()?)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_map(self.members()?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }

    /// `"name"`, or `{"name": value}` for a variant that carries one.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if !self.0.starts_with('{') {
            return visitor.visit_enum(Variant { name: self.string()?, value: Text("null") });
        }
        let mut members = self.members()?.rest;
        match (members.next(), members.next()) {
            (Some((name, value)), None) => visitor.visit_enum(Variant { name, value }),
            _ => Err(self.instead_of("an object of one member")),
        }
    }
}

/// The members of an object, in their order.
struct Members<'de> {
    rest: std::vec::IntoIter<(Cow<'de, str>, Text<'de>)>,
    value: Option<Text<'de>>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        let name: CowStrDeserializer<'_, Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        seed.deserialize(self.value.take().unwrap_or(Text("null")))
    }
}

/// Takes an object apart.
struct Split;

impl<'de> Visitor<'de> for Split {
    type Value = Vec<(Cow<'de, str>, Text<'de>)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            let name = Text(name.get()).string().map_err(A::Error::custom)?;
            members.push((name, Text(value.get())));
        }
        Ok(members)
    }
}

/// The elements of an array.
struct Elements<'de>(std::vec::IntoIter<&'de RawValue>);

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        self.0.next().map(|element| seed.deserialize(Text(element.get()))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// A text as it is, under the name by which [`RawValue`] asks for it.
struct Whole<'de> {
    name: &'static str,
    text: Option<&'de str>,
}

impl<'de> MapAccess<'de> for Whole<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if self.text.is_none() {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::new(self.name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        seed.deserialize(BorrowedStrDeserializer::new(self.text.take().unwrap_or("null")))
    }
}

/// One variant of an enum, and what it carries.
struct Variant<'de> {
    name: Cow<'de, str>,
    value: Text<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Text<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Text<'de>)> {
        let name: CowStrDeserializer<'_, Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self.value))
    }
}

impl<'de> VariantAccess<'de> for Text<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        if self.is_null() { Ok(()) } else { Err(self.instead_of("nothing")) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::value::RawValue;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Inner {
        number: u8,
        maybe: Option<Box<Inner>>,
    }

    #[derive(Debug, Deserialize)]
    struct Outer {
        items: Vec<Inner>,
        raw: Box<RawValue>,
        map: BTreeMap<String, Inner>,
    }

    #[test]
    fn objects_are_read_and_arrays_are_not_taken_for_them() {
        let text =
            br#"{"items":[{"number":1,"maybe":{"number":2}}],"raw":{"a" :1},"map":{"k":{"number":3}}}"#;
        let outer: Outer = read(text).unwrap();
        assert_eq!(outer.items[0].maybe, Some(Box::new(Inner { number: 2, maybe: None })));
        assert_eq!(outer.raw.get(), r#"{"a" :1}"#);
        assert_eq!(outer.map["k"].number, 3);
        assert!(read::<Inner>(b"[1, null]").is_err());
        assert!(read::<Vec<Inner>>(b"[[1, null]]").is_err());
        assert!(read::<Inner>(br#"{"number":1} x"#).is_err(), "nothing may follow");
    }

    #[test]
    fn objects_and_arrays_are_taken_apart() {
        let members = members(br#" {"a\u0062": [1, {"c" : 2}], "d": null} "#).unwrap();
        assert_eq!(members, [("ab".into(), r#"[1, {"c" : 2}]"#), ("d".into(), "null")]);
        assert_eq!(elements(members[0].1).unwrap(), ["1", r#"{"c" : 2}"#]);
        assert!(super::members(b"[]").is_err() && elements("{}").is_err() && elements("[1,]").is_err());
    }
}

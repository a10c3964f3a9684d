//! The splitter against tables, and against `serde_json`.

use super::*;
use crate::model::json;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Rebuilds a document. By a key's first letter: `d` descends, `s` skips, `b` streams, all others are captured.
#[derive(Default)]
struct Rebuild {
    root: Map<String, Value>,
    streamed: Vec<u8>,
    calls: usize,
}

impl Rebuild {
    fn at(&mut self, path: &[String]) -> &mut Map<String, Value> {
        path.iter().fold(&mut self.root, |object, key| object[key].as_object_mut().unwrap())
    }
}

impl Visitor for Rebuild {
    type Error = String;

    fn member(&mut self, path: &[String], key: &str) -> Handling {
        match key.bytes().next() {
            Some(b'd') => {
                self.at(path).insert(key.to_owned(), json!({}));
                Handling::Descend
            }
            Some(b's') => Handling::Skip,
            Some(b'b') => Handling::StreamString,
            _ => Handling::Capture { limit: 1 << 20 },
        }
    }

    fn captured(&mut self, path: &[String], key: &str, raw: &[u8]) -> Result<(), String> {
        self.calls += 1;
        let value = json::read(raw).map_err(|error| error.to_string())?;
        self.at(path).insert(key.to_owned(), value);
        Ok(())
    }

    fn string_piece(&mut self, _: &[String], _: &str, piece: &[u8]) -> Result<(), String> {
        assert!(!piece.is_empty());
        self.streamed.extend_from_slice(piece);
        Ok(())
    }

    fn string_end(&mut self, path: &[String], key: &str) -> Result<(), String> {
        let text =
            String::from_utf8(std::mem::take(&mut self.streamed)).map_err(|error| error.to_string())?;
        self.at(path).insert(key.to_owned(), text.into());
        Ok(())
    }
}

fn split(text: &[u8], chunk: usize) -> Result<Rebuild, SplitError<String>> {
    let (mut splitter, mut visitor) = (Splitter::new(), Rebuild::default());
    for piece in text.chunks(chunk.max(1)) {
        splitter.push(piece, &mut visitor)?;
    }
    splitter.finish().map(|()| visitor)
}

/// What [`Rebuild`] should make of a document.
fn wanted(value: &Value) -> Value {
    let Value::Object(object) = value else {
        return value.clone();
    };
    let kept = object.iter().filter(|(key, _)| !key.starts_with('s'));
    let inner = |key: &str, value| {
        if key.starts_with('d') { wanted(value) } else { Value::clone(value) }
    };
    Value::Object(kept.map(|(key, value)| (key.clone(), inner(key, value))).collect())
}

#[test]
fn refuses_what_is_no_object_in_json() {
    let not_json = |offset, expected| SplitError::NotJson { offset, expected };
    let separator = "`,` or a closing bracket";
    let scalar = "a number, `true`, `false` or `null`";
    for (text, error) in [
        ("", SplitError::Truncated { offset: 0 }),
        ("  {\"a\":[1", SplitError::Truncated { offset: 9 }),
        ("{\"a\":\"\\\"}", SplitError::Truncated { offset: 9 }),
        ("{} {}", SplitError::Trailing { offset: 3 }),
        ("[]", not_json(0, "an object")),
        ("12", not_json(0, "an object")),
        ("{,}", not_json(1, "a key or `}`")),
        ("{\"a\":1,}", not_json(7, "a key")),
        ("{\"a\":1 \"b\":2}", not_json(7, separator)),
        ("{\"s\":[1,]}", not_json(8, "a value")),
        ("{\"s\":[,1]}", not_json(6, "a value")),
        ("{\"a\":[1 2]}", not_json(8, separator)),
        ("{\"a\" 1}", not_json(5, "`:`")),
        ("{\"s\":{\"a\",1}}", not_json(9, "`:`")),
        ("{\"s\":{1:1}}", not_json(6, "a key or `}`")),
        ("{\"s\":[1}}", not_json(7, "the bracket that closes the innermost one")),
        ("{\"a\":tr ue}", not_json(5, scalar)),
        ("{\"s\":01}", not_json(5, scalar)),
        ("{\"s\":nul}", not_json(5, scalar)),
        ("{\"\\x\":1}", not_json(4, "a well-formed key")),
        ("{\"b\":1}", not_json(5, "a string")),
        ("{\"b\":\"\\n\"}", not_json(7, "no escape but `\\/` in this string")),
    ] {
        assert_eq!(split(text.as_bytes(), usize::MAX).err(), Some(error), "{text}");
    }
}

#[test]
fn limits_hold() {
    let nested = |levels: usize| format!("{{\"s\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(split(nested(127).as_bytes(), 7).is_ok());
    assert_eq!(split(nested(128).as_bytes(), 7).err(), Some(SplitError::TooDeep { offset: 132 }));

    let member = format!("{{\"d\":\"{}\"}}", "x".repeat(MISFIT_LIMIT - 2));
    assert!(split(member.as_bytes(), 100).is_ok());
    let member = format!("{{\"d\":\"{}\"}}", "x".repeat(MISFIT_LIMIT - 1));
    let error = SplitError::TooLarge { key: "d".to_owned(), limit: MISFIT_LIMIT };
    assert_eq!(split(member.as_bytes(), 100).err(), Some(error));

    let key = format!("{{\"{}\":1}}", "k".repeat(KEY_LIMIT));
    assert!(matches!(split(key.as_bytes(), 100), Err(SplitError::TooLarge { limit: KEY_LIMIT, .. })));
    let number = format!("{{\"s\":{}}}", "1".repeat(SCALAR_LIMIT + 1));
    assert!(matches!(split(number.as_bytes(), 100), Err(SplitError::TooLarge { limit: SCALAR_LIMIT, .. })));
}

#[test]
fn streams_strings_and_keeps_paths() {
    let text = br#" { "d1" : {"b\u0061se":"QUJD\/+==", "bempty" : ""}, "dup":1, "dup" : [ 2 , " a b " ], "d\/": null } "#;
    for chunk in 1..text.len() {
        let rebuilt = split(text, chunk).unwrap();
        let expected = json!({"d1": {"base": "QUJD/+==", "bempty": ""}, "dup": [2, " a b "], "d/": null});
        assert_eq!(Value::Object(rebuilt.root), expected);
        assert_eq!(rebuilt.calls, 3);
    }
}

#[test]
fn an_error_is_final() {
    let (mut splitter, mut visitor) = (Splitter::new(), Rebuild::default());
    assert!(splitter.push(b"]", &mut visitor).is_err());
    assert!(splitter.push(b"{}", &mut visitor).is_err());
    assert!(splitter.finish::<String>().is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(|number: f64| Value::from(number.round())),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            any_object(inner).prop_map(Value::Object),
        ]
    })
}

fn any_object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec(("[dsc][\\PC\\n\"\\\\]{0,4}", value), 0..5)
        .prop_map(|members| members.into_iter().collect())
}

proptest! {
    #[test]
    fn agrees_with_serde(object in any_object(any_json()), pretty: bool, chunk in 1usize..80) {
        let value = Value::Object(object);
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        prop_assert_eq!(Value::Object(split(&text, chunk).unwrap().root), wanted(&value));
    }

    #[test]
    fn refuses_what_serde_refuses(
        object in any_object(any_json()), chunk in 1usize..80, at: prop::sample::Index,
        byte in prop_oneof![prop::sample::select(&b"{}[],:\"\\ 1-tn\n\x00\xff"[..]), any::<u8>()], insert: bool,
    ) {
        // Every handling but capture leaves something unchecked by design; `c` keys only.
        let mut text = serde_json::to_string(&object).unwrap().replace("\"d", "\"c").replace("\"s", "\"c").into_bytes();
        let at = at.index(text.len());
        if insert { text.insert(at, byte) } else { text[at] = byte }
        let reference = json::read::<Map<String, Value>>(&text);
        if !text.windows(2).any(|pair| matches!(pair, [b'"', b'd' | b's' | b'b'])) {
            prop_assert_eq!(split(&text, chunk).is_ok(), reference.is_ok(), "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn never_panics(text in "[\\[\\]{}:,\"\\\\ a-d0-9tfnsb.eE+\\-/]{0,200}", bytes: Vec<u8>, chunk in 1usize..40) {
        let _ = split(text.as_bytes(), chunk);
        let _ = split(format!("{{\"d\":{text}").as_bytes(), chunk);
        let _ = split(&bytes, chunk);
    }
}

/// Counts what it is asked about, and keeps what was captured.
#[derive(Default)]
struct Elements(Vec<(String, String, String)>);

impl Visitor for Elements {
    type Error = String;

    fn member(&mut self, path: &[String], key: &str) -> Handling {
        match (path, key) {
            ([], "list" | "misfit" | "nested") => Handling::Elements,
            ([list], "") if list == "nested" => Handling::Descend,
            _ => Handling::Capture { limit: 100 },
        }
    }

    fn captured(&mut self, path: &[String], key: &str, raw: &[u8]) -> Result<(), String> {
        self.0.push((path.join("/"), key.to_owned(), String::from_utf8_lossy(raw).into_owned()));
        Ok(())
    }

    fn string_piece(&mut self, _: &[String], _: &str, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn string_end(&mut self, _: &[String], _: &str) -> Result<(), String> {
        Ok(())
    }
}

#[test]
fn arrays_are_taken_apart_where_that_is_asked_for() {
    let text = br#"{"a":0,"list":[1,"x",{"b":[2]},[],null],"empty":[],"misfit":{"c":1},"nested":[{"k":1},{},{"l":2}],"z":1}"#;
    let expected = [
        ("", "a", "0"),
        ("list", "", "1"),
        ("list", "", "\"x\""),
        ("list", "", "{\"b\":[2]}"),
        ("list", "", "[]"),
        ("list", "", "null"),
        ("", "empty", "[]"),
        ("", "misfit", "{\"c\":1}"),
        ("nested/", "k", "1"),
        ("nested/", "l", "2"),
        ("", "z", "1"),
    ];
    for piece in [1, 3, 1000] {
        let (mut splitter, mut visitor) = (Splitter::new(), Elements::default());
        for piece in text.chunks(piece) {
            splitter.push(piece, &mut visitor).unwrap();
        }
        splitter.finish::<String>().unwrap();
        let found: Vec<_> =
            visitor.0.iter().map(|(path, key, raw)| (path.as_str(), key.as_str(), raw.as_str())).collect();
        assert_eq!(found, expected);
    }
}

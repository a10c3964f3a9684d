//! Documents from versions.

use super::*;
use crate::model::{ListingState, json};
use crate::service::xml::Reader;
use serde_json::json;
use serde_json::value::RawValue;

fn rendered(form: Form, versions: &[&str]) -> Vec<u8> {
    let package = crate::protocol::nuget::name::parse("Some.Thing").unwrap();
    let mut renderer = Box::new(VersionsRenderer::new(&package, form, "https://h/nuget/"));
    let (mut out, mut summary) = (Vec::new(), Summary::default());
    for version in versions {
        let key = Number::parse(version).unwrap().key().to_owned();
        let listing = ListingState { hidden: version.ends_with('7'), message: None };
        let manifest = RawValue::from_string("{\"id\":\"Some.Thing\",\"tags\":[\"a\"]}".to_owned()).unwrap();
        let listed =
            Listed { version, key: &key, listing: &listing, is_local: true, manifest: &manifest, files: &[] };
        renderer.version(&mut out, listed).unwrap();
        summary.published.insert(key, Timestamp::from_millis(1_000));
    }
    renderer.finish(&mut out, &summary).unwrap();
    out
}

#[test]
fn versions_are_in_order_whatever_order_they_come_in() {
    let versions = ["1.10", "1.0-beta", "1.9.0", "1.0", "0.7"];
    let numbers: Value = json::read(&rendered(NUMBERS, &versions)).unwrap();
    assert_eq!(numbers, json!({ "versions": ["0.7.0", "1.0.0-beta", "1.0.0", "1.9.0", "1.10.0"] }));
    let lines = String::from_utf8(rendered(ENTRIES, &versions)).unwrap();
    let first = lines.lines().next().unwrap();
    assert_eq!(
        first,
        "{\"id\":\"Some.Thing\",\"tags\":[\"a\"],\"version\":\"0.7\",\"listed\":false,\
         \"published\":\"1900-01-01T00:00:00.000Z\"}"
    );
    assert!(lines.lines().nth(4).unwrap().ends_with("\"published\":\"1970-01-01T00:00:01.000Z\"}"));
}

#[test]
fn every_document_of_a_registration_is_json() {
    let versions: Vec<String> = (0..200).map(|minor| format!("1.{minor}.0")).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    for (count, part, pages, items) in [
        (0, 0, 0, 0),
        (1, 0, 1, 1),
        (64, 0, 1, 64),
        (65, 0, 2, 64),
        (128, 0, 2, 64),
        (129, 0, 3, 0),
        (200, 4, 8, 8),
        (200, 9, 0, 0),
    ] {
        let document: Value = json::read(&rendered(Hive::SemVer2.form(part), &versions[..count])).unwrap();
        assert_eq!(document["count"], pages, "{count} {part}");
        let page = if part > 0 { &document } else { &document["items"][0] };
        assert_eq!(page["items"].as_array().map_or(0, Vec::len), items, "{count} {part}");
    }
}

#[test]
fn hives_are_found_by_their_folders() {
    for hive in Hive::ALL {
        assert_eq!(Hive::of_folder(hive.folder()), Some(hive));
    }
    assert_eq!(Hive::of_folder("entries"), None);
    assert_eq!(Hive::Plain.address("r/", "größe", "index"), "r/v3/registrations/gr%C3%B6%C3%9Fe/index.json");
}

proptest::proptest! {
    #[test]
    fn odata_is_xml_whatever_is_in_it(text: String) {
        let members = json!({ "id": text, "version": "1.0", "title": text, "tags": [text], "authors": [text] });
        let entry = Entry::new(members.as_object().unwrap().clone()).unwrap();
        let feed = atom_feed("https://h/v2/", &text, std::slice::from_ref(&entry), Some(1), Some(&text), Timestamp::from_millis(0));
        for document in [feed, atom_entry("https://h/v2/", &entry), atom_service(&text)] {
            let mut reader = Reader::new(document.as_bytes());
            while reader.next().unwrap().is_some() {}
        }
    }
}

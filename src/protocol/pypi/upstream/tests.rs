//! Pages of other indexes, read.

use super::super::name;
use super::*;
use crate::model::{Algorithm, Digest};
use crate::store::listing_codec::{ListingTail, Offer};
use proptest::prelude::*;
use serde_json::json;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn decode(media: &str, text: &str, piece: usize) -> Result<(Vec<Offer>, ListingTail), UpstreamFault> {
    let package = name::parse("my-pkg").unwrap();
    let url = Url::parse("https://registry.example/simple/my-pkg/").unwrap();
    let mut decoder = decoder(&package, &url, media)?;
    let mut offers = Vec::new();
    let mut sink = |offer| {
        offers.push(offer);
        Ok(())
    };
    for piece in text.as_bytes().chunks(piece.max(1)) {
        decoder.push(piece, &mut sink)?;
    }
    let tail = decoder.finish(&mut sink)?;
    Ok((offers, tail))
}

fn json_page() -> String {
    json!({
        "meta": {"api-version": "1.7", "_last-serial": 9, "tracks": ["https://t.example/"]},
        "name": "My.Pkg",
        "versions": ["1.0", "2.0"],
        "files": [
            {"filename": "my_pkg-2.0-py3-none-any.whl", "url": "https://files.example/a/my_pkg-2.0-py3-none-any.whl",
                "hashes": {"sha256": HEX, "md5": "x"}, "requires-python": ">=3.9", "size": 10, "yanked": "oops",
                "upload-time": "2024-02-01T00:00:00.123456Z", "core-metadata": {"sha256": HEX},
                "data-dist-info-metadata": {"sha256": HEX}, "provenance": "https://files.example/p/1"},
            {"filename": "my_pkg-1.0.0.tar.gz", "url": "../../files/my_pkg-1.0.0.tar.gz", "hashes": {},
                "requires-python": null, "upload-time": "2023-02-01T00:00:00Z", "yanked": true},
            {"filename": "my_pkg-1.0.egg", "url": "x.egg", "hashes": {}},
            {"filename": "other-1.0.tar.gz", "url": "other-1.0.tar.gz", "hashes": {}},
            {"filename": "my_pkg-1.0-py3-none-any.whl", "url": "w?sig=1", "hashes": {"sha256": HEX},
                "yanked": false, "dist-info-metadata": true},
            {"filename": "my_pkg-2.0.tar.gz", "url": "b.tar.gz", "hashes": {"sha256": HEX}, "yanked": ""},
        ],
        "alternate-locations": ["https://l.example/"],
        "project-status": {"status": "active"},
        "of the future": [{"files": []}],
    })
    .to_string()
}

#[test]
fn json_pages_become_versions() {
    let (offers, tail) = decode("application/vnd.pypi.simple.v1+json", &json_page(), 11).unwrap();
    let versions: Vec<_> = offers.iter().map(|offer| (offer.key.as_str(), offer.version.as_str())).collect();
    assert_eq!(versions, [("2", "2.0"), ("1", "1.0.0")], "1.0 and 1.0.0 are one number");
    let offers = [&offers[1], &offers[0]];
    let files = |offer: &Offer| -> Vec<String> {
        offer.artifacts.iter().map(|file| format!("{} {}", file.name, file.url)).collect()
    };
    assert_eq!(
        files(offers[0]),
        [
            "my_pkg-1.0.0.tar.gz https://registry.example/files/my_pkg-1.0.0.tar.gz",
            "my_pkg-1.0-py3-none-any.whl https://registry.example/simple/my-pkg/w?sig=1",
            "my_pkg-1.0-py3-none-any.whl.metadata https://registry.example/simple/my-pkg/w.metadata?sig=1",
        ]
    );
    assert!(!offers[0].listing.hidden, "one of its files is not withdrawn");
    assert_eq!(
        offers[0].artifacts[0].manifest.as_ref().unwrap().get(),
        "{\"yanked\":true,\"upload-time\":\"2023-02-01T00:00:00Z\"}"
    );
    assert_eq!(offers[0].published.unwrap().to_string(), "2023-02-01T00:00:00.000Z");
    assert_eq!(
        files(offers[1]),
        [
            "my_pkg-2.0-py3-none-any.whl https://files.example/a/my_pkg-2.0-py3-none-any.whl",
            "my_pkg-2.0-py3-none-any.whl.metadata https://files.example/a/my_pkg-2.0-py3-none-any.whl.metadata",
            "my_pkg-2.0-py3-none-any.whl.provenance https://files.example/p/1",
            "my_pkg-2.0.tar.gz https://registry.example/simple/my-pkg/b.tar.gz",
        ]
    );
    assert!(offers[1].listing.hidden);
    assert_eq!(offers[1].listing.message.as_deref(), Some("oops"));
    let wheel = &offers[1].artifacts[0];
    assert_eq!(wheel.digests, [Digest::from_hex(Algorithm::Sha256, HEX).unwrap()]);
    assert_eq!(wheel.size, Some(10));
    assert_eq!(
        wheel.manifest.as_ref().unwrap().get(),
        "{\"requires-python\":\">=3.9\",\"upload-time\":\"2024-02-01T00:00:00.123456Z\"}"
    );
    assert_eq!(offers[1].artifacts[1].companion_of.as_ref(), Some(&wheel.name));
    assert_eq!(offers[1].artifacts[1].digests.len(), 1);
    assert_eq!(tail.extra["tracks"], json!(["https://t.example/"]));
    assert_eq!(tail.extra["alternate-locations"], json!(["https://l.example/"]));
    assert_eq!(tail.extra["project-status"]["status"], "active");
}

fn html_page() -> String {
    format!(
        "<!DOCTYPE html><html><head><base href='https://files.example/x/'>\
         <meta name=\"pypi:repository-version\" content=\"1.1\">\
         <meta content='https://t.example/?a=1&amp;b' name='pypi:tracks' />\
         <!-- <a href=\"my_pkg-9.0.tar.gz\"> > --></head><body><h1>Links & more < here</h1>\
         <A HREF=\"my_pkg-1.0-py3-none-any.whl#sha256={HEX}\" data-requires-python=\"&gt;=3.8, &lt;4\"\n\
            data-core-metadata='sha256={HEX}' data-yanked>x > y</A>\
         <a class=x href=/y/my_pkg-1.0.tar.gz>my_pkg-1.0.tar.gz</a>\
         <a rel=\"homepage\" href=\"https://h.example/\">home</a><a name=top>\
         <a href=\"my_pkg-2.0%2Bcu118-cp310-cp310-linux_x86_64.whl#sha256={HEX}&amp;x=y\" data-dist-info-metadata=\"true\" \
            data-yanked=\"it&#39;s &#x62;ad\" data-provenance=\"https://p.example/\" title=\"a > b\">w</a>\
         </body></html>\n"
    )
}

#[test]
fn html_pages_become_versions() {
    let (offers, tail) = decode("text/html; charset=UTF-8", &html_page(), 7).unwrap();
    assert_eq!(offers.len(), 2);
    let one = &offers[0];
    assert_eq!(one.artifacts.len(), 3);
    assert_eq!(one.artifacts[0].url, "https://files.example/x/my_pkg-1.0-py3-none-any.whl");
    assert_eq!(
        one.artifacts[0].manifest.as_ref().unwrap().get(),
        "{\"yanked\":true,\"requires-python\":\">=3.8, <4\"}"
    );
    assert_eq!(one.artifacts[1].digests.len(), 1);
    assert_eq!(one.artifacts[2].url, "https://files.example/y/my_pkg-1.0.tar.gz");
    let two = &offers[1];
    assert_eq!((two.key.as_str(), two.listing.hidden), ("2+cu118", true));
    assert_eq!(two.listing.message.as_deref(), Some("it's bad"));
    assert_eq!(two.artifacts[0].name.as_str(), "my_pkg-2.0+cu118-cp310-cp310-linux_x86_64.whl");
    assert_eq!(two.artifacts[0].digests.len(), 1);
    assert_eq!(two.artifacts[1].digests, []);
    assert_eq!(two.artifacts[2].url, "https://p.example/");
    assert_eq!(tail.extra["tracks"], json!(["https://t.example/?a=1&b"]));
}

#[test]
fn what_is_no_page_is_malformed() {
    let long = format!("<a {}", "x".repeat(100_000));
    for (media, text) in [
        ("application/vnd.pypi.simple.v1+json", "{}"),
        ("application/vnd.pypi.simple.v1+json", "[]"),
        ("application/vnd.pypi.simple.v1+json", "{\"files\":{}}"),
        ("application/vnd.pypi.simple.v1+json", "{\"files\":[{}]}"),
        ("application/vnd.pypi.simple.v1+json", "{\"files\":[{\"filename\":"),
        ("application/vnd.pypi.simple.v1+json", "{\"name\":\"other\",\"files\":[]}"),
        ("application/vnd.pypi.simple.v1+json", "{\"meta\":{\"api-version\":\"2.0\"},\"files\":[]}"),
        ("text/html", "<html><body>please log in</body></html>"),
        ("text/html", "<html><a href=my_pkg-1.0.tar.gz>"),
        ("text/html", "<a href=my_pkg-1.0.tar.gz></a><a href="),
        ("text/html", "<meta name=pypi:repository-version content=2.0>"),
        ("text/html", &long),
        ("text/html", ""),
        ("application/octet-stream", "x"),
        ("", "<html>"),
    ] {
        let outcome = decode(media, text, 9);
        assert!(
            matches!(outcome, Err(UpstreamFault::Malformed(_))),
            "{media} {}",
            &text[..text.len().min(80)]
        );
    }
    assert!(decode("application/json", "{\"files\":[]}", 3).unwrap().0.is_empty());
    let empty = "<meta name=\"pypi:repository-version\" content=\"1.0\">";
    assert!(decode("application/vnd.pypi.simple.v1+html", empty, 3).unwrap().0.is_empty());
}

#[test]
fn pages_are_below_simple_unless_the_address_says_where() {
    let package = name::parse("My_Pkg").unwrap();
    for (location, expected) in [
        ("https://registry.example/", "https://registry.example/simple/my-pkg/"),
        ("https://registry.example/simple/", "https://registry.example/simple/my-pkg/"),
        ("https://registry.example/whl/cpu/", "https://registry.example/whl/cpu/my-pkg/"),
    ] {
        let (url, _) = listing_request(&Url::parse(location).unwrap(), &package).unwrap();
        assert_eq!(url.as_str(), expected);
    }
}

proptest! {
    #[test]
    fn pieces_do_not_matter(piece in 1_usize..300) {
        for (media, text) in [("text/html", html_page()), ("application/json", json_page())] {
            let whole = decode(media, &text, usize::MAX).unwrap();
            let pieces = decode(media, &text, piece).unwrap();
            prop_assert_eq!(serde_json::to_string(&whole.0).unwrap(), serde_json::to_string(&pieces.0).unwrap());
            prop_assert_eq!(whole.1, pieces.1);
        }
    }

    #[test]
    fn no_text_panics(text: String, piece in 1_usize..9) {
        for media in ["text/html", "application/json"] {
            let _ = decode(media, &text, piece);
            let _ = decode(media, &format!("<a {text}>"), piece);
        }
    }
}

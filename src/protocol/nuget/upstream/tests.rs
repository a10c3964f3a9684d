//! Other registries' documents, in pieces, whole, and as nobody should send them.

use super::*;
use proptest::prelude::*;
use std::io;

const INDEX: &[u8] = br#"{"resources":[{"@id":"https://r.example/reg/","@type":"RegistrationsBaseUrl/3.6.0"},
    {"@id":"https://r.example/query","@type":"SearchQueryService"}]}"#;

const REGISTRATION: &str = r#"{"@context":{"items":{"a":[1]}},"items":[
  {"items":[{"packageContent":"a.nupkg","catalogEntry":{"id":"Lib","version":"1.0","listed":false,"@id":"/catalog/1","published":"1900-01-01T00:00:00Z"}},
   {"catalogEntry":{"id":"Lib","version":"2.0-b","packageContent":"https://f.example/b","published":"2020-01-01T00:00:00.5"}},
   {"catalogEntry":{"id":"Lib","version":"3.0"}},{"catalogEntry":"https://r.example/x"}],"@id":"p0"},
  {"@id":"page/1.json","items":null},{"@id":"page/2.json"}]}"#;

const FEED: &str = r#"<feed xmlns:d="d"><entry><title>lib</title><content src="/p/1"><x/></content><author><name>A</name></author>
  <m:properties xmlns:m="m"><d:Version>1.0</d:Version><d:Tags>a b</d:Tags><d:RequireLicenseAcceptance>TRUE</d:RequireLicenseAcceptance>
  <d:Published>2020-01-01T00:00:00</d:Published><d:Id m:null="true"/></m:properties></entry><link rel="next" href="?skip=1"/></feed>"#;

fn decode(location: &str, document: &str, piece: usize) -> Result<(Vec<Offer>, Option<Url>), UpstreamFault> {
    let location = Url::parse(location).unwrap();
    let package = name::parse("LIB").unwrap();
    let url = Url::parse("https://r.example/reg/lib/index.json").unwrap();
    let mut decoder = decoder(Registry { location: &location, description: INDEX }, &package, &url, "x")?;
    let mut offers = Vec::new();
    let mut sink = |offer| -> io::Result<()> {
        offers.push(offer);
        Ok(())
    };
    for piece in document.as_bytes().chunks(piece.max(1)) {
        decoder.push(piece, &mut sink)?;
    }
    let next = decoder.next_document()?.map(|(url, _)| url);
    decoder.finish(&mut sink)?;
    Ok((offers, next))
}

const V3: &str = "https://r.example/v3/index.json/";
const V2: &str = "https://r.example/api/v2/";

#[test]
fn registrations_become_offers() {
    let (offers, next) = decode(V3, REGISTRATION, 10).unwrap();
    let brief = |offer: &Offer| {
        let file = &offer.artifacts[0];
        (
            offer.key.clone(),
            file.url.clone(),
            file.checksum.clone(),
            offer.listing.hidden,
            offer.published.map(|time| time.to_string()),
        )
    };
    assert_eq!(
        offers.iter().map(brief).collect::<Vec<_>>(),
        [
            (
                "1.0.0".into(),
                "https://r.example/reg/lib/a.nupkg".into(),
                Some("https://r.example/catalog/1".into()),
                true,
                None
            ),
            (
                "2.0.0-b".into(),
                "https://f.example/b".into(),
                None,
                false,
                Some("2020-01-01T00:00:00.500Z".into())
            ),
        ]
    );
    assert_eq!(offers[0].manifest.get(), r#"{"id":"Lib","version":"1.0"}"#);
    assert_eq!(next.unwrap().as_str(), "https://r.example/reg/lib/page/1.json");
}

#[test]
fn feeds_become_offers() {
    let (offers, next) = decode(V2, FEED, 10).unwrap();
    let [offer] = offers.as_slice() else { panic!("{}", offers.len()) };
    assert_eq!((offer.version.as_str(), offer.artifacts[0].url.as_str()), ("1.0", "https://r.example/p/1"));
    assert_eq!(
        offer.manifest.get(),
        r#"{"id":"lib","version":"1.0","authors":"A","requireLicenseAcceptance":true,"tags":["a","b"]}"#
    );
    assert_eq!(next.unwrap().as_str(), "https://r.example/reg/lib/index.json?skip=1");
}

#[test]
fn requests() {
    let request = |location: &str| {
        let (location, package) = (Url::parse(location).unwrap(), name::parse("Some.Thing").unwrap());
        let registry = Registry { location: &location, description: INDEX };
        listing_request(registry, &package).unwrap().unwrap().0.to_string()
    };
    assert_eq!(request(V3), "https://r.example/reg/some.thing/index.json");
    assert_eq!(
        request(V2),
        "https://r.example/api/v2/FindPackagesById()?id=%27Some.Thing%27&semVerLevel=2.0.0"
    );
    let described =
        |location: &str| description_request(&Url::parse(location).unwrap()).map(|(url, _)| url.to_string());
    assert_eq!(described(V3).as_deref(), Some("https://r.example/v3/index.json"));
    assert_eq!(described("https://r.example/V3/").as_deref(), Some("https://r.example/V3/index.json"));
    assert_eq!(described(V2), None);
    assert!(is_description(INDEX) && !is_description(b"{\"resources\":[]}"));
}

proptest! {
    #[test]
    fn pieces_do_not_matter(piece in 1_usize..200) {
        for (location, document) in [(V3, REGISTRATION), (V2, FEED)] {
            let print = |piece| {
                let (offers, next) = decode(location, document, piece).unwrap();
                (offers.iter().map(|offer| serde_json::to_string(offer).unwrap()).collect::<Vec<_>>(), next)
            };
            prop_assert_eq!(print(piece), print(usize::MAX));
        }
    }

    #[test]
    fn no_bytes_panic(text: String, cut in 0_usize..900) {
        for location in [V3, V2] {
            for document in [text.as_str(), REGISTRATION.get(..cut).unwrap_or_default(), FEED.get(..cut).unwrap_or_default()] {
                let _ = decode(location, document, 7);
                let _ = read_search(document.as_bytes());
            }
        }
    }
}

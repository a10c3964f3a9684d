//! Searching the packages of all feeds that the caller may read.

use super::on;
use super::rest::Server;
use serde_json::{Value, json};

const SEARCH: &str = "POST /acme/_apis/search/packagesearchresults";

fn stocked() -> Server {
    let server = Server::new();
    let one = server.feed(json!({ "name": "one" }));
    let two = server.feed(json!({ "name": "two" }));
    for name in ["lib-a", "lib-b", "other"] {
        server.publish(&one, name, "1.0.0");
    }
    server.publish(&two, "lib-a", "2.0.0");
    server.save(&two, "lib-c", "1.0.0");
    server
}

fn found(body: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let results = body["results"].as_array().unwrap();
    results
        .iter()
        .map(|result| format!("{}/{}", text(&result["feeds"][0]["feedName"]), text(&result["name"])))
        .collect()
}

#[test]
fn all_feeds_that_the_caller_may_read_are_searched() {
    let server = stocked();
    let body = json!({ "searchText": "LIB", "includeFacets": true });
    let all = server.call(SEARCH, &server.admin, body.clone()).expect(200).body;
    assert_eq!(found(&all), ["one/lib-a", "one/lib-b", "two/lib-a", "two/lib-c"]);
    assert_eq!(all["count"], 4);
    let counts: Vec<_> = all["facets"]["Feed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|facet| (&facet["name"], &facet["resultCount"]))
        .collect();
    assert_eq!(counts, [(&json!("one"), &json!(2)), (&json!("two"), &json!(2))]);
    assert_eq!(all["facets"]["ProtocolType"][0]["resultCount"], 4);
    let first = &all["results"][0];
    assert_eq!(first["hits"][0]["highlights"][0], "<highlighthit>lib</highlighthit>-a");
    assert_eq!(
        (&first["protocolType"], &first["feeds"][0]["latestVersion"]),
        (&json!("Npm"), &json!("1.0.0"))
    );

    let reader = server.token("read", on("two", "reader"));
    assert_eq!(
        found(&server.call(SEARCH, &reader, body.clone()).expect(200).body),
        ["two/lib-a", "two/lib-c"]
    );
    let nothing = server.call(SEARCH, "", body.clone()).expect(200).body;
    assert_eq!(nothing["count"], 0, "no feed is public");
    let nowhere = "POST /nowhere/_apis/search/packagesearchresults";
    server.call(nowhere, "", body).expect(404);
}

#[test]
fn results_are_filtered_and_come_in_pages() {
    let server = stocked();
    let search = |body: Value| server.call(SEARCH, &server.admin, body).expect(200).body;
    assert_eq!(found(&search(json!({ "searchText": "lib", "filters": { "Feed": ["TWO"] } }))).len(), 2);
    assert_eq!(found(&search(json!({ "filters": { "ProtocolType": ["npm"] } }))).len(), 5);
    assert_eq!(found(&search(json!({ "filters": { "ProtocolType": ["cargo"] } }))).len(), 0);
    server.call(SEARCH, &server.admin, json!({ "filters": { "Color": ["red"] } })).expect(400);
    server.call(SEARCH, &server.admin, json!({ "$top": 101 })).expect(400);
    let skipped = search(json!({ "searchText": "lib", "$skip": 1, "$top": 2 }));
    assert_eq!(
        (found(&skipped), &skipped["count"]),
        (vec!["one/lib-b".to_owned(), "two/lib-a".to_owned()], &json!(3))
    );
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let page = search(json!({ "searchText": "lib", "$top": 1, "continuationToken": token }));
        seen.extend(found(&page));
        token = page["continuationToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, ["one/lib-a", "one/lib-b", "two/lib-a", "two/lib-c"]);
}

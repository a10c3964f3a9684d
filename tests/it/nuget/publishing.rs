//! Publishing packages: what is taken, what is refused, symbols, unlisting.

use super::support::{FILES_INSIDE, NuGet, form, hash, now, nupkg, nuspec, package, server, symbols};
use crate::support::documents::zip;
use crate::support::verbs::{Verb, owner_does};
use edgefeed::platform::Body;
use futures_executor::block_on;
use futures_util::future::join_all;
use http::Method;
use serde_json::json;

#[test]
fn a_push_is_listed_at_once_and_comes_back_as_it_went() {
    let (server, _) = server();
    let contributor = server.contributor().nuget();
    let groups = "<dependencies><group targetFramework=\".NETStandard2.0\"><dependency id=\"Dep\" version=\"1.0\" />\
        </group></dependencies>";
    let bytes =
        package("Some.Thing", &nuspec("Some.Thing", "1.0.0-Beta.1+git", &format!("{FILES_INSIDE}{groups}")));
    let reply = contributor.push_bytes("v3/package/", &bytes).expect(201);
    assert_eq!(reply.bytes().len(), 0);
    assert_eq!(contributor.numbers("some.thing"), ["1.0.0-beta.1"]);
    let reader = server.reader().nuget();
    assert_eq!(reader.fetch("Some.Thing", "1.0.0-beta.1").expect(200).bytes(), bytes);
    let root = "https://edge.test/acme/_packaging/main/nuget/v3";
    let leaf = format!("{root}/registrations-gz-semver2/some.thing/1.0.0-beta.1.json");
    let content = format!("{root}/flat2/some.thing/1.0.0-beta.1/some.thing.1.0.0-beta.1.nupkg");
    let flat = format!("{root}/flat2/some.thing/1.0.0-beta.1");
    assert_eq!(
        reader.registered("Some.Thing"),
        [json!({
            "id": "Some.Thing", "version": "1.0.0-Beta.1+git", "authors": "me & you", "description": "made by a test",
            "icon": "images\\icon.png", "iconUrl": format!("{flat}/icon"), "readme": "docs/READ ME.md",
            "readmeUrl": format!("{flat}/readme"), "license": "LICENSE.txt", "licenseUrl": format!("{flat}/license"),
            "tags": ["one", "two"],
            "dependencyGroups": [{ "targetFramework": ".NETStandard2.0", "dependencies": [{ "id": "Dep", "range": "1.0" }] }],
            "listed": true, "published": now(&server), "packageSize": bytes.len(), "packageHash": hash(&bytes),
            "packageHashAlgorithm": "SHA512", "packageContent": content, "@id": leaf, "@type": "PackageDetails",
        })]
    );
    for (file, content, media) in [
        (
            "some.thing.nuspec",
            nuspec("Some.Thing", "1.0.0-Beta.1+git", &format!("{FILES_INSIDE}{groups}")),
            "application/xml",
        ),
        ("readme", "# read me".to_owned(), "text/plain; charset=utf-8"),
        ("license", "do what you want".to_owned(), "text/plain; charset=utf-8"),
    ] {
        let reply = reader.get(&format!("v3/flat2/some.thing/1.0.0-beta.1/{file}")).expect(200);
        assert_eq!((reply.text(), reply.header("content-type")), (content, media), "{file}");
    }
    let icon = reader.get("v3/flat2/some.thing/1.0.0-beta.1/icon").expect(200);
    assert_eq!((icon.header("content-type"), &icon.bytes()[..4]), ("image/png", &b"\x89PNG"[..]));
}

#[test]
fn every_address_for_pushes_takes_them_and_a_bare_body_too() {
    let (server, _) = server();
    let contributor = server.contributor().nuget();
    for (path, id) in
        [("v3/package", "a"), ("v3/package/", "b"), ("v2", "c"), ("v2/", "d"), ("v2/package/", "e")]
    {
        contributor.push_bytes(path, &nupkg(id, "1.0.0")).expect(201);
        contributor.fetch(id, "1.0.0").expect(200);
    }
    let headers = [("content-type", "application/octet-stream")];
    contributor.send(Method::PUT, "v3/package", &headers, nupkg("f", "1.0.0").into()).expect(201);
    assert_eq!(contributor.fetch("f", "1.0.0").expect(200).bytes(), nupkg("f", "1.0.0"));
}

#[test]
fn a_number_is_taken_in_all_its_spellings() {
    let (server, _) = server();
    let contributor = server.contributor().nuget();
    contributor.push("Own", "1.0.0-Beta").expect(201);
    contributor.push("Own", "1.2").expect(201);
    for (id, version) in
        [("own", "1.0.0-beta"), ("OWN", "1.0-BETA+x"), ("own", "1.2.0.0"), ("own", "01.2"), ("Own", "1.2")]
    {
        let refused = contributor.push(id, version).expect(409);
        assert!(refused.text().contains("already in this feed"), "{}", refused.text());
        assert_eq!(refused.text().trim(), refused.header("x-nuget-warning"));
    }
    assert_eq!(contributor.numbers("own"), ["1.0.0-beta", "1.2.0"]);
    let versions: Vec<_> =
        contributor.registered("own").iter().map(|entry| entry["version"].clone()).collect();
    assert_eq!(versions, ["1.0.0-Beta", "1.2"]);
    contributor.get("v2/package/oWn/1.2").expect(200);
    owner_does(&server, "main", "nuget:own", Verb::Delete("1.2.0")).unwrap();
    assert!(contributor.push("own", "1.2").expect(409).text().contains("never used again"));
}

#[test]
fn what_is_no_package_is_refused() {
    let (server, _) = server();
    let contributor = server.contributor().nuget();
    let good = nuspec("own", "1.0.0", "");
    let entity = good.replace("<package", "<!DOCTYPE p [<!ENTITY a \"bbbb\">]><package");
    let bomb = format!("{good}{}", " ".repeat(2 << 20));
    let deep = good.replace("</metadata>", &format!("{}</metadata>", "<x>".repeat(80)));
    let named = |id: &str, version: &str| package("own", &nuspec(id, version, ""));
    for (what, bytes, status) in [
        ("no zip", b"something".to_vec(), 400),
        ("nothing", Vec::new(), 400),
        ("no manifest", zip(&[("a", b"b")]), 400),
        ("a manifest that is not at the top", zip(&[("a/own.nuspec", good.as_bytes())]), 400),
        ("two manifests", zip(&[("own.nuspec", good.as_bytes()), ("Own2.NUSPEC", good.as_bytes())]), 400),
        ("two of one path", zip(&[("own.nuspec", good.as_bytes()), ("own.nuspec", b"")]), 400),
        ("a file that leaves its folder", zip(&[("own.nuspec", good.as_bytes()), ("lib/../../x", b"")]), 400),
        ("a type definition", package("own", &entity), 400),
        ("a manifest that is too large", package("own", &bomb), 413),
        ("elements without end", package("own", &deep), 400),
        ("no id", named("", "1.0.0"), 400),
        ("no name for an id", named("a b", "1.0.0"), 400),
        ("no version", named("own", "latest"), 400),
        ("symbols", symbols("own", "1.0.0"), 400),
    ] {
        let refused = contributor.push_bytes("v3/package", &bytes);
        assert_eq!(refused.status, status, "{what}: {}", refused.text());
        assert_eq!(refused.text().trim(), refused.header("x-nuget-warning"), "{what}");
    }
    let (media, body) = form(&nupkg("own", "1.0.0"));
    let cut = body[..body.len() - 8].to_vec();
    contributor.send(Method::PUT, "v3/package", &[("content-type", media)], cut.into()).expect(400);
    contributor.nuget_on("main@Local").push("own", "1.0.0").expect(409);
    assert_eq!(server.local_keys(), [""; 0], "nothing is left behind");
}

#[test]
fn symbols_belong_to_their_package() {
    let (server, gallery) = server();
    gallery.add("lib", "1.0.0");
    let contributor = server.contributor().nuget();
    let push = |bytes: &[u8]| contributor.push_bytes("v3/symbolpackage/", bytes);
    push(&symbols("own", "1.0.0")).expect(404);
    contributor.push("own", "1.0.0").expect(201);
    push(&nupkg("own", "1.0.0")).expect(400);
    push(&symbols("own", "1.0.0")).expect(201);
    push(&symbols("own", "1.0.0")).expect(409);
    let path = "v3/flat2/own/1.0.0/own.1.0.0.snupkg";
    assert_eq!(server.reader().nuget().get(path).expect(200).bytes(), symbols("own", "1.0.0"));
    assert_eq!(contributor.fetch("own", "1.0.0").expect(200).bytes(), nupkg("own", "1.0.0"));
    let entry = contributor.registered("own").remove(0);
    assert_eq!(
        entry["packageHash"],
        hash(&nupkg("own", "1.0.0")),
        "the package's, and not that of its symbols"
    );
    contributor.fetch("lib", "1.0.0").expect(200);
    push(&symbols("lib", "1.0.0")).expect(409);
    contributor.get("v3/flat2/lib/1.0.0/lib.1.0.0.snupkg").expect(404);
    owner_does(&server, "main", "nuget:own", Verb::Delete("1.0.0")).unwrap();
    server.advance(3);
    contributor.get(path).expect(404);
    push(&symbols("own", "1.0.0")).expect(404);
}

#[test]
fn deleting_unlists_and_posting_relists() {
    let (server, gallery) = server();
    gallery.add("lib", "1.0.0");
    let contributor = server.contributor().nuget();
    contributor.push("own", "1.0.0").expect(201);
    server.advance(1);
    contributor.push("own", "1.1.0").expect(201);
    let pushed = now(&server);
    assert_eq!(contributor.list("Own", "1.1", false).expect(204).bytes().len(), 0);
    contributor.list("own", "1.1.0", false).expect(204);
    assert_eq!(contributor.numbers("own"), ["1.0.0", "1.1.0"], "restored all the same");
    contributor.fetch("own", "1.1.0").expect(200);
    let entry = contributor.registered("own").remove(1);
    assert_eq!((&entry["listed"], &entry["published"]), (&json!(false), &json!("1900-01-01T00:00:00.000Z")));
    let found = contributor.get("v3/query?q=own").expect(200).json();
    assert_eq!(found["data"][0]["version"], "1.0.0");
    contributor.list("own", "1.1.0", true).expect(200);
    let entry = contributor.registered("own").remove(1);
    assert_eq!((&entry["listed"], &entry["published"]), (&json!(true), &json!(pushed)));
    contributor.list("own", "9.9.9", false).expect(404);
    contributor.list("nothing", "1.0.0", false).expect(404);
    contributor.list("lib", "1.0.0", false).expect(404);
    contributor.send(Method::DELETE, "v2/own/1.0.0", &[], Body::Empty).expect(204);
    contributor.send(Method::POST, "v2/package/own/1.0.0", &[], Body::Empty).expect(200);
}

#[test]
fn unlisting_says_nothing_about_deprecation() {
    let (server, _) = server();
    let contributor = server.contributor().nuget();
    contributor.push("own", "1.0.0").expect(201);
    let path = "https://edge.test/acme/_apis/packaging/feeds/main/nuget/packages/own/versions/1.0.0";
    let body = json!({ "deprecateMessage": "use another" }).to_string();
    contributor.send(Method::PATCH, path, &[("content-type", "application/json")], body.into()).expect(200);
    let deprecation = || contributor.registered("own").remove(0)["deprecation"].clone();
    assert_eq!(deprecation(), json!({ "reasons": ["Other"], "message": "use another" }));
    contributor.list("own", "1.0.0", false).expect(204);
    contributor.list("own", "1.0.0", true).expect(200);
    assert_eq!(deprecation()["message"], "use another");
}

#[test]
fn of_pushes_at_the_same_time_one_wins() {
    let (server, _) = server();
    let contributor = server.contributor().nuget();
    let bodies = ["a", "b", "c"]
        .map(|more| package("own", &nuspec("own", "1.0.0", &format!("<title>{more}</title>"))));
    let pushes = bodies.iter().map(|bytes| {
        let (media, body) = form(bytes);
        contributor.start(Method::PUT, "v3/package", &[("content-type", media)], body.into())
    });
    let replies = block_on(join_all(pushes));
    let mut statuses: Vec<_> = replies.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
    let winner = replies.iter().position(|reply| reply.status == 201).unwrap();
    assert_eq!(contributor.fetch("own", "1.0.0").expect(200).bytes(), bodies[winner]);
}

#[test]
fn what_is_stored() {
    let (server, _) = server();
    let contributor = server.contributor().nuget();
    contributor.push("Own.Lib", "1.0-RC").expect(201);
    contributor.push_bytes("v3/symbolpackage", &symbols("Own.Lib", "1.0-RC")).expect(201);
    assert_eq!(
        server.local_keys(),
        [
            "v1/catalog/main/nuget/own.lib",
            "v1/ids/main/package",
            "v1/pkg/main/nuget/own.lib/files/1.0.0-rc/own.lib.1.0.0-rc.nupkg",
            "v1/pkg/main/nuget/own.lib/files/1.0.0-rc/own.lib.1.0.0-rc.snupkg",
            "v1/pkg/main/nuget/own.lib/index.json",
            "v1/pkg/main/nuget/own.lib/slots/1.0.0-rc",
            "v1/published/main/nuget/own.lib",
        ]
    );
}

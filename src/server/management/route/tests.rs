use super::*;
use proptest::prelude::*;

fn parse(method: &str, target: &str) -> Result<Endpoint> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    route(&method.parse().unwrap(), path, query)
}

fn name(method: &str, target: &str) -> &'static str {
    parse(method, target).map_or("none", |endpoint| endpoint.name())
}

fn all_lead(cases: &[(&str, String, &str)]) {
    for (method, path, expected) in cases {
        assert_eq!(name(method, path), *expected, "{method} {path}");
    }
}

#[test]
fn every_documented_path_leads_somewhere() {
    let feed = "/acme/_apis/packaging/Feeds/main";
    all_lead(&[
        ("GET", "/_edgefeed/health".to_owned(), "health"),
        ("POST", "/_edgefeed/organizations".to_owned(), "create-organization"),
        ("POST", "/_edgefeed/compliance".to_owned(), "check-compliance"),
        ("GET", "/acme/_edgefeed/tokens?cursor=x".to_owned(), "list-tokens"),
        ("POST", "/acme/_edgefeed/tokens".to_owned(), "create-token"),
        ("DELETE", "/acme/_edgefeed/tokens/abc".to_owned(), "revoke-token"),
        ("POST", "/acme/_edgefeed/tokens/abc/rotate".to_owned(), "rotate-token"),
        ("GET", "/acme/_apis/packaging/feeds?api-version=7.1".to_owned(), "list-feeds"),
        ("POST", "/acme/web/_APIS/Packaging/FEEDS".to_owned(), "create-feed"),
        ("OPTIONS", "/acme/_APIS".to_owned(), "locations"),
        ("OPTIONS", "/acme/web/_apis/".to_owned(), "locations"),
        ("OPTIONS", "/_apis".to_owned(), "locations"),
        ("OPTIONS", "/acme/_apis/packaging".to_owned(), "locations"),
        ("GET", "/acme/_apis/ResourceAreas".to_owned(), "list-resource-areas"),
        ("GET", "/acme/web/_apis/resourceareas/x".to_owned(), "get-resource-area"),
        ("GET", "/acme/web/_apis/ConnectionData".to_owned(), "get-connection-data"),
        ("POST", "/acme/_packaging/main/uploads".to_owned(), "begin-upload"),
        ("GET", "/acme/web/_Packaging/main/Uploads/x".to_owned(), "get-upload"),
        ("PUT", "/acme/_packaging/main/uploads/x?part=1".to_owned(), "put-part"),
        ("PUT", "/acme/_packaging/main/uploads/x".to_owned(), "none"),
        ("DELETE", "/acme/_packaging/main/uploads/x".to_owned(), "abandon-upload"),
        ("DELETE", "/acme/_packaging/main/uploads".to_owned(), "none"),
        ("GET", feed.to_owned(), "get-feed"),
        ("PATCH", feed.to_owned(), "update-feed"),
        ("DELETE", format!("{feed}/"), "delete-feed"),
        ("GET", "/acme/_edgefeed/tokens/abc".to_owned(), "get-token"),
        ("GET", "/acme/_apis/packaging/FeedRecycleBin".to_owned(), "list-deleted-feeds"),
        ("PATCH", "/acme/web/_apis/packaging/feedrecyclebin/main".to_owned(), "restore-feed"),
        ("DELETE", "/acme/_apis/packaging/feedrecyclebin/main".to_owned(), "purge-feed"),
        ("GET", "/acme/_apis/packaging/globalPermissions".to_owned(), "get-global-permissions"),
        ("PATCH", "/acme/_apis/packaging/globalpermissions".to_owned(), "set-global-permissions"),
        ("GET", format!("{feed}%40Release/permissions"), "get-feed-permissions"),
        ("PATCH", format!("{feed}/Permissions"), "set-feed-permissions"),
        ("GET", format!("{feed}/Views"), "list-views"),
        ("POST", format!("{feed}/views"), "create-view"),
        ("GET", format!("{feed}/views/Release"), "get-view"),
        ("PATCH", format!("{feed}/views/Release"), "update-view"),
        ("DELETE", format!("{feed}/views/Release"), "delete-view"),
        ("GET", format!("{feed}/npm/packages/left-pad/versions/1.0.0?showDeleted=true"), "get-version"),
        ("PATCH", format!("{feed}/NPM/packages/@s/n/versions/1.0.0"), "update-version"),
        ("DELETE", format!("{feed}/npm/packages/@s%2fn/versions/1.0.0"), "delete-version"),
        ("GET", format!("{feed}/npm/packages/@s/n/upstreaming"), "get-upstreaming"),
        ("PATCH", format!("{feed}/npm/packages/upstreaming/upstreaming"), "set-upstreaming"),
        ("GET", format!("{feed}/npm/RecycleBin/packages/@s/n/versions/1.0.0"), "get-deleted-version"),
        ("PATCH", format!("{feed}/npm/recyclebin/packages/n/versions/1.0.0"), "restore-version"),
        ("DELETE", format!("{feed}/npm/RecycleBin/packages/n/versions/1.0.0"), "purge-version"),
        ("POST", format!("{feed}/npm/packagesBatch"), "batch"),
        ("POST", format!("{feed}/npm/RecycleBin/PackagesBatch"), "bin-batch"),
        ("GET", format!("{feed}/npm/@s/n/versions/1.0.0"), "get-version"),
        ("PATCH", format!("{feed}/npm/n/versions/1.0.0"), "update-version"),
        ("GET", format!("{feed}/npm/packages/@s/n/versions/1.0.0/content"), "get-content"),
        ("GET", format!("{feed}/npm/packages/n/versions/1.0.0/readme"), "get-readme"),
        ("GET", format!("{feed}/pypi/packages/n/versions/1.0/n-1.0.tar.gz/content"), "get-content"),
        ("HEAD", format!("{feed}/maven/org.example/lib/1.0/lib-1.0.jar/content"), "get-content"),
        ("GET", format!("{feed}/npm/upstreaming"), "list-upstreaming-rules"),
        ("PUT", format!("{feed}/npm/upstreaming"), "set-upstreaming-rules"),
        ("GET", format!("{feed}/npm/upstreampackages?name=n"), "list-upstream-packages"),
        ("GET", format!("{feed}/packages?$top=5"), "list-packages"),
        ("GET", format!("{feed}/Packages/id"), "get-package"),
        ("GET", format!("{feed}/Packages/id/versions"), "list-package-versions"),
        ("GET", format!("{feed}/Packages/id/Versions/v"), "get-package-version"),
        ("GET", format!("{feed}/Packages/id/Versions/v/provenance"), "get-provenance"),
        ("POST", format!("{feed}/packagemetricsbatch"), "package-metrics"),
        ("POST", format!("{feed}/Packages/id/versionmetricsbatch"), "version-metrics"),
        ("GET", format!("{feed}/RecycleBin/Packages"), "list-bin"),
        ("DELETE", format!("{feed}/RecycleBin/Packages"), "empty-bin"),
        ("GET", format!("{feed}/RecycleBin/Packages/id"), "get-bin-package"),
        ("GET", format!("{feed}/RecycleBin/Packages/id/Versions"), "list-bin-versions"),
        ("GET", format!("{feed}/RecycleBin/Packages/id/Versions/v"), "get-bin-version"),
        ("POST", "/acme/web/_apis/Provenance/Session/NuGet".to_owned(), "create-session"),
        ("GET", "/acme/web/_apis/public/packaging/Feeds/main/Packages/id/badge".to_owned(), "get-badge"),
        ("POST", "/acme/_apis/search/packagesearchresults".to_owned(), "search-packages"),
    ]);
}

#[test]
fn logs_and_retention_are_where_they_are_documented() {
    let feed = "/acme/_apis/packaging/Feeds/main";
    all_lead(&[
        ("GET", "/acme/_edgefeed/audit?from=2026-01-01T00:00:00Z".to_owned(), "audit"),
        ("GET", "/acme/_apis/Packaging/FeedChanges?batchSize=5".to_owned(), "list-feed-changes"),
        ("GET", "/acme/web/_apis/packaging/feedchanges/main".to_owned(), "get-feed-change"),
        ("GET", format!("{feed}/packagechanges?continuationToken=5"), "list-package-changes"),
        ("GET", format!("{feed}/audit"), "audit-feed"),
        ("GET", format!("{feed}/RetentionPolicies"), "get-retention"),
        ("PUT", format!("{feed}/retentionpolicies"), "set-retention"),
        ("DELETE", format!("{feed}/retentionpolicies"), "delete-retention"),
        ("POST", format!("{feed}/retentionpolicies/preview"), "preview-retention"),
        ("GET", format!("{feed}/retentionpolicies/preview?continuationToken=x"), "preview-retention"),
    ]);
}

#[test]
fn both_spellings_of_a_scoped_name_are_one() {
    let package =
        |path: &str| match parse("GET", &format!("/acme/_apis/packaging/feeds/main/npm/packages/{path}")) {
            Ok(Endpoint::Feed(_, FeedOperation::Package(_, name, operation))) => Some((name, operation)),
            _ => None,
        };
    assert_eq!(package("@s/n/versions/1.0.0"), package("@s%2Fn/versions/1.0.0"));
    assert_eq!(package("versions/versions/1.0.0").unwrap().0, "versions");
    assert_eq!(package("a/b/versions/1.0.0"), None, "only a scope makes two segments one name");
    assert_eq!(package("versions/1.0.0").unwrap().0, "packages", "its short form, without `packages/`");
}

#[test]
fn other_paths_and_methods_are_refused() {
    for path in [
        "/",
        "/_edgefeed",
        "/acme/_apis/packaging",
        "/acme/_edgefeed/nope",
        "/acme/_apis/packaging/feeds/a%2fb",
    ] {
        assert!(matches!(parse("GET", path).map_err(|error| *error), Err(Error::NotFound(_))), "{path}");
    }
    let unknown =
        parse("GET", "/acme/_apis/packaging/feeds/main/nope/packages/n/versions/1").unwrap_err().to_string();
    assert!(unknown.contains("one of npm"), "{unknown}");
    let refusal = |method: &str, path: &str| *parse(method, path).unwrap_err();
    assert!(matches!(refusal("PUT", "/_edgefeed/health"), Error::MethodNotAllowed { allow: "GET, HEAD" }));
    for query in ["$top=501", "$top=x", "$skip=10001", "protocolType=nope"] {
        let path = format!("/acme/_apis/packaging/feeds/main/packages?{query}");
        assert!(matches!(refusal("GET", &path), Error::Invalid(_)), "{query}");
    }
    assert!(matches!(refusal("GET", "/%ff/_edgefeed/tokens"), Error::Invalid(_)));
}

/// Rights by endpoint, so that a change of one shows.
#[test]
fn reading_takes_a_reader_and_nothing_else_does() {
    let need = |method: &str, rest: &str| {
        parse(method, &format!("/acme/_apis/packaging/feeds/main{rest}")).unwrap().need()
    };
    assert_eq!(need("GET", "/packagechanges"), Need::Feed(Action::Read));
    assert_eq!(need("GET", "/audit"), Need::Feed(Action::Administer));
    assert_eq!(need("GET", "/retentionpolicies/preview"), Need::Feed(Action::Administer));
    assert_eq!(parse("GET", "/acme/_edgefeed/audit").unwrap().need(), Need::Administrator);
    assert_eq!(parse("GET", "/acme/_apis/packaging/feedchanges").unwrap().need(), Need::Member);
    assert_eq!(need("GET", ""), Need::Settings(Action::Read));
    assert_eq!(need("PATCH", ""), Need::Settings(Action::Administer));
    assert_eq!(need("DELETE", ""), Need::Settings(Action::Administer));
    assert_eq!(need("POST", "/views"), Need::Settings(Action::Administer));
    assert_eq!(need("GET", "/permissions"), Need::Settings(Action::Read));
    assert_eq!(need("PATCH", "/permissions"), Need::Owner);
    assert_eq!(need("PATCH", "@Release/permissions"), Need::Owner);
    assert_eq!(need("GET", "/npm/packages/n/versions/1.0.0"), Need::Feed(Action::Read));
    assert_eq!(need("GET", "/packages/id/versions"), Need::Feed(Action::Read));
    assert_eq!(need("DELETE", "/RecycleBin/packages"), Need::Feed(Action::Delete));
    assert_eq!(need("PUT", "/npm/upstreaming"), Need::Feed(Action::Administer));
    assert_eq!(need("DELETE", "/npm/packages/n/versions/1.0.0"), Need::Feed(Action::Delete));
    assert_eq!(need("PATCH", "/npm/RecycleBin/packages/n/versions/1.0.0"), Need::Feed(Action::Delete));
    assert_eq!(need("PATCH", "/npm/packages/n/upstreaming"), Need::Feed(Action::Administer));
    assert_eq!(parse("POST", "/_edgefeed/organizations").unwrap().need(), Need::Root);
    assert_eq!(parse("POST", "/acme/_apis/packaging/feeds").unwrap().need(), Need::FeedCreator);
    let below =
        |method: &str, rest: &str| parse(method, &format!("/acme/_apis/packaging/{rest}")).unwrap().need();
    assert_eq!(below("PATCH", "feedrecyclebin/main"), Need::DeletedFeed);
    assert_eq!(below("DELETE", "feedrecyclebin/main"), Need::DeletedFeed);
    assert_eq!(below("GET", "feedrecyclebin"), Need::Reader);
    assert_eq!(below("GET", "globalpermissions"), Need::Member);
    assert_eq!(below("PATCH", "globalpermissions"), Need::Administrator);
}

proptest! {
    #[test]
    fn no_path_panics(path in "\\PC*", query in proptest::option::of("\\PC*")) {
        let _ = route(&Method::GET, &path, query.as_deref());
    }
}

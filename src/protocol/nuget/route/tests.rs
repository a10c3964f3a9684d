//! Routes as clients spell them.

use super::super::wire::odata::{Count, Question};
use super::*;

fn routed(method: &Method, target: &str) -> Result<Endpoint> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    route(method, path, query)
}

/// What a path is, in short.
fn brief(method: &Method, target: &str) -> String {
    match routed(method, target).map_err(|error| *error) {
        Ok(Endpoint::File(package, version, file)) => format!("{file:?} {} {}", package.key(), version.key()),
        Ok(Endpoint::Leaf(hive, package, version)) => format!("{hive:?} {} {}", package.key(), version.key()),
        Ok(Endpoint::Listing(package, form)) => format!("{} {} {}", form.name, package.key(), form.part),
        Ok(Endpoint::Relist(package, version, listed)) => {
            format!("{listed} {} {}", package.key(), version.key())
        }
        Ok(Endpoint::Vulnerabilities(page)) => format!("vulnerabilities {page:?}"),
        Ok(other) => other.name().to_owned(),
        Err(Error::MethodNotAllowed { allow }) => format!("only {allow}"),
        Err(Error::NotFound(_)) => "404".to_owned(),
        Err(_) => "400".to_owned(),
    }
}

#[test]
fn the_v3_api() {
    for (target, expected) in [
        ("v3/index.json", "service-index"),
        ("V3/Index.json", "service-index"),
        ("v3/flat2/some.thing/index.json", "numbers some.thing 0"),
        ("v3/flat2/Some.Thing/1.0.0/some.thing.1.0.0.nupkg", "Archive some.thing 1.0.0"),
        ("v3/flat2/some.thing/1.0.0-BETA/Some.Thing.1.0.0-beta.NUPKG", "Archive some.thing 1.0.0-beta"),
        ("v3/flat2/a/1.0/a.1.0.0.0.snupkg", "Symbols a 1.0.0"),
        ("v3/flat2/a/1.0.0/a.nuspec", "Manifest a 1.0.0"),
        ("v3/flat2/a/1.0.0/icon", "Icon a 1.0.0"),
        ("v3/flat2/a/1.0.0/readme", "Readme a 1.0.0"),
        ("v3/flat2/a/1.0.0/license", "License a 1.0.0"),
        ("v3/flat2/a/1.0.0/b.1.0.0.nupkg", "404"),
        ("v3/flat2/a/1.0.0/a.1.0.1.nupkg", "404"),
        ("v3/flat2/a/x/a.x.nupkg", "400"),
        ("v3/flat2/a/1.0.0/..%2fx", "400"),
        ("v3/registrations/a/index.json", "registrations a 0"),
        ("v3/registrations-gz/A/index.json", "registrations-gz a 0"),
        ("v3/registrations-gz-semver2/a/page/2.json", "registrations-gz-semver2 a 2"),
        ("v3/registrations-gz-semver2/a/page/0.json", "404"),
        ("v3/registrations-gz-semver2/a/page/401.json", "404"),
        ("v3/registrations/a/1.0.json", "Plain a 1.0.0"),
        ("v3/registrations4/a/index.json", "404"),
        ("v3/query?q=x&take=5", "search"),
        ("v3/query?take=x", "400"),
        ("v3/autocomplete?q=x", "complete"),
        ("v3/autocomplete?id=..", "400"),
        ("v3/vulnerabilities/index.json", "vulnerabilities None"),
        ("v3/vulnerabilities/base.json", "vulnerabilities Some(\"base\")"),
        ("v3/about/some.thing/1.0.0", "about"),
        ("v3/package", "only PUT"),
        ("v3/symbols/a.pdb/00FFFFFFFF/a.pdb", "not-offered"),
        ("v3/catalog0/index.json", "not-offered"),
        ("v3", "404"),
        ("v1/index.json", "404"),
        ("", "404"),
    ] {
        assert_eq!(brief(&Method::GET, target), expected, "{target}");
    }
    for (method, target, expected) in [
        (Method::PUT, "v3/package", "publish"),
        (Method::PUT, "v3/package/", "publish"),
        (Method::PUT, "v3/symbolpackage/", "publish-symbols"),
        (Method::DELETE, "v3/package/A/1.0", "false a 1.0.0"),
        (Method::POST, "v3/package/A/1.0", "true a 1.0.0"),
        (Method::GET, "v3/package/A/1.0", "only DELETE, POST"),
        (Method::POST, "v3/package/create-verification-key/a/1.0", "not-offered"),
        (Method::POST, "v3/query", "only GET, HEAD"),
    ] {
        assert_eq!(brief(&method, target), expected, "{target}");
    }
}

#[test]
fn odata() {
    for (target, expected) in [
        ("v2", "odata-service"),
        ("v2/", "odata-service"),
        ("v2/$metadata", "odata-metadata"),
        ("v2/%24metadata", "odata-metadata"),
        ("v2/FindPackagesById()?id='X'", "odata-query"),
        ("v2/FindPackagesById()/$count?id='X'", "odata-query"),
        ("v2/FindPackagesById()", "400"),
        ("v2/Packages(Id='X',Version='1.0.0')", "odata-query"),
        ("v2/Packages(Id=%27X%27,Version=%271.0.0%27)", "odata-query"),
        ("v2/Packages(Id='X')", "400"),
        ("v2/Packages(Id='X',Version='x')", "400"),
        ("v2/Packages", "odata-query"),
        ("v2/Packages()?$filter=tolower(Id)%20eq%20'x'&$skip=3", "odata-query"),
        ("v2/Packages()?$filter=length(Id)%20eq%203", "400"),
        ("v2/Packages()?$orderby=Nothing", "400"),
        ("v2/Packages()?$skip=-1", "400"),
        ("v2/Search()/$count?searchTerm='x'", "odata-query"),
        ("v2/GetUpdates()?packageIds='a%7Cb'&versions='1%7C2'", "odata-query"),
        ("v2/Nothing()", "404"),
        ("v2/$batch", "not-offered"),
        ("v2/package/Some.Thing/1.0", "Archive some.thing 1.0.0"),
        ("v2/package/Some.Thing", "not-offered"),
        ("v2/package/", "only PUT"),
    ] {
        assert_eq!(brief(&Method::GET, target), expected, "{target}");
    }
    for (method, target, expected) in [
        (Method::PUT, "v2/", "publish"),
        (Method::PUT, "v2", "publish"),
        (Method::PUT, "v2/package/", "publish"),
        (Method::DELETE, "v2/A/1.0", "false a 1.0.0"),
        (Method::DELETE, "v2/package/A/1.0", "false a 1.0.0"),
        (Method::POST, "v2/package/A/1.0", "true a 1.0.0"),
        (Method::POST, "v2/", "only GET, HEAD, PUT"),
    ] {
        assert_eq!(brief(&method, target), expected, "{target}");
    }
}

#[test]
fn options_of_a_question() {
    let target = "v2/Search()?$filter=IsLatestVersion&searchTerm='it''s'&includePrerelease=true&$skip=30&$top=6000\
        &$inlinecount=allpages&semVerLevel=2.0.0&$orderby=Id%20desc";
    let Ok(Endpoint::Query(query)) = routed(&Method::GET, target) else { panic!() };
    assert!(matches!(&query.question, Question::Search { text, prerelease: true } if text == "it's"));
    assert_eq!((query.from, query.size, query.left, query.semver2), (30, 100, Some(6000), true));
    assert_eq!((query.count, query.order.by_id()), (Count::Inline, Some(true)));
    let target = "v2/GetUpdates()?packageIds='A|b'&versions='1.0|2.0'&versionConstraints='|[1,3)'&includeAllVersions=false";
    let Ok(Endpoint::Query(query)) = routed(&Method::GET, target) else { panic!() };
    let Question::Updates { installed, prerelease: false, all: false } = &query.question else { panic!() };
    let brief = |at: usize| (installed[at].0.key(), installed[at].1.as_str(), installed[at].2.as_str());
    assert_eq!((brief(0), brief(1)), (("a", "1.0", ""), ("b", "2.0", "[1,3)")));
}

#[test]
fn rights_by_endpoint() {
    for (method, target, right) in [
        (Method::GET, "v3/index.json", Some(Action::Read)),
        (Method::GET, "v3/flat2/a/1.0.0/a.1.0.0.nupkg", Some(Action::Read)),
        (Method::PUT, "v3/package", Some(Action::Publish)),
        (Method::PUT, "v3/symbolpackage", Some(Action::Publish)),
        (Method::DELETE, "v3/package/a/1", Some(Action::Relist)),
        (Method::GET, "v2/", Some(Action::Read)),
        (Method::GET, "v3/symbols/x", None),
    ] {
        assert_eq!(routed(&method, target).unwrap().action(), right, "{target}");
    }
}

proptest::proptest! {
    #[test]
    fn no_path_panics(path in "\\PC{0,40}", below in "v[23]/[a-zA-Z()$=',%/.0-9]{0,40}", query in "\\PC{0,40}") {
        for path in [path, below] {
            let _ = route(&Method::GET, &path, Some(&query));
        }
    }
}

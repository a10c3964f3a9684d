//! OData as nuget 2, Chocolatey and PowerShell ask it.

use super::support::{INDEX, NuGet, hash, nupkg, nuspec, package, server, server_with};
use crate::support::{Client, TestServer};
use edgefeed::platform::memory::Reply as Scripted;
use edgefeed::service::xml::{Event, Reader};
use serde_json::json;

const V2: &str = "https://edge.test/acme/_packaging/main/nuget/v2/";

/// The properties of every entry of a feed, or of the one that is the document.
fn entries(document: &str) -> Vec<Vec<(String, String)>> {
    let (mut reader, mut entries, mut inside) = (Reader::new(document.as_bytes()), Vec::new(), false);
    while let Some(event) = reader.next().unwrap_or_else(|error| panic!("{error}: {document}")) {
        match event {
            Event::Start { name: "entry", .. } => entries.push(Vec::new()),
            Event::Start { name: "properties", .. } => inside = true,
            Event::Start { name, attributes } if inside => {
                let null = attributes.iter().any(|(name, value)| *name == "null" && value == "true");
                let (name, text) = (name.to_owned(), reader.text().unwrap());
                entries.last_mut().unwrap().push((name, if null { "null".to_owned() } else { text }));
            }
            Event::End => inside = false,
            _ => {}
        }
    }
    entries
}

fn property<'a>(entry: &'a [(String, String)], name: &str) -> &'a str {
    entry.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// `id version` of every entry that a question finds.
fn ask(client: &Client<'_>, question: &str) -> Vec<String> {
    let reply = client.get(&format!("v2/{question}")).expect(200);
    assert_eq!(reply.header("content-type"), "application/atom+xml;type=feed;charset=utf-8");
    entries(&reply.text())
        .iter()
        .map(|entry| format!("{} {}", property(entry, "Id"), property(entry, "Version")))
        .collect()
}

fn next(document: &str) -> Option<String> {
    let mut reader = Reader::new(document.as_bytes());
    while let Some(event) = reader.next().unwrap() {
        if let Event::Start { name: "link", attributes } = event
            && attributes.iter().any(|(name, value)| *name == "rel" && value == "next")
        {
            return attributes
                .iter()
                .find(|(name, _)| *name == "href")
                .map(|(_, value)| value.clone().into_owned());
        }
    }
    None
}

/// A feed with two packages, one of them with an unlisted version and pre-releases.
fn filled() -> TestServer {
    let (server, _) = server();
    let contributor = server.contributor().nuget();
    for version in ["1.0.0", "2.0.0", "10.0.0-beta", "3.0.0", "11.0.0-rc.1"] {
        contributor.push("Own.Tool", version).expect(201);
    }
    contributor.list("own.tool", "3.0.0", false).expect(204);
    let module = nuspec("Own.Module", "1.5", "<tags>PSModule PSCommand_Get-It</tags>");
    contributor.push_bytes("v2/", &package("Own.Module", &module)).expect(201);
    server
}

#[test]
fn what_there_is() {
    let (server, _) = server();
    let reader = server.reader().nuget();
    for path in ["v2", "v2/"] {
        let service = reader.get(path).expect(200);
        assert_eq!(service.header("content-type"), "application/xml;charset=utf-8");
        assert!(service.text().contains("<collection href=\"Packages\">"), "{}", service.text());
        assert!(service.text().contains(&format!("xml:base=\"{V2}\"")));
    }
    let metadata = reader.get("v2/$metadata").expect(200).text();
    let (mut reader, mut functions) = (Reader::new(metadata.as_bytes()), Vec::new());
    while let Some(event) = reader.next().unwrap() {
        if let Event::Start { name: "FunctionImport", attributes } = event {
            functions.push(attributes[0].1.clone().into_owned());
        }
    }
    assert_eq!(functions, ["Search", "FindPackagesById", "GetUpdates"]);
}

#[test]
fn an_entry_has_what_clients_read() {
    let (server, _) = server();
    let contributor = server.contributor().nuget();
    let more = "<title>Own &lt;Tool></title><requireLicenseAcceptance>true</requireLicenseAcceptance><tags>a b</tags>\
        <releaseNotes>new</releaseNotes><projectUrl>https://own.example/?a=1&amp;b</projectUrl><dependencies>\
        <group targetFramework=\".NETStandard2.0\"><dependency id=\"Dep\" version=\"[1.0, 2.0)\" /></group>\
        <group targetFramework=\"net45\" /></dependencies>";
    let bytes = package("Own.Tool", &nuspec("Own.Tool", "1.0-RC", more));
    contributor.push_bytes("v2/", &bytes).expect(201);
    let document = contributor.get("v2/Packages(Id='own.tool',Version='1.0.0-rc')").expect(200);
    assert_eq!(document.header("content-type"), "application/atom+xml;type=entry;charset=utf-8");
    let entry = entries(&document.text()).remove(0);
    let published = super::support::now(&server);
    for (name, value) in [
        ("Id", "Own.Tool"),
        ("Version", "1.0-RC"),
        ("NormalizedVersion", "1.0.0-rc"),
        ("Title", "Own <Tool>"),
        ("Authors", "me & you"),
        ("Description", "made by a test"),
        ("Summary", "null"),
        ("ReleaseNotes", "new"),
        ("ProjectUrl", "https://own.example/?a=1&b"),
        ("Tags", "a b"),
        ("PackageHash", &hash(&bytes)),
        ("PackageHashAlgorithm", "SHA512"),
        ("PackageSize", &bytes.len().to_string()),
        ("Dependencies", "Dep:[1.0, 2.0):.NETStandard2.0|::net45"),
        ("Published", published.trim_end_matches('Z')),
        ("IsPrerelease", "true"),
        ("IsLatestVersion", "false"),
        ("IsAbsoluteLatestVersion", "true"),
        ("Listed", "true"),
        ("RequireLicenseAcceptance", "true"),
        ("DownloadCount", "0"),
        ("LastEdited", "null"),
        ("MinClientVersion", "null"),
    ] {
        assert_eq!(property(&entry, name), value, "{name}");
    }
    let text = document.text();
    let source = text.split("src=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(contributor.get(source).expect(200).bytes(), bytes);
    contributor.get("v2/Packages(Id='own.tool',Version='9.9')").expect(404);
    contributor.get("v2/Packages(Id='nothing',Version='1.0')").expect(404);
}

#[test]
fn versions_of_a_package() {
    let server = filled();
    let reader = server.reader().nuget();
    assert_eq!(
        ask(&reader, "FindPackagesById()?id='own.tool'"),
        ["Own.Tool 1.0.0", "Own.Tool 2.0.0", "Own.Tool 3.0.0", "Own.Tool 10.0.0-beta"]
    );
    assert_eq!(ask(&reader, "FindPackagesById()?id='own.tool'&semVerLevel=2.0.0").len(), 5);
    assert_eq!(
        ask(
            &reader,
            "FindPackagesById()?$filter=IsLatestVersion&$orderby=Version desc&$top=1&id='OWN.TOOL'"
                .replace(' ', "%20")
                .as_str()
        ),
        ["Own.Tool 2.0.0"]
    );
    assert!(ask(&reader, "FindPackagesById()?id='nothing'").is_empty());
    let question = "FindPackagesById()?id='Own.Module'&$inlinecount=allpages&$filter=IsLatestVersion%20and%20\
        substringof('PSModule',%20Tags)%20eq%20true%20and%20Id%20eq%20'Own.Module'";
    assert_eq!(ask(&reader, question), ["Own.Module 1.5"]);
    assert!(reader.get(&format!("v2/{question}")).expect(200).text().contains("<m:count>1</m:count>"));
    let range = "FindPackagesById()?id='own.tool'&$filter=NormalizedVersion%20ge%20'2.0.0'%20and%20NormalizedVersion%20lt%20'10.0.0-a'";
    assert_eq!(ask(&reader, range), ["Own.Tool 2.0.0", "Own.Tool 3.0.0"]);
    assert_eq!(reader.get("v2/FindPackagesById()/$count?id='own.tool'").expect(200).text(), "4");
    let unlisted = reader.get("v2/Packages(Id='Own.Tool',Version='3.0.0')").expect(200).text();
    let entry = entries(&unlisted).remove(0);
    assert_eq!(
        (property(&entry, "Listed"), property(&entry, "Published")),
        ("false", "1900-01-01T00:00:00.000")
    );
}

#[test]
fn searches() {
    let server = filled();
    let reader = server.reader().nuget();
    let search = |rest: &str| ask(&reader, &format!("Search()?{}", rest.replace(' ', "%20")));
    assert_eq!(
        search(
            "$filter=IsLatestVersion&$orderby=Id&searchTerm='own'&targetFramework=''&includePrerelease=false&$skip=0&$top=30"
        ),
        ["Own.Module 1.5", "Own.Tool 2.0.0"]
    );
    assert_eq!(
        search("$filter=IsAbsoluteLatestVersion&searchTerm=''&includePrerelease=true&$orderby=Id desc"),
        ["Own.Tool 10.0.0-beta", "Own.Module 1.5"]
    );
    assert_eq!(search("searchTerm='tool'&includePrerelease=false"), ["Own.Tool 1.0.0", "Own.Tool 2.0.0"]);
    assert!(search("searchTerm='nothing'").is_empty());
    let count = reader.get("v2/Search()/$count?searchTerm='own'&$filter=IsLatestVersion").expect(200);
    assert_eq!((count.text().as_str(), count.header("content-type")), ("2", "text/plain; charset=utf-8"));
}

#[test]
fn packages_by_conditions() {
    let server = filled();
    let reader = server.reader().nuget();
    let packages = |filter: &str| ask(&reader, &format!("Packages()?$filter={}", filter.replace(' ', "%20")));
    assert_eq!(packages("tolower(Id) eq 'own.module' or tolower(Id) eq 'nothing'"), ["Own.Module 1.5"]);
    assert_eq!(packages("Id eq 'Own.Tool' and IsLatestVersion"), ["Own.Tool 2.0.0"]);
    assert_eq!(packages("substringof('module', tolower(Id)) and IsLatestVersion"), ["Own.Module 1.5"]);
    assert_eq!(packages("Version eq '1.0'"), ["Own.Tool 1.0.0"]);
    let refused = reader.get("v2/Packages()?$filter=length(Id)%20gt%203").expect(400);
    assert!(refused.header("x-nuget-warning").contains("`$filter` is not understood"), "{}", refused.text());
    reader.get("v2/Packages()?$orderby=Nothing").expect(400);
}

#[test]
fn answers_come_in_pages() {
    let (server, gallery) = server();
    for minor in 0..230 {
        gallery.add("Lib", &format!("1.{minor}.0"));
    }
    let collaborator = server.collaborator().nuget();
    let mut address = Some("v2/FindPackagesById()?id='lib'&$inlinecount=allpages".to_owned());
    let mut found = Vec::new();
    while let Some(page) = address {
        let document = collaborator.get(&page).expect(200).text();
        assert!(document.contains("<m:count>230</m:count>"));
        found.push(entries(&document).len());
        address = next(&document);
        assert!(address.as_ref().is_none_or(|next| next.starts_with(V2)));
    }
    assert_eq!(found, [100, 100, 30]);
    let first = collaborator.get("v2/FindPackagesById()?id='lib'&$top=150").expect(200).text();
    let rest = collaborator.get(&next(&first).unwrap()).expect(200).text();
    assert_eq!((entries(&first).len(), entries(&rest).len(), next(&rest)), (100, 50, None));
    let few = collaborator.get("v2/FindPackagesById()?id='lib'&$skip=228&$top=30").expect(200).text();
    assert_eq!((entries(&few).len(), next(&few)), (2, None));
}

#[test]
fn updates_of_what_is_installed() {
    let server = filled();
    let reader = server.reader().nuget();
    let updates = |rest: &str| ask(&reader, &format!("GetUpdates()?{rest}"));
    assert_eq!(
        updates(
            "packageIds='Own.Tool%7Cown.module'&versions='1.0.0%7C1.5'&includePrerelease=false&includeAllVersions=false"
        ),
        ["Own.Tool 2.0.0"]
    );
    assert_eq!(
        updates("packageIds='Own.Tool'&versions='1.0.0'&includePrerelease=true&includeAllVersions=true"),
        ["Own.Tool 2.0.0", "Own.Tool 10.0.0-beta"]
    );
    assert_eq!(
        updates("packageIds='Own.Tool'&versions='1.0.0'&includePrerelease=true&versionConstraints='(,2.0)'"),
        [""; 0]
    );
    assert_eq!(updates("packageIds=''&versions=''"), [""; 0]);
}

#[test]
fn whoever_may_save_sees_what_is_upstream() {
    let (server, gallery) = server_with(INDEX);
    gallery.add("Lib", "1.0.0").add("Lib", "1.1.0");
    server.contributor().nuget().push("lib.own", "1.0.0").expect(201);
    let answer = json!({ "totalHits": 3, "data": [
        { "id": "Lib", "version": "1.1.0", "description": "from upstream", "authors": ["a", "b"], "tags": ["PSModule"] },
        { "id": "Lib.Own", "version": "9.9.9" }, { "id": "Lib.Untagged", "version": "1.0.0" },
    ] });
    gallery.answer_address("https://search.gallery.example/query?q=lib", &answer.to_string());
    let collaborator = server.collaborator().nuget();
    assert_eq!(ask(&collaborator, "FindPackagesById()?id='lib'"), ["Lib 1.0.0", "Lib 1.1.0"]);
    assert_eq!(
        ask(&collaborator, "Search()?searchTerm='lib'&$filter=IsLatestVersion"),
        ["lib.own 1.0.0", "Lib 1.1.0", "Lib.Untagged 1.0.0"]
    );
    let tagged = "Search()?searchTerm='lib'&$filter=IsLatestVersion%20and%20substringof('PSModule',Tags)";
    assert_eq!(ask(&collaborator, tagged), ["Lib 1.1.0"]);
    assert_eq!(collaborator.get("v2/package/LIB/1.1").expect(200).bytes(), nupkg("Lib", "1.1.0"));
    assert_eq!(
        ask(&server.reader().nuget(), "Search()?searchTerm='lib'&$filter=IsLatestVersion"),
        ["lib.own 1.0.0", "Lib 1.1.0"]
    );
    gallery.fault("search.gallery", Scripted::time_out());
    server.advance(6);
    assert_eq!(ask(&collaborator, "Search()?searchTerm='own'&$filter=IsLatestVersion"), ["lib.own 1.0.0"]);
}

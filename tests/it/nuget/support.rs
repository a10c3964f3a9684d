//! A scripted gallery that speaks v3 and OData, and what clients send.

use crate::support::documents::zip;
use crate::support::server::{TestServer, public};
use crate::support::{Client, Reply};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use edgefeed::model::{Algorithm, Digest, UpstreamSource};
use edgefeed::platform::memory::{Reply as Scripted, SentRequest, Upstream};
use edgefeed::platform::{Body, Platform as _};
use http::Method;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The service index of the scripted gallery.
pub(crate) const INDEX: &str = "https://api.gallery.example/v3/index.json";
/// Its older API.
pub(crate) const LEGACY: &str = "https://legacy.gallery.example/api/v2/";
/// Where it is, and its files and searches.
const API: &str = "https://api.gallery.example/v3/";
const FILES: &str = "https://files.gallery.example/flat/";
const SEARCH: &str = "https://search.gallery.example/query";

/// A gallery; clones share it.
#[derive(Clone)]
pub(crate) struct Gallery {
    upstream: Upstream,
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    /// Versions by lower-case id, lowest first.
    packages: BTreeMap<String, Vec<Value>>,
    files: BTreeMap<String, Vec<u8>>,
    faults: Vec<(String, Scripted)>,
    answers: BTreeMap<String, String>,
    /// From how many versions on they are on pages of their own.
    paged_from: usize,
}

impl Gallery {
    pub(crate) fn new(upstream: &Upstream) -> Self {
        let gallery = Self { upstream: upstream.clone(), state: Rc::default() };
        gallery.state.borrow_mut().paged_from = 128;
        for base in [API, FILES, SEARCH, LEGACY] {
            let answering = gallery.clone();
            upstream.route(base, move |request| answering.answer(request));
        }
        gallery
    }

    pub(crate) fn add(&self, id: &str, version: &str) -> &Self {
        self.add_with(id, version, |_| {})
    }

    /// Adds a version whose entry is changed first.
    pub(crate) fn add_with(&self, id: &str, version: &str, change: impl Fn(&mut Value)) -> &Self {
        let (lower, key) = (id.to_lowercase(), version.split('+').next().unwrap().to_lowercase());
        let bytes = nupkg(id, version);
        let content = format!("{FILES}{lower}/{key}/{lower}.{key}.nupkg");
        let mut entry = json!({
            "@id": format!("{API}catalog0/data/{lower}.{key}.json"), "@type": "PackageDetails", "id": id, "version": version,
            "authors": "somebody", "description": "from upstream", "iconUrl": "", "listed": true, "tags": ["one", "two"],
            "packageContent": content, "published": "2020-01-02T03:04:05.678+00:00", "requireLicenseAcceptance": false,
            "dependencyGroups": [{ "@id": "x#group", "@type": "PackageDependencyGroup", "targetFramework": "net45",
                "dependencies": [{ "@id": "x#y", "@type": "PackageDependency", "id": "Dep", "range": "[1.0.0, )",
                    "registration": format!("{API}registration/dep/index.json") }] }],
        });
        change(&mut entry);
        let mut state = self.state.borrow_mut();
        state.files.insert(content, bytes.clone());
        state.files.insert(format!("{LEGACY}package/{id}/{version}"), bytes);
        state.packages.entry(lower).or_default().push(entry);
        drop(state);
        self
    }

    /// Changes the entry of a version that is there.
    pub(crate) fn edit(&self, id: &str, version: &str, change: impl Fn(&mut Value)) {
        let mut state = self.state.borrow_mut();
        let versions = state.packages.get_mut(&id.to_lowercase()).expect("a package that was added");
        change(
            versions.iter_mut().find(|entry| entry["version"] == version).expect("a version that was added"),
        );
    }

    pub(crate) fn forget(&self, id: &str) {
        self.state.borrow_mut().packages.remove(id);
    }

    /// Sends other bytes than it declares.
    pub(crate) fn replace_bytes(&self, part: &str, bytes: &[u8]) {
        let mut state = self.state.borrow_mut();
        state
            .files
            .iter_mut()
            .filter(|(url, _)| url.contains(part))
            .for_each(|(_, file)| *file = bytes.to_vec());
    }

    /// Puts versions on pages of their own from so many of them on.
    pub(crate) fn page_from(&self, count: usize) {
        self.state.borrow_mut().paged_from = count;
    }

    /// Answers an address that begins so.
    pub(crate) fn answer_address(&self, address: &str, document: &str) {
        self.state.borrow_mut().answers.insert(address.to_owned(), document.to_owned());
    }

    /// From now on requests whose address contains `part` get this reply.
    pub(crate) fn fault(&self, part: &str, reply: Scripted) {
        self.state.borrow_mut().faults.push((part.to_owned(), reply));
    }

    pub(crate) fn recover(&self) {
        self.state.borrow_mut().faults.clear();
    }

    /// How many requests came whose address contains `part`.
    pub(crate) fn asked(&self, part: &str) -> usize {
        let urls = self.upstream.urls();
        urls.iter().filter(|url| url.contains("gallery.example") && url.contains(part)).count()
    }

    fn answer(&self, request: &SentRequest) -> Scripted {
        let (state, url) = (self.state.borrow(), request.url.as_str());
        if let Some((_, reply)) = state.faults.iter().find(|(part, _)| url.contains(part)) {
            return reply.clone();
        }
        if let Some((_, answer)) = state.answers.iter().find(|(address, _)| url.starts_with(address.as_str()))
        {
            return Scripted::ok(answer.clone());
        }
        if let Some(bytes) = state.files.get(url) {
            return Scripted::ok(bytes.clone()).header("content-length", &bytes.len().to_string());
        }
        match state.document(url) {
            Some(document) => validated(request, &document),
            None => Scripted::status(404).body("nothing here"),
        }
    }
}

fn validated(request: &SentRequest, document: &str) -> Scripted {
    let etag = format!("\"{}\"", Digest::of(Algorithm::Sha256, document.as_bytes()).hex());
    let known = request.headers.get("if-none-match").and_then(|value| value.to_str().ok());
    let reply = if known == Some(&etag) { Scripted::status(304) } else { Scripted::ok(document.to_owned()) };
    let media = if document.starts_with('<') { "application/atom+xml;type=feed" } else { "application/json" };
    reply.header("content-type", media).header("etag", &etag)
}

impl State {
    fn document(&self, url: &str) -> Option<String> {
        if url == INDEX {
            let resource = |kind: &str, path: &str| json!({ "@id": path, "@type": kind });
            let resources = [
                resource("RegistrationsBaseUrl", &format!("{API}old/")),
                resource("RegistrationsBaseUrl/3.6.0", &format!("{API}registration/")),
                resource("PackageBaseAddress/3.0.0", FILES),
                resource("SearchQueryService/3.5.0", SEARCH),
                resource("VulnerabilityInfo/6.7.0", &format!("{API}vulnerabilities/index.json")),
            ];
            return Some(json!({ "version": "3.0.0", "resources": resources }).to_string());
        }
        if let Some(path) = url.strip_prefix(&format!("{API}registration/")) {
            return self.registration(path);
        }
        if let Some(name) = url.strip_prefix(&format!("{API}catalog0/data/")) {
            let mut all = self.packages.values().flatten();
            let found = all.find(|entry| entry["@id"].as_str().is_some_and(|id| id.ends_with(name)))?;
            let bytes = nupkg(found["id"].as_str()?, found["version"].as_str()?);
            return Some(
                json!({ "packageHash": hash(&bytes), "packageHashAlgorithm": "SHA512" }).to_string(),
            );
        }
        let query = url.strip_prefix(LEGACY)?.strip_prefix("FindPackagesById()?")?;
        let pairs: BTreeMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let id = pairs.get("id")?.trim_matches('\'').to_lowercase();
        let skip = pairs.get("$skip").map_or(0, |skip| skip.parse().unwrap());
        let versions = self.packages.get(&id).cloned().unwrap_or_default();
        let next = (versions.len() > skip + 2)
            .then(|| format!("{LEGACY}FindPackagesById()?id='{id}'&amp;$skip={}", skip + 2));
        let entries: String = versions.iter().skip(skip).take(2).map(atom).collect();
        Some(feed(&entries, next.as_deref()))
    }

    fn registration(&self, path: &str) -> Option<String> {
        let (id, rest) = path.split_once('/')?;
        let versions = self.packages.get(id)?;
        let leaves: Vec<Value> = versions
            .iter()
            .map(|entry| json!({ "@id": "leaf", "catalogEntry": entry, "packageContent": entry["packageContent"] }))
            .collect();
        let page = |number: usize, leaves: &[Value]| json!({ "@id": format!("{API}registration/{id}/page/{number}.json"), "count": leaves.len(), "items": leaves });
        let mut pages: Vec<Value> =
            leaves.chunks(3).enumerate().map(|(number, leaves)| page(number, leaves)).collect();
        if rest == "index.json" {
            if versions.len() >= self.paged_from {
                for page in &mut pages {
                    page.as_object_mut().unwrap().shift_remove("items");
                }
            }
            return Some(
                json!({ "@context": { "items": [1] }, "count": pages.len(), "items": pages }).to_string(),
            );
        }
        let number: usize = rest.strip_prefix("page/")?.strip_suffix(".json")?.parse().ok()?;
        Some(pages.get(number)?.to_string())
    }
}

/// A feed of OData.
pub(crate) fn feed(entries: &str, next: Option<&str>) -> String {
    let next = next.map(|next| format!("<link rel=\"next\" href=\"{next}\"/>")).unwrap_or_default();
    format!(
        "<?xml version=\"1.0\"?><feed xmlns=\"http://www.w3.org/2005/Atom\" xmlns:d=\"d\" xmlns:m=\"m\"><m:count>7</m:count>\
         <title>x</title><link rel=\"self\" href=\"x\"/>{entries}{next}</feed>"
    )
}

/// An entry of OData.
pub(crate) fn atom(entry: &Value) -> String {
    let text = |member: &str| entry[member].as_str().unwrap_or_default().to_owned();
    let (id, version) = (text("id"), text("version"));
    let bytes = nupkg(&id, &version);
    format!(
        "<entry><id>x</id><title type=\"text\">{id}</title><summary>short</summary><author><name>somebody</name></author>\
         <content type=\"application/zip\" src=\"{LEGACY}package/{id}/{version}\"/><m:properties><d:Version>{version}</d:Version>\
         <d:Description>from upstream</d:Description><d:Dependencies>Dep:[1.0.0, ):net45</d:Dependencies>\
         <d:Tags xml:space=\"preserve\"> one two </d:Tags><d:PackageHash>{}</d:PackageHash>\
         <d:PackageHashAlgorithm>SHA512</d:PackageHashAlgorithm><d:PackageSize m:type=\"Edm.Int64\">{}</d:PackageSize>\
         <d:Published m:type=\"Edm.DateTime\">2020-01-02T03:04:05.678</d:Published><d:Listed>{}</d:Listed>\
         <d:RequireLicenseAcceptance>false</d:RequireLicenseAcceptance></m:properties></entry>",
        hash(&bytes),
        bytes.len(),
        entry["listed"],
    )
}

/// A hash as it is written beside packages.
pub(crate) fn hash(bytes: &[u8]) -> String {
    STANDARD.encode(Digest::of(Algorithm::Sha512, bytes).value())
}

/// The manifest of a version.
pub(crate) fn nuspec(id: &str, version: &str, more: &str) -> String {
    format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<package \
         xmlns=\"http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd\"><metadata><id>{id}</id>\
         <version>{version}</version><authors>me &amp; you</authors><description>made by a test</description>{more}\
         </metadata></package>"
    )
}

/// What of a manifest speaks of files in the package.
pub(crate) const FILES_INSIDE: &str = "<icon>images\\icon.png</icon><readme>docs/READ ME.md</readme>\
    <license type=\"file\">LICENSE.txt</license><tags>one two</tags>";

/// A package, the same in every run.
pub(crate) fn nupkg(id: &str, version: &str) -> Vec<u8> {
    package(id, &nuspec(id, version, FILES_INSIDE))
}

/// A package with that manifest.
pub(crate) fn package(id: &str, manifest: &str) -> Vec<u8> {
    zip(&[
        ("_rels/.rels", b"<Relationships/>"),
        (&format!("{id}.nuspec"), manifest.as_bytes()),
        ("lib/net45/a.dll", format!("{id} of {}", manifest.len()).as_bytes()),
        ("images/icon.png", b"\x89PNG and so on"),
        ("docs/READ%20ME.md", b"# read me"),
        ("LICENSE.txt", b"do what you want"),
        ("[Content_Types].xml", b"<Types/>"),
    ])
}

/// The symbols of a version.
pub(crate) fn symbols(id: &str, version: &str) -> Vec<u8> {
    let kind = "<packageTypes><packageType name=\"SymbolsPackage\" /></packageTypes>";
    zip(&[(&format!("{id}.nuspec"), nuspec(id, version, kind).as_bytes()), ("lib/net45/a.pdb", b"BSJB")])
}

/// A server whose feed `main` has the scripted gallery as its source.
pub(crate) fn server() -> (TestServer, Gallery) {
    server_with(INDEX)
}

/// The same, by that of its addresses.
pub(crate) fn server_with(location: &str) -> (TestServer, Gallery) {
    let server = TestServer::empty();
    server.add_feed("main", vec![gallery("gallery", location)]);
    let gallery = Gallery::new(server.platform.upstream());
    (server, gallery)
}

/// A source that is a gallery.
pub(crate) fn gallery(name: &str, location: &str) -> UpstreamSource {
    UpstreamSource { protocol: "nuget".to_owned(), ..public(name, location) }
}

/// The root of the protocol on a feed.
pub(crate) fn root(feed: &str) -> String {
    format!("https://edge.test/acme/_packaging/{feed}/nuget/")
}

/// The body of a push, and its type.
pub(crate) fn form(content: &[u8]) -> (&'static str, Vec<u8>) {
    let head = b"--b0undary\r\nContent-Disposition: form-data; name=package; filename=package.nupkg\r\n\
        Content-Type: application/octet-stream\r\n\r\n";
    ("multipart/form-data; boundary=\"b0undary\"", [&head[..], content, b"\r\n--b0undary--\r\n"].concat())
}

/// What clients do.
pub(crate) trait NuGet: Sized {
    /// Uses that feed.
    fn nuget_on(self, feed: &str) -> Self;
    /// Uses feed `main`.
    fn nuget(self) -> Self {
        self.nuget_on("main")
    }
    /// The numbers of all versions; none if the package is not there.
    fn numbers(&self, id: &str) -> Vec<String>;
    /// Downloads a package.
    fn fetch(&self, id: &str, version: &str) -> Reply;
    /// All entries of the registration, unlisted ones too.
    fn registered(&self, id: &str) -> Vec<Value>;
    /// Pushes the package every test expects.
    fn push(&self, id: &str, version: &str) -> Reply {
        self.push_bytes("v3/package/", &nupkg(id, version))
    }
    /// Pushes anything to that address.
    fn push_bytes(&self, path: &str, content: &[u8]) -> Reply;
    /// Unlists a version, or takes that back.
    fn list(&self, id: &str, version: &str, listed: bool) -> Reply;
}

impl NuGet for Client<'_> {
    fn nuget_on(self, feed: &str) -> Self {
        self.at(&root(feed))
    }

    fn numbers(&self, id: &str) -> Vec<String> {
        let reply = self.get(&format!("v3/flat2/{}/index.json", id.to_lowercase()));
        if reply.status == 404 {
            return Vec::new();
        }
        serde_json::from_value(reply.expect(200).json()["versions"].clone()).unwrap()
    }

    fn fetch(&self, id: &str, version: &str) -> Reply {
        let (id, version) = (id.to_lowercase(), version.to_lowercase());
        self.get(&format!("v3/flat2/{id}/{version}/{id}.{version}.nupkg"))
    }

    fn registered(&self, id: &str) -> Vec<Value> {
        let index = format!("v3/registrations-gz-semver2/{}/index.json", id.to_lowercase());
        let pages = self.get(&index).expect(200).json()["items"].clone();
        let pages = pages.as_array().unwrap().iter().map(|page| match page.get("items") {
            Some(items) => items.clone(),
            None => self.get(page["@id"].as_str().unwrap()).expect(200).json()["items"].clone(),
        });
        let leaves = pages.flat_map(|page| page.as_array().unwrap().clone());
        leaves.map(|leaf| leaf["catalogEntry"].clone()).collect()
    }

    fn push_bytes(&self, path: &str, content: &[u8]) -> Reply {
        let (media, body) = form(content);
        self.send(
            Method::PUT,
            path,
            &[("content-type", media), ("x-nuget-protocol-version", "4.1.0")],
            body.into(),
        )
    }

    fn list(&self, id: &str, version: &str, listed: bool) -> Reply {
        let method = if listed { Method::POST } else { Method::DELETE };
        self.send(method, &format!("v3/package/{id}/{version}"), &[], Body::Empty)
    }
}

/// The time, as documents print it.
pub(crate) fn now(server: &TestServer) -> String {
    server.platform.now().to_string()
}

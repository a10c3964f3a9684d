//! Pages as they are written.

use super::*;
use crate::model::{Algorithm, ArtifactName, Digest, ListingState};
use serde_json::value::RawValue;
use serde_json::{Map, json};

struct File {
    name: ArtifactName,
    size: Option<u64>,
    digests: Vec<Digest>,
    manifest: Option<Box<RawValue>>,
}

fn file(name: &str, facts: Option<&FileFacts>) -> File {
    File {
        name: ArtifactName::parse(name).unwrap(),
        size: Some(7),
        digests: vec![Digest::of(Algorithm::Sha256, name.as_bytes())],
        manifest: facts.cloned().and_then(FileFacts::manifest),
    }
}

fn sha256(name: &str) -> String {
    Digest::of(Algorithm::Sha256, name.as_bytes()).hex()
}

fn render(html: bool, versions: &[(&str, ListingState, Vec<File>)], summary: &Summary) -> String {
    let package = name::parse("My_Pkg").unwrap();
    let mut renderer = Box::new(PageRenderer::new(&package, html, "https://h.test/f/pypi/"));
    let mut out = Vec::new();
    for (version, listing, files) in versions {
        let files: Vec<_> = files
            .iter()
            .map(|file| ListedFile {
                name: &file.name,
                size: file.size,
                digests: &file.digests,
                manifest: file.manifest.as_deref(),
            })
            .collect();
        let listed = Listed {
            version,
            key: version,
            listing,
            is_local: true,
            manifest: RawValue::NULL,
            files: &files,
        };
        renderer.version(&mut out, listed).unwrap();
    }
    renderer.finish(&mut out, summary).unwrap();
    String::from_utf8(out).unwrap()
}

fn versions() -> Vec<(&'static str, ListingState, Vec<File>)> {
    let facts = FileFacts {
        yanked: None,
        requires_python: Some(">=3.8,<4".into()),
        upload_time: Some("2024-01-02T03:04:05.678901Z".into()),
    };
    let wheel = "my_pkg-1.0+x-py3-none-any.whl";
    let withdrawn = FileFacts { yanked: Some("broken \"file\"".into()), ..FileFacts::default() };
    vec![
        (
            "1.0+x",
            ListingState::default(),
            vec![
                file(wheel, Some(&facts)),
                file(&format!("{wheel}.metadata"), None),
                file(&format!("{wheel}.provenance"), None),
                file("my_pkg-1.0+x.tar.gz", Some(&withdrawn)),
            ],
        ),
        ("1.5", ListingState::default(), vec![file("my_pkg-1.5-py3-none-any.whl.metadata", None)]),
        (
            "2.0",
            ListingState { hidden: true, message: Some("<bad>".to_owned()) },
            vec![file("my_pkg-2.0.tar.gz", Some(&withdrawn))],
        ),
        ("3.0", ListingState { hidden: true, message: None }, vec![file("my_pkg-3.0.tar.gz", None)]),
    ]
}

fn summary() -> Summary {
    let extra = json!({
        "tracks": ["https://other.test/my-pkg/"], "alternate-locations": ["https://more.test/"],
        "project-status": {"status": "archived", "reason": "done & over"},
    });
    let Value::Object(extra) = extra else { return Summary::default() };
    Summary { extra, revision: 5, ..Summary::default() }
}

#[test]
fn json_pages_say_what_is_known() {
    let text = render(false, &versions(), &summary());
    let page: Map<String, Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(page["name"], "my-pkg");
    assert_eq!(page["versions"], json!(["1.0+x", "2.0", "3.0"]), "metadata alone is no version");
    assert_eq!(
        page["meta"],
        json!({"api-version": "1.4", "_last-serial": 5, "tracks": ["https://other.test/my-pkg/"]})
    );
    assert_eq!(page["alternate-locations"], json!(["https://more.test/"]));
    assert_eq!(page["project-status"]["status"], "archived");
    let folder = "https://h.test/f/pypi/download/my-pkg/1.0%2Bx/";
    let metadata = json!({"sha256": sha256("my_pkg-1.0+x-py3-none-any.whl.metadata")});
    assert_eq!(
        page["files"][0],
        json!({
            "filename": "my_pkg-1.0+x-py3-none-any.whl",
            "url": format!("{folder}my_pkg-1.0%2Bx-py3-none-any.whl"),
            "hashes": {"sha256": sha256("my_pkg-1.0+x-py3-none-any.whl")},
            "size": 7,
            "requires-python": ">=3.8,<4",
            "upload-time": "2024-01-02T03:04:05.678901Z",
            "core-metadata": metadata, "data-dist-info-metadata": metadata,
            "provenance": format!("{folder}my_pkg-1.0%2Bx-py3-none-any.whl.provenance"),
        })
    );
    assert_eq!(page["files"][1]["yanked"], "broken \"file\"", "a single file");
    assert!(page["files"][1].get("core-metadata").is_none());
    assert_eq!(page["files"][2]["yanked"], "<bad>", "what is said of the version goes first");
    assert_eq!(text.matches("\"yanked\"").count(), 3);
    assert_eq!(page["files"][3]["yanked"], true);
}

#[test]
fn html_pages_say_it_too() {
    let page = render(true, &versions(), &summary());
    let metadata = sha256("my_pkg-1.0+x-py3-none-any.whl.metadata");
    let folder = "https://h.test/f/pypi/download/my-pkg/1.0%2Bx/my_pkg-1.0%2Bx-py3-none-any.whl";
    let anchor = format!(
        "<a href=\"{folder}#sha256={}\" data-requires-python=\"&gt;=3.8,&lt;4\" \
         data-core-metadata=\"sha256={metadata}\" data-dist-info-metadata=\"sha256={metadata}\" \
         data-provenance=\"{folder}.provenance\">my_pkg-1.0+x-py3-none-any.whl</a><br>\n",
        sha256("my_pkg-1.0+x-py3-none-any.whl")
    );
    assert!(page.contains(&anchor), "{page}");
    for part in [
        "<meta name=\"pypi:repository-version\" content=\"1.4\">",
        "<meta name=\"pypi:tracks\" content=\"https://other.test/my-pkg/\">",
        "<meta name=\"pypi:alternate-locations\" content=\"https://more.test/\">",
        "<meta name=\"pypi:project-status\" content=\"archived\">",
        "<meta name=\"pypi:project-status-reason\" content=\"done &amp; over\">",
        " data-yanked=\"broken &quot;file&quot;\">my_pkg-1.0+x.tar.gz<",
        " data-yanked=\"&lt;bad&gt;\">my_pkg-2.0.tar.gz<",
        " data-yanked=\"\">my_pkg-3.0.tar.gz<",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains(">my_pkg-1.5") && page.ends_with("</body>\n</html>\n"));
}

#[test]
fn a_page_without_files_is_a_page() {
    assert_eq!(
        serde_json::from_str::<Value>(&render(false, &[], &Summary::default())).unwrap()["files"],
        json!([])
    );
    assert!(render(true, &[], &Summary::default()).contains("Links for my-pkg"));
}

//! What people do with `curl`.

use crate::support::{Client, Reply};
use edgefeed::model::{Algorithm, Digest, UpstreamSource};
use edgefeed::platform::Body;
use http::Method;
use serde_json::{Value, json};

use crate::support::server::internal;

/// A version's files: path, content, and may it be run?
pub(crate) type Files<'a> = &'a [(&'a str, &'a [u8], bool)];

/// Those that most tests publish.
pub(crate) const TOOLS: Files<'static> =
    &[("bin/run.sh", b"#!/bin/sh\n", true), ("docs/a b.txt", b"some text", false), ("empty", b"", false)];

/// A source that is another feed.
pub(crate) fn neighbour(name: &str, location: &str) -> UpstreamSource {
    UpstreamSource { protocol: "upack".to_owned(), ..internal(name, location) }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).hex()
}

/// A path as it stands in a URL.
pub(crate) fn encoded(path: &str) -> String {
    path.replace('%', "%25").replace(' ', "%20").replace('#', "%23").replace('?', "%3F")
}

/// What a commit says of files.
pub(crate) fn named(files: Files<'_>) -> Value {
    let files = files.iter().map(|(path, content, executable)| {
        json!({ "path": path, "size": content.len(), "sha256": sha256(content), "executable": executable })
    });
    json!({ "files": files.collect::<Vec<_>>() })
}

/// What `curl` does.
pub(crate) trait Universal: Sized {
    /// Talks to that feed.
    fn universal_on(self, feed: &str) -> Self;
    /// Talks to feed `main`.
    fn universal(self) -> Self {
        self.universal_on("main")
    }
    /// Sends one file.
    fn put_file(&self, version: &str, file: (&str, &[u8], bool)) -> Reply;
    /// Commits what was sent.
    fn commit(&self, version: &str) -> Reply;
    /// Sends files, and commits.
    fn push(&self, version: &str, files: Files<'_>) -> Reply;
    /// The versions that are shown, those that were unlisted with a `!`; none if the package is not there.
    fn numbers(&self, name: &str) -> Vec<String>;
}

impl Universal for Client<'_> {
    fn universal_on(self, feed: &str) -> Self {
        self.at(&format!("https://edge.test/acme/_packaging/{feed}/upack/"))
    }

    fn put_file(&self, version: &str, (path, content, executable): (&str, &[u8], bool)) -> Reply {
        let query = if executable { "?executable=true" } else { "" };
        let path = format!("{version}/{}{query}", encoded(path));
        self.send(Method::PUT, &path, &[], content.to_vec().into())
    }

    fn commit(&self, version: &str) -> Reply {
        self.send(Method::POST, version, &[], Body::Empty)
    }

    fn push(&self, version: &str, files: Files<'_>) -> Reply {
        for file in files {
            self.put_file(version, *file).expect(201);
        }
        self.commit(version)
    }

    fn numbers(&self, name: &str) -> Vec<String> {
        let reply = self.get(name);
        if reply.status == 404 {
            return Vec::new();
        }
        let document = reply.expect(200).json();
        let versions = document["versions"].as_array().unwrap().iter().map(|version| {
            let mark = if version["listed"] == false { "!" } else { "" };
            format!("{}{mark}", version["version"].as_str().unwrap())
        });
        versions.collect()
    }
}

/// The text that is shown to people.
pub(crate) fn message(reply: &Reply) -> String {
    reply.json()["message"].as_str().unwrap_or_else(|| panic!("no message: {}", reply.text())).to_owned()
}

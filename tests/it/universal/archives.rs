//! Archives: publishing one as a whole, and getting a version as one.

use super::support::{TOOLS, Universal, message, sha256};
use crate::support::server::TestServer;
use crate::support::{Client, Reply};
use bytes::Bytes;
use edgefeed::platform::once;
use edgefeed::service::tar::Archive;
use flate2::{Compression, write::GzEncoder};
use futures_executor::block_on;
use http::Method;
use std::io::Write as _;

fn server() -> TestServer {
    let server = TestServer::empty();
    server.add_feed("main", Vec::new());
    server
}

/// Path, kind, mode, content.
type Entry<'a> = (&'a str, u8, u32, &'a [u8]);

const FILE: u8 = b'0';
const FOLDER: u8 = b'5';

/// An archive as GNU's tool writes it; paths over 100 bytes stand in an entry before.
fn archive(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, kind, mode, content) in entries {
        if path.len() > 100 {
            entry(&mut bytes, ("././@LongLink", b'L', 0o644, format!("{path}\0").as_bytes()));
        }
        entry(&mut bytes, (&path[..path.len().min(100)], *kind, *mode, content));
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn entry(bytes: &mut Vec<u8>, (path, kind, mode, content): Entry<'_>) {
    let mut header = [0; 512];
    header[..path.len()].copy_from_slice(path.as_bytes());
    header[100..107].copy_from_slice(format!("{mode:07o}").as_bytes());
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar  \0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn unpack(bytes: &[u8]) -> Vec<(String, bool, Vec<u8>)> {
    let mut found = Vec::new();
    block_on(async {
        let mut archive = Archive::open(once(Bytes::copy_from_slice(bytes))).await.unwrap();
        while let Some(file) = archive.next().await.unwrap() {
            let mut content = Vec::new();
            while let Some(piece) = archive.content().await.unwrap() {
                content.extend_from_slice(&piece);
            }
            found.push((file.path, file.executable, content));
        }
    });
    found
}

fn push(client: &Client<'_>, version: &str, archive: Vec<u8>) -> Reply {
    client.send(Method::PUT, version, &[], archive.into())
}

#[test]
fn an_archive_becomes_a_version() {
    let server = server();
    let contributor = server.contributor().universal();
    let long = "deep/".repeat(30) + "file.txt";
    let large = vec![7; 9 << 20];
    let bytes = archive(&[
        ("./", FOLDER, 0o755, b""),
        ("./bin/", FOLDER, 0o755, b""),
        ("./bin/run.sh", FILE, 0o755, b"#!/bin/sh\n"),
        ("README.md", FILE, 0o644, b"# Tools\n"),
        (&long, FILE, 0o644, b"deep"),
        ("large", FILE, 0o600, &large),
    ]);
    for (version, bytes) in [("my-tools/1.0.0", bytes.clone()), ("my-tools/1.1.0", compress(&bytes))] {
        let made = push(&contributor, version, bytes.clone()).expect(201).json();
        assert_eq!((&made["files"], &made["size"]), (&4.into(), &((9 << 20) + 22).into()));
        push(&contributor, version, bytes).expect(200);
        assert_eq!(contributor.get(&format!("{version}/large")).expect(200).bytes(), large);
        assert_eq!(contributor.get(&format!("{version}/{long}")).expect(200).bytes(), &b"deep"[..]);
        let manifest = contributor.get(version).expect(200).json();
        let runs: Vec<_> =
            manifest["files"].as_array().unwrap().iter().map(|file| file["executable"] == true).collect();
        assert_eq!(runs, [false, true, false, false]);
    }
    let other = archive(&[("README.md", FILE, 0o644, b"other")]);
    push(&contributor, "my-tools/1.0.0", other).expect(409);
}

#[test]
fn hostile_archives_leave_no_version() {
    let server = server();
    let contributor = server.contributor().universal();
    let refusal = |bytes: Vec<u8>| {
        let refused = push(&contributor, "my-tools/1.0.0", bytes).expect(400);
        message(&refused)
    };
    for path in ["../out", "/etc/passwd", "a/../../b", "a//b", "c:\\x", "a\u{1}b"] {
        assert!(
            refusal(archive(&[("ok", FILE, 0o644, b""), (path, FILE, 0o644, b"x")])).contains("not the path")
        );
    }
    for kind in [b'1', b'2', b'3', b'6'] {
        assert!(refusal(archive(&[("l", kind, 0o644, b"")])).contains("no file but a link"));
    }
    for pair in [["a", "a/b"], ["A", "a"], ["a", "a"]] {
        let entries = pair.map(|path| (path, FILE, 0o644, &b""[..]));
        assert!(refusal(archive(&entries)).contains("beside each other"));
    }
    assert!(
        refusal(compress(&archive(&[("zeros", FILE, 0o644, &vec![0; 80 << 20])]))).contains("times its size")
    );
    let paths: Vec<String> = (0..3_001).map(|number| format!("f{number}")).collect();
    let many: Vec<Entry<'_>> = paths.iter().map(|path| (path.as_str(), FILE, 0o644, &b""[..])).collect();
    assert!(refusal(archive(&many)).contains("more than 3000 files"));
    assert!(refusal(b"no archive".repeat(200)).contains("no tar archive"));
    let cut = compress(&archive(&[("a", FILE, 0o644, b"text")]))[..40].to_vec();
    assert!(refusal(cut).contains("ends before"));
    assert!(refusal(Vec::new()).contains("ends before"));
    assert!(refusal(archive(&[])).contains("at least one file"));
    assert!(contributor.numbers("my-tools").is_empty());
}

#[test]
fn a_version_comes_as_an_archive_that_is_the_same_each_time() {
    let server = server();
    let contributor = server.contributor().universal();
    let long = "deep/".repeat(30) + "file.txt";
    let large: Vec<u8> = (0..600_000_u32).map(|number| (number % 251) as u8).collect();
    let mut files = TOOLS.to_vec();
    files.extend([(long.as_str(), &b"deep"[..], false), ("ümlaut", b"u", false), ("large", &large, false)]);
    contributor.push("my-tools/1.0.0", &files).expect(201);
    let reader = server.reader().universal().elsewhere();
    let whole = reader.get("my-tools/1.0.0?format=tar").expect(200);
    assert_eq!(whole.header("content-type"), "application/x-tar");
    assert_eq!(whole.header("content-length"), whole.bytes().len().to_string());
    let mut expected: Vec<_> = files
        .iter()
        .map(|(path, content, executable)| ((*path).to_owned(), *executable, content.to_vec()))
        .collect();
    expected.sort();
    assert_eq!(unpack(&whole.bytes()), expected);
    let etag = whole.header("etag").to_owned();
    assert_ne!(etag, reader.get("my-tools/1.0.0").expect(200).header("etag"));
    reader.get_with("my-tools/1.0.0?format=tar", &[("if-none-match", &etag)]).expect(304);
    let bytes = whole.bytes();
    for (start, end) in
        [(0, 1), (511, 513), (700, 2_000), (0, 5_000), (3_000, 400_000), (590_000, bytes.len())]
    {
        let range = format!("bytes={start}-{}", end - 1);
        let part = reader
            .get_with("my-tools/1.0.0?format=tar", &[("range", &range), ("if-range", &etag)])
            .expect(206);
        assert_eq!(sha256(&part.bytes()), sha256(&bytes[start..end]), "{range}");
    }
    for start in (0..bytes.len()).step_by(7_001) {
        let part = reader
            .get_with("my-tools/1.0.0?format=tar", &[("range", &format!("bytes={start}-"))])
            .expect(206);
        assert!(part.bytes() == bytes[start..], "from {start}");
    }
    let head = reader.head("my-tools/latest?format=tar").expect(200);
    assert_eq!(head.header("content-length"), whole.header("content-length"));
    push(&contributor, "my-tools/2.0.0", bytes.to_vec()).expect(201);
    assert_eq!(
        reader.get("my-tools/2.0.0").expect(200).bytes(),
        reader.get("my-tools/1.0.0").expect(200).bytes()
    );
}

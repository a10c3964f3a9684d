//! What npm's clients push.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use edgefeed::model::{Algorithm, Digest};
use serde_json::{Value, json};

/// A package's archive: different for every name and version, and the same in every run.
pub(crate) fn tarball(name: &str, version: &str) -> Vec<u8> {
    let lines = format!("{name}@{version}\n").repeat(40);
    let manifest = json!({ "name": name, "version": version }).to_string();
    archive(&[("package/package.json", manifest.as_bytes()), ("package/lines.txt", lines.as_bytes())])
}

#[allow(dead_code, reason = "not every test binary that shares this file needs it")]
/// Another archive of that version, with one file of that content.
pub(crate) fn other_tarball(name: &str, version: &str, content: &[u8]) -> Vec<u8> {
    let manifest = json!({ "name": name, "version": version }).to_string();
    archive(&[("package/package.json", manifest.as_bytes()), ("package/content", content)])
}

/// A gzipped tar archive of these files; not compressed, so that no other version of the compressor changes a digest.
pub(crate) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (path, content) in files {
        let mut header = [0_u8; 512];
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = b'0';
        tar.extend_from_slice(&header);
        tar.extend_from_slice(content);
        tar.resize(tar.len().div_ceil(512) * 512, 0);
    }
    tar.resize(tar.len() + 1024, 0);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut encoder, &tar).unwrap();
    encoder.finish().unwrap()
}

#[allow(dead_code, reason = "not every test binary that shares this file needs it")]
/// A zip archive of these files, not compressed.
pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    let short = |number: usize| u16::try_from(number).unwrap().to_le_bytes();
    let long = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    for (path, content) in files {
        let common = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &long(content.len()),
            &long(content.len()),
            &short(path.len()),
            &[0, 0],
        ]
        .concat();
        let offset = bytes.len();
        bytes.extend([b"PK\x03\x04", &common[..], path.as_bytes(), content].concat());
        directory
            .extend([b"PK\x01\x02\x14\0", &common[..], &[0; 10], &long(offset), path.as_bytes()].concat());
    }
    let end = [
        b"PK\x05\x06\0\0\0\0",
        &short(files.len())[..],
        &short(files.len()),
        &long(directory.len()),
        &long(bytes.len()),
        &[0, 0],
    ]
    .concat();
    [bytes, directory, end].concat()
}

/// The integrity npm declares of some bytes.
pub(crate) fn integrity(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha512, bytes).integrity()
}

/// The SHA-1 of some bytes.
pub(crate) fn shasum(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha1, bytes).hex()
}

/// The body of `npm publish`.
pub(crate) fn publish_document(name: &str, version: &str, bytes: &[u8]) -> Value {
    let file = format!("{name}-{version}.tgz");
    json!({
        "_id": name,
        "name": name,
        "description": "made by a test",
        "dist-tags": { "latest": version },
        "versions": { version: {
            "_id": format!("{name}@{version}"),
            "name": name,
            "version": version,
            "description": "made by a test",
            "scripts": { "postinstall": "true" },
            "dependencies": { "left-pad": "^1.0.0" },
            "dist": {
                "integrity": integrity(bytes),
                "shasum": shasum(bytes),
                "tarball": format!("http://guessed.test/{name}/-/{file}"),
            },
        } },
        "access": null,
        "_attachments": { file: {
            "content_type": "application/octet-stream",
            "data": STANDARD.encode(bytes),
            "length": bytes.len(),
        } },
    })
}

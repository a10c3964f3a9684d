//! What a machine can check of `ARCHITECTURE.md`: arrows, boundaries, and how long things are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use edgefeed::protocol::PROTOCOLS;
use edgefeed::protocol::catalogue::STOCK_SOURCES;
use std::fs;
use std::path::{Path, PathBuf};

/// An arrow goes from a layer to those after it.
const LAYERS: [&str; 8] = ["edge", "server", "protocol", "service", "store", "error", "platform", "model"];

/// What every protocol's folder has; each is a file, or a folder of that name.
const PROTOCOL_FILES: [&str; 8] =
    ["mod", "route", "name", "wire", "upstream", "listing", "handlers", "error"];

const FILE_LIMIT: usize = 400;
const FILE_LIMIT_WITH_TESTS: usize = 600;
const FUNCTION_LIMIT: usize = 80;

struct Source {
    /// Relative to the repository, with slashes.
    path: String,
    text: String,
}

impl Source {
    /// The layer a file below `src/` belongs to.
    fn layer(&self) -> Option<usize> {
        let below = self.path.strip_prefix("src/")?;
        let name = below.split(['/', '.']).next()?;
        LAYERS.iter().position(|layer| *layer == name)
    }

    /// Lines of code before the tests, numbered from 1; comments and documentation left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let before_tests = self.text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        let numbered = before_tests.enumerate().map(|(index, line)| (index + 1, line));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Is the whole file a test?
    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.starts_with("tests/") || self.path.contains("/tests/")
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files of the given endings below a folder; what was built or installed is no source.
fn files(folder: &str, endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    walk(&root().join(folder), endings, &mut found);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn walk(folder: &Path, endings: &[&str], found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let skipped = ["target", "node_modules", "build", "dist", "pkg"];
        if path.is_dir() {
            let hidden = name.starts_with('.') && name != ".ci";
            if !hidden && !skipped.contains(&name.as_str()) {
                walk(&path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending))
            && let Ok(text) = fs::read_to_string(&path)
        {
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
}

fn sources() -> Vec<Source> {
    let sources = files("src", &[".rs"]);
    assert!(sources.len() > 50, "the tree was not found");
    sources
}

#[track_caller]
fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

/// The modules of this crate that a line of code names: `crate::store::x`, `crate::{error, model}`.
fn modules_named(text: &str) -> Vec<String> {
    let mut named = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("crate::") {
        let before = rest[..at].chars().next_back();
        rest = &rest[at + "crate::".len()..];
        if before.is_some_and(|character| character.is_alphanumeric() || matches!(character, '_' | '$')) {
            continue;
        }
        match rest.strip_prefix('{') {
            Some(group) => named.extend(group_heads(group)),
            None => named.extend(first_word(rest)),
        }
    }
    named
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text
        .trim_start()
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

/// The first names of the members of a `use` group, up to its end.
fn group_heads(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut start) = (1, Vec::new(), 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || depth == 1 && character == ',' {
            heads.extend(first_word(&group[start..at]));
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

#[test]
fn arrows_go_one_way() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(layer) = source.layer() else { continue };
        let lines: Vec<&str> = source.code().map(|(_, line)| line).collect();
        let code = lines.join("\n");
        for module in modules_named(&code) {
            let target = LAYERS.iter().position(|layer| *layer == module);
            if target.is_some_and(|target| target < layer) {
                wrong.push(format!("{} names crate::{module}", source.path));
            }
        }
    }
    assert_none("arrows against the direction", &wrong);
}

#[test]
fn the_scanner_sees_what_it_should() {
    let text =
        "use crate::store::x;\nuse crate::{error::{Error, Result}, model};\nfn f() -> crate::service::T {}";
    assert_eq!(modules_named(text), ["store", "error", "model", "service"]);
    assert_eq!(modules_named("use other_crate::edge;"), [""; 0]);
    assert_eq!(modules_named("use crate::{\n    platform::Body,\n    server,\n};"), ["platform", "server"]);
}

#[test]
fn every_file_belongs_to_a_layer() {
    let outside: Vec<String> =
        sources().into_iter().filter(|source| source.layer().is_none()).map(|source| source.path).collect();
    assert_eq!(outside, ["src/lib.rs"]);
}

/// The runtime stops at the edge.
#[test]
fn the_runtime_is_named_at_the_edge_only() {
    let runtime = ["worker::", "wasm_bindgen", "js_sys", "web_sys", "wasm_streams", "use worker"];
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.path.starts_with("src/edge/")) {
        for (number, line) in source.code() {
            if runtime.iter().any(|name| line.contains(name)) {
                wrong.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none("the runtime named outside src/edge", &wrong);
}

/// No module outside `src/protocol/` knows which protocols there are: neither an identifier nor a text names one.
#[test]
fn no_protocol_is_named_outside_its_folder() {
    let ids = PROTOCOLS.iter().map(|entry| entry.id.as_str());
    let names: Vec<&str> = ids.chain(STOCK_SOURCES.iter().map(|source| source.protocol)).collect();
    let mut wrong = Vec::new();
    for source in
        sources().iter().filter(|source| !source.path.starts_with("src/protocol/") && !source.is_test())
    {
        for (number, line) in source.code() {
            let code = line.split(" // ").next().unwrap_or_default().to_lowercase();
            // A package tool and a registry share this name, and the header is a credential like others.
            let code = code.replace("cargo_pkg_", "").replace("x-nuget-apikey", "");
            let words = code.split(|character: char| !character.is_alphanumeric());
            if words.into_iter().any(|word| names.contains(&word)) {
                wrong.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none("a protocol named outside src/protocol", &wrong);
}

/// The folders of protocols, by their names.
fn protocol_folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("src/protocol")).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
}

#[test]
fn no_protocol_names_another() {
    let names = protocol_folders();
    let names: Vec<&str> = names.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    let mut wrong = Vec::new();
    for name in &names {
        for source in files(&format!("src/protocol/{name}"), &[".rs"]) {
            for other in names.iter().filter(|other| *other != name) {
                let path = format!("protocol::{other}");
                wrong.extend(source.text.contains(&path).then(|| format!("{} names {path}", source.path)));
            }
        }
    }
    assert_none("protocols that know each other", &wrong);
}

#[test]
fn every_protocol_has_the_same_files() {
    let protocols = protocol_folders();
    assert_eq!(protocols.len(), PROTOCOLS.len(), "one folder per protocol");
    for protocol in protocols {
        for name in PROTOCOL_FILES {
            let there =
                protocol.join(format!("{name}.rs")).exists() || protocol.join(name).join("mod.rs").exists();
            assert!(there, "{} lacks `{name}`", protocol.display());
        }
        let mut more: Vec<String> = fs::read_dir(&protocol)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|name| !PROTOCOL_FILES.contains(&name.as_str()))
            .collect();
        more.sort();
        assert_none(&format!("{} has more than the others", protocol.display()), &more);
    }
}

/// The key space is one file.
#[test]
fn keys_are_spelled_in_one_place() {
    let mut wrong = Vec::new();
    let prefixes = ["\"v1/", "\"r1/", "\"p1/"];
    for source in sources() {
        // The compliance suite's keys are its own, and are removed after it.
        if source.path == "src/store/keys.rs" || source.path.starts_with("src/platform/") || source.is_test()
        {
            continue;
        }
        for (number, line) in source.code() {
            if prefixes.iter().any(|prefix| line.contains(prefix)) {
                wrong.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none("keys spelled outside src/store/keys.rs", &wrong);
}

/// The addresses of public registries stand in the catalogue and nowhere else, tests, tools and documents included.
#[test]
fn public_registries_are_named_in_the_catalogue_only() {
    let hosts: Vec<String> = STOCK_SOURCES
        .iter()
        .filter_map(|source| Some(url::Url::parse(source.location).ok()?.host_str()?.to_owned()))
        .collect();
    assert!(hosts.len() >= 6);
    let endings =
        [".rs", ".toml", ".mjs", ".js", ".ts", ".sh", ".html", ".yml", ".yaml", ".jsonc", "Makefile", ".md"];
    // Lock files and recorded packages say where things came from.
    let mut wrong = Vec::new();
    for source in files("", &endings) {
        if source.path == "src/protocol/catalogue.rs" || source.path.starts_with("tests/fixtures/") {
            continue;
        }
        for (index, line) in source.text.lines().enumerate() {
            // Documentation may link to a registry's pages; `docs.` and `www.` are not registries.
            if let Some(host) = hosts.iter().find(|host| names_host(line, host)) {
                wrong.push(format!("{}:{}: {host}", source.path, index + 1));
            }
        }
    }
    assert_none("public registries named outside the catalogue", &wrong);
}

fn names_host(line: &str, host: &str) -> bool {
    line.match_indices(host).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + host.len()..].chars().next();
        let joined = |character: char| character.is_alphanumeric() || matches!(character, '.' | '-' | '@');
        !before.is_some_and(joined) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[test]
fn files_are_short() {
    let mut wrong = Vec::new();
    for source in sources().into_iter().chain(files("tests", &[".rs"])) {
        let all = source.text.lines().count();
        let code = source.text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
        let limit = if source.is_test() { FILE_LIMIT_WITH_TESTS } else { FILE_LIMIT };
        if code > limit || all > FILE_LIMIT_WITH_TESTS {
            wrong.push(format!("{}: {code} lines, {all} with tests", source.path));
        }
    }
    assert_none("files over 400 lines, or 600 with tests", &wrong);
}

#[test]
fn functions_are_short() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (name, line, length) in functions(&source.text) {
            if length > FUNCTION_LIMIT {
                wrong.push(format!("{}:{line}: {name} has {length} lines", source.path));
            }
        }
    }
    assert_none("functions over 80 lines", &wrong);
}

/// Name, first line and length of every function, by the indentation that rustfmt guarantees.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indentation = line.len() - code.len();
        let words: Vec<&str> = code.split_whitespace().take(5).collect();
        let Some(at) = words.iter().position(|word| *word == "fn") else { continue };
        if !words[..at]
            .iter()
            .all(|word| word.starts_with("pub") || matches!(*word, "const" | "async" | "unsafe"))
        {
            continue;
        }
        let name = words.get(at + 1).copied().unwrap_or_default();
        let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let end = lines[index..].iter().position(|line| {
            let code = line.trim_start();
            line.len() - code.len() == indentation
                && (code == "}" || code.ends_with(';') || code.ends_with(" }") || code.ends_with("{}"))
        });
        found.push((name, index + 1, end.unwrap_or_default() + 1));
    }
    found
}

#[test]
fn functions_are_measured() {
    let text = "impl X {\n    fn one(&self) {\n        two();\n    }\n\n    fn short() -> u8 { 1 }\n}\n\npub(crate) async fn last(\n    x: u8,\n) -> u8 {\n    x\n}\n";
    let measured: Vec<_> = functions(text).into_iter().map(|(name, _, length)| (name, length)).collect();
    assert_eq!(measured, [("one".to_owned(), 3), ("short".to_owned(), 1), ("last".to_owned(), 5)]);
}

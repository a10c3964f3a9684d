//! [Core metadata](https://packaging.python.org/en/latest/specifications/core-metadata/) of every version, 1.0 to those
//! to come: fields are taken as they are, and none is refused for being unknown.

use serde_json::{Map, Value};

/// Fields that may be given several times, as project JSON names them; and how metadata files and upload forms do.
const LISTS: [(&str, &[&str]); 8] = [
    ("classifiers", &["classifier", "classifiers"]),
    ("dynamic", &["dynamic"]),
    ("license_files", &["license_file", "license_files"]),
    ("platform", &["platform", "platforms"]),
    ("project_urls", &["project_url", "project_urls"]),
    ("provides_extra", &["provides_extra", "provides_extras"]),
    ("requires_dist", &["requires_dist"]),
    ("import_names", &["import_name", "import_names"]),
];

/// Fields that are given once.
const SINGLES: [&str; 16] = [
    "author",
    "author_email",
    "description",
    "description_content_type",
    "download_url",
    "home_page",
    "keywords",
    "license",
    "license_expression",
    "maintainer",
    "maintainer_email",
    "metadata_version",
    "name",
    "requires_python",
    "summary",
    "version",
];

/// Bytes of what is kept of a version for project JSON.
const KEPT_LIMIT: usize = 64 << 10;

/// What a distribution says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata(Map<String, Value>);

impl Metadata {
    /// Reads a metadata file: headers as in mail, then the description.
    pub(crate) fn parse(text: &str) -> Self {
        let mut metadata = Self::default();
        let mut field: Option<(String, String)> = None;
        let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        while !rest.is_empty() {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            let line = line.strip_suffix('\r').unwrap_or(line);
            rest = after;
            if line.is_empty() {
                break;
            }
            match (&mut field, line.strip_prefix([' ', '\t'])) {
                (Some((_, value)), Some(more)) => {
                    value.push('\n');
                    value.push_str(more);
                }
                (_, Some(_)) => {}
                (_, None) => {
                    let (name, value) = line.split_once(':').unwrap_or((line, ""));
                    if let Some((name, value)) = field.replace((name.to_owned(), value.trim().to_owned())) {
                        metadata.add(&name, &value);
                    }
                }
            }
        }
        if let Some((name, value)) = field {
            metadata.add(&name, &value);
        }
        if !rest.trim().is_empty() {
            metadata.add("description", rest);
        }
        metadata
    }

    /// Takes a field in, by any of its names; the first value of a single one counts.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        let name = name.trim().to_ascii_lowercase().replace('-', "_");
        if value.is_empty() || value == "UNKNOWN" {
            return;
        }
        if let Some((list, _)) = LISTS.iter().find(|(_, names)| names.contains(&name.as_str())) {
            let values = self.0.entry(*list).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(values) = values {
                values.push(Value::from(value));
            }
        } else if SINGLES.contains(&name.as_str()) {
            self.0.entry(name).or_insert_with(|| Value::from(value));
        }
    }

    /// A field that is given once.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// What is kept with the version: everything but the long description.
    pub(crate) fn kept(mut self) -> Map<String, Value> {
        self.0.shift_remove("description");
        if serde_json::to_string(&self.0).map_or(0, |text| text.len()) > KEPT_LIMIT {
            self.0.retain(|name, value| {
                matches!(name.as_str(), "name" | "version" | "requires_python") && value.is_string()
            });
        }
        self.0
    }

    /// Takes back what was kept.
    pub(crate) fn from_kept(kept: Map<String, Value>) -> Self {
        Self(kept)
    }

    /// `info` of project JSON: every field clients read is there.
    pub(crate) fn info(mut self) -> Map<String, Value> {
        self.0.shift_remove("metadata_version");
        let urls = match self.0.shift_remove("project_urls") {
            Some(Value::Array(urls)) => urls,
            _ => Vec::new(),
        };
        let urls: Map<String, Value> = urls
            .iter()
            .filter_map(|url| url.as_str()?.split_once(','))
            .map(|(label, url)| (label.trim().to_owned(), Value::from(url.trim())))
            .collect();
        let mut info = Map::new();
        for name in SINGLES.iter().filter(|name| **name != "metadata_version") {
            let value = self.0.shift_remove(*name);
            let optional = matches!(
                *name,
                "requires_python"
                    | "license_expression"
                    | "description_content_type"
                    | "download_url"
                    | "home_page"
            );
            let empty = || if optional { Value::Null } else { Value::from("") };
            info.insert((*name).to_owned(), value.unwrap_or_else(empty));
        }
        for (name, _) in LISTS.iter().filter(|(name, _)| *name != "project_urls") {
            info.insert((*name).to_owned(), self.0.shift_remove(*name).unwrap_or(Value::Null));
        }
        if info["classifiers"].is_null() {
            info["classifiers"] = Value::Array(Vec::new());
        }
        info.insert(
            "project_urls".to_owned(),
            if urls.is_empty() { Value::Null } else { Value::Object(urls) },
        );
        info
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn metadata_files_are_read() {
        let text = "Metadata-Version: 2.9\r\nName: my.pkg\nVersion: 1.0\nSummary: one\n  two\nClassifier: A\nClassifier: B\n\
                    Requires-Dist: x>=1; extra == 'y'\nProject-URL: Home, https://h.example\nFuture-Field: z\n\
                    License: UNKNOWN\nRequires-Python: >=3.8\n\n# Title\n\nName: not a field\n";
        let metadata = Metadata::parse(text);
        assert_eq!(metadata.text("name"), Some("my.pkg"));
        assert_eq!(metadata.text("summary"), Some("one\n two"));
        let info = metadata.clone().info();
        assert_eq!(info["classifiers"], serde_json::json!(["A", "B"]));
        assert_eq!(info["project_urls"]["Home"], "https://h.example");
        assert_eq!(info["description"], "# Title\n\nName: not a field\n");
        assert_eq!(info["license"], "");
        assert!(info["license_expression"].is_null());
        assert!(metadata.clone().kept().get("description").is_none());
        assert_eq!(Metadata::from_kept(metadata.kept()).info()["requires_dist"][0], "x>=1; extra == 'y'");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut metadata = Metadata::default();
        metadata.add("name", "n");
        for index in 0..10_000 {
            metadata.add("requires_dist", &format!("dependency-{index}"));
        }
        assert_eq!(Value::Object(metadata.kept()), serde_json::json!({"name": "n"}));
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            Metadata::parse(&text).info();
        }
    }
}

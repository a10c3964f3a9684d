//! What is read of a project's own description ([POM](https://maven.apache.org/pom.html)): what listings say of it. Out of
//! scope: everything that builds need, which is for clients.

use serde_json::{Map, Value};

/// Characters of a text that is kept.
const TEXT_LIMIT: usize = 1_000;

/// Packaging, name and description of a project, as far as it says; `None` for what is no project.
pub(in super::super) fn facts(document: &[u8]) -> Option<Map<String, Value>> {
    let mut facts = Map::new();
    super::elements(document, "project", &mut |path, text| {
        if let ([field @ ("packaging" | "name" | "description")], Some(text)) = (path, text) {
            let text: String = text.chars().take(TEXT_LIMIT).collect();
            facts.insert((*field).to_owned(), text.into());
        }
    })?;
    Some(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_says_what_it_is() {
        let facts = facts(
            b"<project><name>A &amp; B</name><packaging>maven-plugin</packaging><parent><name>no</name></parent>\
              <description>d</description></project>",
        );
        let expected =
            serde_json::json!({ "name": "A & B", "packaging": "maven-plugin", "description": "d" });
        assert_eq!(facts.map(Value::Object), Some(expected));
        assert_eq!(super::facts(b"<metadata/>"), None);
        assert_eq!(super::facts(b"not XML"), None);
    }
}

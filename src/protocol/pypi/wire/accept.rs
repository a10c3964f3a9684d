//! Which form of the index a client wants ([PEP 691](https://peps.python.org/pep-0691/#version-format-selection)).

/// The forms of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// HTML, as `text/html`.
    Html,
    /// HTML, by its versioned name.
    HtmlV1,
    /// JSON.
    Json,
}

/// In the order in which equally welcome ones are chosen.
const FORMS: [(Wanted, &str); 3] =
    [(Wanted::Html, "text/html"), (Wanted::Json, super::JSON), (Wanted::HtmlV1, super::HTML_V1)];

/// Chooses by `Accept`: HTML where the client does not say, or accepts none of the forms.
pub(crate) fn choose(accept: &str) -> Wanted {
    let mut best = (0, Wanted::Html);
    for (form, media) in FORMS {
        let quality = quality(accept, media);
        if quality > best.0 {
            best = (quality, form);
        }
    }
    best.1
}

/// How welcome a media type is, 0 to 1,000, by the most specific range that covers it
/// ([RFC 9110 section 12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1)).
fn quality(accept: &str, media: &str) -> u32 {
    let mut best = (0, 0);
    for range in accept.split(',') {
        let mut parts = range.split(';');
        let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        // The version of today is the latest one.
        let name = name.replace("simple.latest+", "simple.v1+");
        let specificity = match name.as_str() {
            name if name == media => 3,
            name if name.strip_suffix("/*").is_some_and(|kind| media.split('/').next() == Some(kind)) => 2,
            "*/*" => 1,
            _ => continue,
        };
        let quality = parts.find_map(weight).unwrap_or(1000);
        if specificity > best.0 || specificity == best.0 && quality > best.1 {
            best = (specificity, quality);
        }
    }
    best.1
}

/// The value of `q=0.5`, in thousandths.
fn weight(parameter: &str) -> Option<u32> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    if whole != "0" {
        return Some(1000);
    }
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some(digits.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_most_welcome_form_is_chosen() {
        let pip = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
        for (accept, wanted) in [
            (pip, Wanted::Json),
            ("", Wanted::Html),
            ("*/*", Wanted::Html),
            ("text/html", Wanted::Html),
            ("application/json", Wanted::Html),
            ("application/vnd.pypi.simple.v1+json, */*;q=0.1", Wanted::Json),
            ("application/vnd.pypi.simple.latest+json", Wanted::Json),
            ("application/vnd.pypi.simple.latest+html", Wanted::HtmlV1),
            ("APPLICATION/VND.PyPI.Simple.V1+HTML", Wanted::HtmlV1),
            ("application/vnd.pypi.simple.v1+json;q=0.2,text/html;q=0.9", Wanted::Html),
            ("text/html;q=0, application/*", Wanted::Json),
            ("application/vnd.pypi.simple.v1+json; q=0, application/*;q=0.5", Wanted::HtmlV1),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Wanted::Html),
            ("application/vnd.pypi.simple.v2+json, application/vnd.pypi.simple.v1+json;q=0.5", Wanted::Json),
        ] {
            assert_eq!(choose(accept), wanted, "{accept}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            choose(&text);
        }
    }
}

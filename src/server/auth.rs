//! Who sent a request: from its headers to a [`Principal`].
//!
//! Accepted: Basic with any user name and the token as password, Bearer, `X-NuGet-ApiKey`, and a bare token or `Basic …`
//! as the whole header. Never sent: `X-VSS-*` headers, which would make Microsoft's credential provider take over.

use super::config::Config;
use crate::error::{Error, Result};
use crate::model::{Digest, Principal, Secret, TokenText};
use crate::platform::{Headers, Platform, header};
use crate::service;
use crate::store::tokens;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The caller. A token that is no longer valid is an error even where anonymous callers are welcome: its owner should
/// learn about it.
pub(super) async fn principal<P: Platform>(
    platform: &P,
    config: &Config,
    headers: &Headers,
) -> Result<Principal> {
    let Some(secret) = credential(headers) else { return Ok(Principal::Anonymous) };
    if config.root_token.as_ref().is_some_and(|root| same(root, &secret)) {
        return Ok(Principal::Root);
    }
    let unknown = || {
        Error::Unauthenticated("this token is not known here; ask an owner of the feed for one".to_owned())
    };
    if secret.expose().starts_with("v3.public.") {
        let text = "asymmetric tokens (PASETO) are not supported here; send a token of this server's instead";
        return Err(Error::Unauthenticated(text.to_owned()).into());
    }
    let text = TokenText::parse(secret.expose()).ok_or_else(unknown)?;
    let token = tokens::find(platform, &text).await?.ok_or_else(unknown)?;
    let token = service::tokens::authenticate(platform, &token).await?;
    tokens::note_use(platform, &token);
    Ok(Principal::Token(Box::new(token)))
}

/// The secret a request carries, in any of the accepted forms.
pub(super) fn credential(headers: &Headers) -> Option<Secret> {
    let text = |name: &str| headers.get(name).map(str::trim);
    let from_header = text(header::AUTHORIZATION).filter(|value| !value.is_empty()).and_then(|value| {
        match value.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => password(rest.trim()),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => Some(rest.trim().to_owned()),
            Some(_) => None,
            None if ["basic", "bearer"].iter().any(|scheme| value.eq_ignore_ascii_case(scheme)) => None,
            None => Some(value.to_owned()),
        }
    });
    from_header
        .or_else(|| text("x-nuget-apikey").map(str::to_owned))
        .filter(|text| !text.is_empty())
        .map(Secret::new)
}

/// The password of Basic credentials; a token in place of the user name is taken too.
fn password(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':').unwrap_or((&decoded, ""));
    Some(if password.is_empty() { user } else { password }.to_owned())
}

/// Compares hashes, so that the time it takes tells nothing about the secret.
fn same(one: &Secret, other: &Secret) -> bool {
    let hash = |secret: &Secret| Digest::sha256(secret.expose().as_bytes());
    hash(one) == hash(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential_of(name: &'static str, value: &str) -> Option<String> {
        let mut headers = Headers::new();
        headers.insert(name, value);
        credential(&headers).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn every_accepted_form_gives_the_token() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for (name, value) in [
            ("authorization", basic("anyone:tok")),
            ("authorization", basic(":tok")),
            ("authorization", basic("tok:")),
            ("authorization", basic("tok")),
            ("authorization", "Bearer tok".to_owned()),
            ("authorization", "bearer tok".to_owned()),
            ("authorization", "tok".to_owned()),
            ("x-nuget-apikey", "tok".to_owned()),
        ] {
            assert_eq!(credential_of(name, &value).as_deref(), Some("tok"), "{name}: {value}");
        }
        for value in ["", "Digest x", "Basic ???", "Basic "] {
            assert_eq!(credential_of("authorization", value), None, "{value}");
        }
    }
}

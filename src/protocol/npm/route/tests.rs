//! The route table, row by row.

use super::*;
use proptest::prelude::*;

/// `endpoint name: what it holds`, or the error.
fn show(method: &Method, path: &str) -> String {
    let (tail, query) = path.split_once('?').map_or((path, None), |(tail, query)| (tail, Some(query)));
    let endpoint = match route(method, tail, query).map_err(|error| *error) {
        Ok(endpoint) => endpoint,
        Err(Error::Invalid(_)) => return "invalid".to_owned(),
        Err(Error::NotFound(_)) => return "not found".to_owned(),
        Err(Error::MethodNotAllowed { allow }) => return format!("allow {allow}"),
        Err(error) => return format!("{error:?}"),
    };
    let held = match &endpoint {
        Endpoint::Packument { name } | Endpoint::Publish { name } | Endpoint::DistTags { name } => {
            name.key().to_owned()
        }
        Endpoint::VersionManifest { name, selector } => format!("{name} {selector}"),
        Endpoint::Tarball { name, file, version } => format!("{name} {file} {version}"),
        Endpoint::DeleteTarball { name, version, rev } => format!("{name} {version} {rev}"),
        Endpoint::UpdatePackument { name, rev } | Endpoint::DeletePackage { name, rev } => {
            format!("{name} {rev}")
        }
        Endpoint::SetDistTag { name, tag } | Endpoint::RemoveDistTag { name, tag } => format!("{name} {tag}"),
        Endpoint::Search { query } => format!("{:?} {} {}", query.text, query.size, query.from),
        Endpoint::LegacyLogin { user } => user.clone(),
        Endpoint::UserProfile { user } => user.clone().unwrap_or_default(),
        Endpoint::Logout { token } => token.expose().to_owned(),
        Endpoint::Attestations { name, version } => format!("{name} {version}"),
        Endpoint::NotOffered { what } => (*what).to_owned(),
        _ => String::new(),
    };
    format!("{}: {held}", endpoint.name()).trim_end_matches([':', ' ']).to_owned()
}

#[test]
fn what_clients_send_about_packages() {
    for (method, path, shown) in [
        (Method::GET, "", "root"),
        (Method::GET, "lodash", "packument: lodash"),
        (Method::HEAD, "lodash", "packument: lodash"),
        (Method::GET, "JSONStream?write=true", "packument: JSONStream"),
        (Method::GET, "@s%2fn", "packument: @s/n"),
        (Method::GET, "@s%2Fn", "packument: @s/n"),
        (Method::GET, "@s/n", "packument: @s/n"),
        (Method::GET, "%40s%2fn", "packument: @s/n"),
        (Method::GET, "%40s/n", "packument: @s/n"),
        (Method::GET, "-", "packument: -"),
        (Method::GET, "lodash/4.17.21", "version-manifest: lodash 4.17.21"),
        (Method::GET, "@s%2fn/latest", "version-manifest: @s/n latest"),
        (Method::GET, "@s/n/latest", "version-manifest: @s/n latest"),
        (Method::GET, "lodash/-/lodash-4.17.21.tgz", "tarball: lodash lodash-4.17.21.tgz 4.17.21"),
        (Method::GET, "@s/lib/-/lib-1.0.0-rc.1.tgz", "tarball: @s/lib lib-1.0.0-rc.1.tgz 1.0.0-rc.1"),
        (Method::GET, "@s%2flib/-/lib-1.0.0.tgz", "tarball: @s/lib lib-1.0.0.tgz 1.0.0"),
        (Method::GET, "-/-/--0.0.1.tgz", "tarball: - --0.0.1.tgz 0.0.1"),
        (Method::PUT, "@s%2fn", "publish: @s/n"),
        (Method::PUT, "n/-rev/3-abc", "update-packument: n 3-abc"),
        (Method::DELETE, "@s%2fn/-rev/3-abc", "delete-package: @s/n 3-abc"),
        (Method::DELETE, "n/-/n-1.0.0.tgz/-rev/4-d", "delete-tarball: n 1.0.0 4-d"),
        (
            Method::DELETE,
            "acme/_packaging/main/npm/registry/@s/n/-/n-1.0.0.tgz/-rev/4-d",
            "delete-tarball: @s/n 1.0.0 4-d",
        ),
        (
            Method::DELETE,
            "acme/project/_packaging/main@view/npm/Registry/n/-/n-1.0.0.tgz/-rev/4-d",
            "delete-tarball: n 1.0.0 4-d",
        ),
        (Method::GET, "-/package/@s%2fn/dist-tags", "dist-tags: @s/n"),
        (Method::GET, "-/package/@s/n/dist-tags", "dist-tags: @s/n"),
        (Method::PUT, "-/package/n/dist-tags/beta", "set-dist-tag: n beta"),
        (Method::POST, "-/package/n/dist-tags/beta", "set-dist-tag: n beta"),
        (Method::DELETE, "-/package/n/dist-tags/beta", "remove-dist-tag: n beta"),
    ] {
        assert_eq!(show(&method, path), shown, "{method} {path}");
    }
}

#[test]
fn what_clients_send_besides() {
    for (method, path, shown) in [
        (Method::GET, "-/v1/search?text=a%20b+c&size=5&from=10&quality=0.65", "search: \"a b c\" 5 10"),
        (Method::GET, "-/v1/search?size=9999", "search: \"\" 250 0"),
        (Method::GET, "-/v1/search", "search: \"\" 20 0"),
        (Method::GET, "-/whoami", "whoami"),
        (Method::GET, "-/ping", "ping"),
        (Method::GET, "-/ping?write=true", "ping"),
        (Method::PUT, "-/user/org.couchdb.user:jo", "legacy-login: jo"),
        (Method::PUT, "-/user/org.couchdb.user%3ajo/-rev/1-a", "legacy-login: jo"),
        (Method::GET, "-/user/org.couchdb.user:jo?write=true", "user-profile: jo"),
        (Method::GET, "-/npm/v1/user", "user-profile"),
        (Method::POST, "-/v1/login", "web-login"),
        (Method::DELETE, "-/user/token/efp_abc", "logout: efp_abc"),
        (Method::GET, "-/npm/v1/tokens", "tokens"),
        (Method::POST, "-/npm/v1/tokens", "create-token"),
        (Method::DELETE, "-/npm/v1/tokens/token/abc", "revoke-token"),
        (Method::POST, "-/npm/v1/security/advisories/bulk", "audit-bulk"),
        (Method::POST, "-/npm/v1/security/audits/quick", "audit-quick"),
        (Method::POST, "-/npm/v1/security/audits", "audit-quick"),
        (Method::GET, "-/npm/v1/keys", "keys"),
        (Method::GET, "-/npm/v1/attestations/n@1.0.0", "attestations: n 1.0.0"),
        (Method::GET, "-/npm/v1/attestations/@s%2fn@1.0.0", "attestations: @s/n 1.0.0"),
        (Method::GET, "-/npm/v1/attestations/@s/n@1.0.0", "attestations: @s/n 1.0.0"),
        (Method::GET, "-/_view/starredByUser?key=%22jo%22", "starred-by-user"),
    ] {
        assert_eq!(show(&method, path), shown, "{method} {path}");
    }
}

#[test]
fn what_is_not_offered_says_so() {
    for (method, path) in [
        (Method::GET, "-/package/@s%2fn/visibility"),
        (Method::POST, "-/package/n/access"),
        (Method::GET, "-/package/n/collaborators"),
        (Method::GET, "-/package/n/trust"),
        (Method::DELETE, "-/package/n/trust/7"),
        (Method::GET, "-/org/o/package"),
        (Method::GET, "-/user/u/package"),
        (Method::GET, "-/team/o/t/user"),
        (Method::POST, "-/stage/package/n"),
        (Method::GET, "-/stage?page=0"),
        (Method::POST, "-/npm/v1/user"),
        (Method::GET, "-/all"),
    ] {
        assert!(show(&method, path).starts_with("not-offered: "), "{method} {path}: {}", show(&method, path));
    }
}

#[test]
fn what_is_refused() {
    for (method, path, shown) in [
        (Method::POST, "", "allow GET, HEAD"),
        (Method::DELETE, "n", "allow GET, HEAD, PUT"),
        (Method::GET, "n/-rev/1", "allow PUT, DELETE"),
        (Method::PUT, "n/1.0.0", "allow GET, HEAD"),
        (Method::PUT, "n/-/n-1.0.0.tgz", "allow GET, HEAD"),
        (Method::PUT, "n/-/n-1.0.0.tgz/-rev/1", "allow DELETE"),
        (Method::GET, "-/package/n/dist-tags/beta", "allow PUT, POST, DELETE"),
        (Method::GET, "-/user/token/x", "allow DELETE"),
        (Method::PATCH, "-/ping", "allow GET, HEAD"),
        (Method::GET, "-/npm/v1/security/advisories/bulk", "allow POST"),
        (Method::GET, "n/-/n-1.0.tgz", "not found"),
        (Method::GET, "n/-/other-1.0.0.tgz", "not found"),
        (Method::GET, "n/-", "not found"),
        (Method::GET, "n/-/a/b/c", "not found"),
        (Method::GET, "-/nothing", "not found"),
        (Method::GET, "-/npm/v1/nothing", "not found"),
        (Method::GET, "-/npm/v1/attestations/n", "not found"),
        (Method::GET, "-/user/jo", "not found"),
        (Method::GET, "-/package", "not found"),
        (Method::GET, "/lodash", "invalid"),
        (Method::GET, "lodash/", "invalid"),
        (Method::GET, "a//b", "invalid"),
        (Method::GET, "..", "invalid"),
        (Method::GET, "%2e%2e", "invalid"),
        (Method::GET, "@s%2f..", "invalid"),
        (Method::GET, "@s/%2E%2E/x", "invalid"),
        (Method::GET, "@s%252fn", "invalid"),
        (Method::GET, "%252e%252e", "invalid"),
        (Method::GET, "n%00", "invalid"),
        (Method::GET, "n%5cm", "invalid"),
        (Method::GET, "n%2fm", "invalid"),
        (Method::GET, "n/a%2fb", "invalid"),
        (Method::GET, "@s%2fn%2fm", "invalid"),
        (Method::GET, "n%ff", "invalid"),
        (Method::GET, "n%", "invalid"),
        (Method::GET, "n%2", "invalid"),
        (Method::GET, "n%zz", "invalid"),
        (Method::GET, "n%+1", "invalid"),
        (Method::GET, "@s", "invalid"),
        (Method::GET, "node_modules", "invalid"),
        (Method::GET, "acme/_packaging/main/npm/registry/n", "not found"),
        (Method::DELETE, "acme/_packaging/main/npm/registry", "not found"),
        (Method::PUT, "-/package/n/dist-tags/1.x", "invalid"),
        (Method::GET, "-/npm/v1/attestations/n@latest", "invalid"),
        (Method::GET, "-/v1/search?size=many", "invalid"),
        (Method::GET, &"x".repeat(215), "invalid"),
        (Method::GET, &"x".repeat(2000), "invalid"),
    ] {
        assert_eq!(show(&method, path), shown, "{method} {path}");
    }
}

#[test]
fn rights() {
    for (method, path, right) in [
        (Method::GET, "n", Some(Action::Read)),
        (Method::GET, "n/-/n-1.0.0.tgz", Some(Action::Read)),
        (Method::POST, "-/npm/v1/security/audits", Some(Action::Read)),
        (Method::PUT, "n", Some(Action::Publish)),
        (Method::PUT, "n/-rev/1", Some(Action::Publish)),
        (Method::DELETE, "-/package/n/dist-tags/beta", Some(Action::Publish)),
        (Method::DELETE, "n/-rev/1", Some(Action::Delete)),
        (Method::DELETE, "n/-/n-1.0.0.tgz/-rev/1", Some(Action::Delete)),
        (Method::GET, "-/whoami", None),
        (Method::DELETE, "-/user/token/x", None),
        (Method::GET, "-/org/o/user", None),
    ] {
        assert_eq!(action(&route(&method, path, None).unwrap()), right, "{method} {path}");
    }
}

#[test]
fn a_token_in_the_path_is_never_printed() {
    let endpoint = route(&Method::DELETE, "-/user/token/efp_secret", None).unwrap();
    assert!(!format!("{endpoint:?} {}", endpoint.name()).contains("secret"));
}

proptest! {
    #[test]
    fn never_panics(path in "[@a-z0-9%/.\\-_:?=&\"2fF5c\\PC]{0,60}", method in prop::sample::select(&["GET", "PUT", "POST", "DELETE", "PATCH"][..])) {
        let _ = show(&method.parse().unwrap(), &path);
    }

    #[test]
    fn every_spelling_of_a_scoped_name_is_one(scope in "[a-z][a-z0-9-]{0,8}", base in "[a-z][a-z0-9._-]{0,8}") {
        let wanted = format!("packument: @{scope}/{base}");
        for at in ["@", "%40"] {
            for slash in ["/", "%2f", "%2F"] {
                prop_assert_eq!(show(&Method::GET, &format!("{at}{scope}{slash}{base}")), &wanted[..]);
            }
        }
    }

    #[test]
    fn no_name_holds_a_path_trick(path in "[@a%2e.5cfF/\\\\0-]{0,24}") {
        if let Ok(Endpoint::Packument { name }) = route(&Method::GET, &path, None) {
            let parts: Vec<_> = name.key().split('/').collect();
            prop_assert!(parts.len() == 1 || (parts.len() == 2 && name.key().starts_with('@')));
            prop_assert!(parts.iter().all(|part| !part.is_empty() && !part.starts_with('.')));
            prop_assert!(!name.key().contains(['%', '\\', '\0']));
        }
    }
}

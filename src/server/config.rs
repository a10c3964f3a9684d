//! What a deployment is configured with.

use crate::model::{Address, Keyring, Secret, SortedMap, json};
use crate::service::Settings;

/// A deployment's configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The bootstrap secret: creates organizations, opens no packages.
    pub root_token: Option<Secret>,
    /// Hosts that serve one feed at their root.
    pub hosts: HostFeeds,
    /// What every feed is subject to.
    pub settings: Settings,
    /// Are only failed requests logged? Where a log line costs more than a request: on a laptop.
    pub logs_failures_only: bool,
    /// May the port contracts be checked over HTTP? Development and tests only.
    pub compliance: bool,
}

/// Which feed a host serves at its root.
pub type HostFeeds = SortedMap<String, Address>;

impl Config {
    /// Reads the configuration from variables and secrets; the error says which one is wrong.
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let is_true = |name: &str| get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Ok(Self {
            root_token: get("ROOT_TOKEN").filter(|text| !text.is_empty()).map(Secret::new),
            hosts: hosts(get("HOST_FEEDS").as_deref().unwrap_or("{}"))?,
            settings: Settings {
                allow_private_upstreams: is_true("ALLOW_PRIVATE_UPSTREAMS"),
                keyring: Keyring::new(
                    get("CREDENTIALS_KEY").as_deref(),
                    get("CREDENTIALS_KEY_PREVIOUS").as_deref(),
                )
                .map_err(|reason| format!("CREDENTIALS_KEY or CREDENTIALS_KEY_PREVIOUS {reason}"))?,
            },
            logs_failures_only: get("LOG").is_some_and(|value| value.eq_ignore_ascii_case("failures")),
            compliance: is_true("COMPLIANCE"),
        })
    }
}

fn hosts(text: &str) -> Result<HostFeeds, String> {
    let pairs: SortedMap<String, String> = json::read(text.as_bytes())
        .map_err(|error| format!("HOST_FEEDS is not a JSON object of hosts and feeds: {error}"))?;
    pairs
        .into_iter()
        .map(|(host, feed)| match Address::parse_path(&feed) {
            Ok(address) => Ok((host.to_ascii_lowercase(), address)),
            Err(error) => Err(format!("HOST_FEEDS, host `{host}`: {error}")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_name_feeds() {
        let vars = |name: &str| match name {
            "HOST_FEEDS" => Some(r#"{"NPM.example.com:8787": "acme/main@Release"}"#.to_owned()),
            "ROOT_TOKEN" => Some("s3cret".to_owned()),
            _ => None,
        };
        let config = Config::from_vars(vars).unwrap();
        assert_eq!(config.hosts["npm.example.com:8787"].locator.feed.as_str(), "main");
        assert!(!format!("{config:?}").contains("s3cret"));
        assert!(!config.settings.keyring.can_seal());
        let short = Config::from_vars(|name| (name == "CREDENTIALS_KEY").then(|| "sh0rt".to_owned()));
        let reason = short.unwrap_err();
        assert!(reason.contains("CREDENTIALS_KEY") && !reason.contains("sh0rt"), "{reason}");
        assert!(
            Config::from_vars(|name| (name == "HOST_FEEDS").then(|| r#"{"x": "y"}"#.to_owned())).is_err()
        );
    }
}

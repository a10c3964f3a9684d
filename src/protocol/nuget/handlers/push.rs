//! Publishing packages and their symbols
//! ([push](https://learn.microsoft.com/nuget/api/package-publish-resource#push-a-package)).

use super::super::{name, wire};
use super::receive::{self, Received};
use crate::error::{Error, Missing, Result};
use crate::model::{ArtifactName, Version};
use crate::platform::{Platform, Request};
use crate::protocol::Answer;
use crate::service::publish::{self, Growth, Incoming, IncomingFile};
use crate::service::{FeedContext, Package, delete};
use http::StatusCode;
use serde_json::Value;

/// `PUT v3/package`, and `PUT v3/symbolpackage`: symbols are a further file of their package's version.
pub(super) async fn publish<P: Platform>(
    context: &FeedContext<P>,
    request: Request,
    symbols: bool,
) -> Result<Answer<P>> {
    publish::refuse_view(context)?;
    let Received { package, version, members, content } = receive::receive(context, request).await?;
    let name = name(context, &package, &version, &members, symbols).await;
    let manifest =
        serde_json::value::to_raw_value(&members).map_err(|error| Error::Invalid(error.to_string()).into());
    let (name, manifest) = match (name, manifest) {
        (Ok(name), Ok(manifest)) => (name, manifest),
        (Err(error), _) | (_, Err(error)) => {
            // What cannot be discarded now is swept by the housekeeping.
            let _ = content.discard(&context.platform).await;
            return Err(error);
        }
    };
    let file = IncomingFile { name, content, manifest: None };
    let growth = if symbols { Growth::ByFile } else { Growth::Whole };
    let incoming = Incoming { version, file, companions: Vec::new(), manifest, tags: Vec::new(), growth };
    publish::publish(context, &package, incoming).await?;
    context.trace.note("published");
    Ok(super::text(StatusCode::CREATED, String::new()))
}

/// The name of the file, if it is what belongs to that address; for symbols, if their package is here.
async fn name<P: Platform>(
    context: &FeedContext<P>,
    package: &Package,
    version: &Version,
    members: &wire::Members,
    symbols: bool,
) -> Result<ArtifactName> {
    let types = members.get("packageTypes").and_then(Value::as_array).into_iter().flatten();
    let is_symbols =
        types.filter_map(|kind| kind.get("name")?.as_str()).any(|name| name == wire::nuspec::SYMBOLS);
    let text = match (is_symbols, symbols) {
        (false, false) => return name::archive(package, version),
        (true, true) => {
            let slot = delete::any_slot(context, package, version).await?;
            if slot.is_none_or(|slot| !slot.is_live()) {
                return Err(
                    Error::NotFound(Missing::Version(package.to_string(), version.to_string())).into()
                );
            }
            return name::symbols(package, version);
        }
        (true, false) => {
            "this is a package of symbols: push it to the address for symbols (`v3/symbolpackage`)"
        }
        (false, true) => "this is not a package of symbols: it has no package type `SymbolsPackage`",
    };
    Err(Error::Invalid(text.to_owned()).into())
}

//! Publishing packages and their symbols
//! ([push](https://learn.microsoft.com/nuget/api/package-publish-resource#push-a-package)).

use super::super::name;
use super::receive::{self, Received};
use crate::error::{Error, Missing, Result};
use crate::model::ArtifactName;
use crate::platform::{Body, Platform};
use crate::protocol::Answer;
use crate::service::publish::{self, Growth, Incoming, IncomingFile};
use crate::service::{FeedContext, delete};
use http::{Request, StatusCode};

/// `PUT v3/package`.
pub(super) async fn publish<P: Platform>(
    context: &FeedContext<P>,
    request: Request<Body>,
) -> Result<Answer<P>> {
    publish::refuse_view(context)?;
    let received = receive::receive(&context.platform, request).await?;
    let fault = received.is_symbols().then(|| {
        Error::Invalid(
            "this is a package of symbols: push it to the address for symbols (`v3/symbolpackage`)"
                .to_owned(),
        )
    });
    let name = fault.map_or_else(|| name::archive(&received.package, &received.version), Err);
    put(context, received, name, Growth::Whole).await
}

/// `PUT v3/symbolpackage`: symbols are a further file of their package's version.
pub(super) async fn publish_symbols<P: Platform>(
    context: &FeedContext<P>,
    request: Request<Body>,
) -> Result<Answer<P>> {
    publish::refuse_view(context)?;
    let received = receive::receive(&context.platform, request).await?;
    let name = symbols(context, &received).await;
    put(context, received, name, Growth::ByFile).await
}

/// The name for symbols whose package is here.
async fn symbols<P: Platform>(context: &FeedContext<P>, received: &Received) -> Result<ArtifactName> {
    let (package, version) = (&received.package, &received.version);
    if !received.is_symbols() {
        let text = "this is not a package of symbols: it has no package type `SymbolsPackage` (make it with `-SymbolPackageFormat snupkg`)";
        return Err(Error::Invalid(text.to_owned()));
    }
    let slot = delete::any_slot(context, package, version).await?;
    if slot.is_none_or(|slot| !slot.is_live()) {
        return Err(Error::NotFound(Missing::Version(package.to_string(), version.to_string())));
    }
    name::symbols(package, version)
}

async fn put<P: Platform>(
    context: &FeedContext<P>,
    received: Received,
    name: Result<ArtifactName>,
    growth: Growth,
) -> Result<Answer<P>> {
    let Received { package, version, members, content } = received;
    let manifest =
        serde_json::value::to_raw_value(&members).map_err(|error| Error::Invalid(error.to_string()));
    let (name, manifest) = match (name, manifest) {
        (Ok(name), Ok(manifest)) => (name, manifest),
        (Err(error), _) | (_, Err(error)) => {
            // What cannot be discarded now is swept by the housekeeping.
            let _ = content.discard(&context.platform).await;
            return Err(error);
        }
    };
    let file = IncomingFile { name, content, manifest: None };
    let incoming = Incoming { version, file, companions: Vec::new(), manifest, tags: Vec::new(), growth };
    publish::publish(context, &package, incoming).await?;
    context.trace.note("published");
    Ok(super::done(StatusCode::CREATED))
}

//! From endpoint to answer.

mod complete;
mod odata;
mod push;
mod read;
mod receive;
mod search;
mod vulnerabilities;

use super::listing;
use super::route::Endpoint;
use crate::error::{Error, Missing, Result};
use crate::model::ListingState;
use crate::platform::{Platform, Request};
use crate::protocol::Answer;
use crate::service::{FeedContext, delete, relist};
use bytes::Bytes;
use http::StatusCode;

/// Answers an endpoint.
pub(super) async fn handle<P: Platform>(
    context: &FeedContext<P>,
    endpoint: Endpoint,
    request: Request,
) -> Result<Answer<P>> {
    match endpoint {
        Endpoint::ServiceIndex => read::service_index(context),
        Endpoint::File(package, version, file) => read::file(context, &package, &version, file).await,
        Endpoint::Listing(package, form) => read::listing(context, &package, form).await,
        Endpoint::Leaf(hive, package, version) => read::leaf(context, &package, &version, hive).await,
        Endpoint::Search(wanted) => search::search(context, &wanted).await,
        Endpoint::Complete(wanted, None) => complete::ids(context, &wanted).await,
        Endpoint::Complete(wanted, Some(package)) => complete::versions(context, &wanted, &package).await,
        Endpoint::Publish => push::publish(context, request, false).await,
        Endpoint::PublishSymbols => push::publish(context, request, true).await,
        Endpoint::Relist(package, version, listed) => {
            let slot = delete::any_slot(context, &package, &version).await?;
            let message = slot.and_then(|slot| slot.listing.message);
            let listing = ListingState { hidden: !listed, message };
            relist::relist(context, &package, vec![(version, listing)]).await?;
            Ok(text(if listed { StatusCode::OK } else { StatusCode::NO_CONTENT }, String::new()))
        }
        Endpoint::Vulnerabilities(None) => vulnerabilities::index(context).await,
        Endpoint::Vulnerabilities(Some(page)) => vulnerabilities::page(context, &page).await,
        Endpoint::About => Ok(about(context)),
        Endpoint::Service => Ok(xml(listing::atom_service(&base(context)), "application/xml;charset=utf-8")),
        Endpoint::Metadata => Ok(xml(listing::METADATA.to_owned(), "application/xml;charset=utf-8")),
        Endpoint::Query(query) => odata::query(context, &query).await,
        Endpoint::NotOffered(what) => {
            Err(Error::NotFound(Missing::Other(format!("{what}: not offered here"))).into())
        }
    }
}

fn text<P>(status: StatusCode, text: String) -> Answer<P> {
    Answer::Document { status, content_type: "text/plain; charset=utf-8", body: text.into() }
}

fn xml<P>(document: String, content_type: &'static str) -> Answer<P> {
    Answer::Document { status: StatusCode::OK, content_type, body: Bytes::from(document) }
}

/// The root of OData.
fn base<P>(context: &FeedContext<P>) -> String {
    format!("{}v2/", context.root)
}

/// What people see who follow a link of their client's to more about a package, to its owners, or to report abuse.
fn about<P: Platform>(context: &FeedContext<P>) -> Answer<P> {
    let (feed, root) = (&context.locator.feed, &context.root);
    let lines = format!(
        "Feed `{feed}`\n\nPackages are published by those with Contributor or more on this feed; its owners answer for them.\n\
         Source of nuget.exe, dotnet, Visual Studio: {root}v3/index.json\nSource of PowerShell, Chocolatey, nuget 2: {root}v2/\n"
    );
    text(StatusCode::OK, lines)
}

//! From endpoint to answer.

mod project;
mod read;
mod receive;
mod upload;

use super::route::Endpoint;
use crate::error::Result;
use crate::platform::{Platform, Request};
use crate::protocol::Answer;
use crate::service::FeedContext;
use bytes::Bytes;
use http::StatusCode;

/// Answer to XML-RPC: what old clients search with, which no index offers any more.
const XML_RPC_FAULT: &str = "<?xml version=\"1.0\"?>\n<methodResponse><fault><value><struct>\
    <member><name>faultCode</name><value><int>-32500</int></value></member>\
    <member><name>faultString</name><value><string>XML-RPC is not offered: look at the simple index</string></value></member>\
    </struct></value></fault></methodResponse>\n";

/// Answers an endpoint.
pub(super) async fn handle<P: Platform>(
    context: &FeedContext<P>,
    endpoint: Endpoint,
    request: Request,
) -> Result<Answer<P>> {
    match endpoint {
        Endpoint::Root => Ok(root(context)),
        Endpoint::XmlRpc => Ok(Answer::Document {
            status: StatusCode::OK,
            content_type: "text/xml; charset=utf-8",
            body: Bytes::from_static(XML_RPC_FAULT.as_bytes()),
        }),
        Endpoint::Index { format } => read::index(context, format.as_deref(), &request.headers).await,
        Endpoint::Project { name, format } => {
            read::project(context, &name, format.as_deref(), &request.headers).await
        }
        Endpoint::Elsewhere { path } => Ok(Answer::Moved { location: format!("{}{path}", context.root) }),
        Endpoint::File { name, version, file } => read::file(context, &name, &version, &file).await,
        Endpoint::Upload => upload::upload(context, request).await,
        Endpoint::ProjectJson { name, version } => project::document(context, &name, version.as_ref()).await,
    }
}

/// What people see who open the address in a browser.
fn root<P: Platform>(context: &FeedContext<P>) -> Answer<P> {
    let text = format!("index-url: {root}simple/\nupload: {root}upload/\n", root = context.root);
    Answer::Document { status: StatusCode::OK, content_type: "text/plain; charset=utf-8", body: text.into() }
}

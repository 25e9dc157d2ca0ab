//! A query that the server is told to hold: all its reads there are of one moment, until we let go.

use crate::call::body;
use crate::connect::Link;
use crate::error;
use arrow_flight::Action;
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt, Shared};
use headwater_core::wire::{HeldAnswer, HoldQuery, action};
use headwater_core::{Error, ErrorKind, Result, ScanContext};
use std::sync::{Arc, Mutex};
use tonic::{Request, Streaming};

/// The open call; ended when dropped. Behind a lock only because it is shared, never used.
type Call = Arc<Mutex<Option<Streaming<arrow_flight::Result>>>>;

/// In the query's scope, and gone with it.
struct Held(Shared<BoxFuture<'static, Result<Call, Arc<Error>>>>);

/// Waits until the server holds the context's query. A server that does not know how is read without.
pub(crate) async fn hold(link: &Arc<Link>, context: &ScanContext) -> Result<()> {
    let scans = u64::try_from(context.scope.scans()).unwrap_or(u64::MAX);
    let question = HoldQuery { catalog: link.config.catalog.clone(), scans };
    let call = Action { r#type: action::HOLD_QUERY.to_owned(), body: body(&question)?.into() };
    let request = link.request(call, Some(context))?;
    let held = context.scope.get_or_init(|| Held(held(Arc::clone(link), request).boxed().shared()));
    let error = match held.0.clone().await {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    // The same error for each who waited.
    let again = Error::new(error.kind(), error.to_string()).with_retry(error.retry());
    Err(match error.hint() {
        Some(hint) => again.with_hint(hint.to_owned()),
        None => again,
    })
}

async fn held(link: Arc<Link>, request: Request<Action>) -> Result<Call, Arc<Error>> {
    let asked = async {
        let answers = link.client().await?.do_action(request).await;
        let mut answers = answers.map_err(|status| error::from_status(&status, &link.config))?.into_inner();
        match answers.next().await {
            Some(Ok(answer)) => link.parsed::<HeldAnswer>(&answer.body).map(|_| answers),
            Some(Err(status)) => Err(error::in_answer(&status, &link.config)),
            None => Err(error::unexpected("there is no answer", &link.config)),
        }
    };
    match link.in_time(asked).await {
        Ok(answers) => Ok(Arc::new(Mutex::new(Some(answers)))),
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Arc::default()),
        Err(error) => Err(Arc::new(error)),
    }
}

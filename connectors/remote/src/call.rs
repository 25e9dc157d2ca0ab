//! Questions to the server, each a JSON object, and their answers.

use crate::connect::Link;
use crate::error;
use arrow_flight::Action;
use futures::StreamExt;
use headwater_core::wire::{SchemasPage, SplitsPage, TablesPage};
use headwater_core::{Error, Result, ScanContext, WIRE_VERSION};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::Arc;
use tonic::Streaming;

/// An answer in parts.
pub(crate) trait Page: DeserializeOwned {
    /// Whether this is the last part.
    fn is_end(&self) -> bool;
}

impl Page for SchemasPage {
    fn is_end(&self) -> bool {
        self.end
    }
}

impl Page for TablesPage {
    fn is_end(&self) -> bool {
        self.end
    }
}

impl Page for SplitsPage {
    fn is_end(&self) -> bool {
        self.end
    }
}

/// The parts of an answer, as they come. Dropping it cancels the call.
pub(crate) struct Pages<P> {
    link: Arc<Link>,
    answers: Streaming<arrow_flight::Result>,
    ended: bool,
    page: PhantomData<fn() -> P>,
}

impl<P: Page> Pages<P> {
    pub(crate) async fn ask(
        link: &Arc<Link>,
        action: &str,
        question: &impl Serialize,
        context: Option<&ScanContext>,
    ) -> Result<Self> {
        Self::send(link, action, body(question)?, context).await
    }

    /// Asks a question that is written already.
    pub(crate) async fn send(
        link: &Arc<Link>,
        action: &str,
        body: Vec<u8>,
        context: Option<&ScanContext>,
    ) -> Result<Self> {
        let answers = link.act(action, body, context).await?;
        Ok(Self { link: Arc::clone(link), answers, ended: false, page: PhantomData })
    }

    /// The next part, or `None` after the last. An answer that ends without a last part is an error.
    pub(crate) async fn next(&mut self) -> Result<Option<P>> {
        let config = &self.link.config;
        let body = match self.answers.next().await {
            Some(Ok(answer)) if !self.ended => answer.body,
            Some(Ok(_)) => return Err(error::unexpected("a page after the last", config)),
            Some(Err(status)) => return Err(error::in_answer(&status, config)),
            None if self.ended => return Ok(None),
            None => return Err(error::cut(config)),
        };
        let page: P = self.link.parsed(&body)?;
        self.ended = page.is_end();
        Ok(Some(page))
    }

    /// The next part, for which the server has as much time as for an answer of one part.
    pub(crate) async fn next_in_time(&mut self) -> Result<Option<P>> {
        let link = Arc::clone(&self.link);
        link.in_time(self.next()).await
    }

    /// All parts.
    pub(crate) async fn all(mut self) -> Result<Vec<P>> {
        let mut pages = Vec::new();
        while let Some(page) = self.next().await? {
            pages.push(page);
        }
        Ok(pages)
    }
}

/// A question as it is sent.
pub(crate) fn body(question: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(question).map_err(|error| Error::internal(format!("a question: {error}")))
}

impl Link {
    /// The one answer to a question.
    pub(crate) async fn ask<A: DeserializeOwned>(&self, action: &str, question: &impl Serialize) -> Result<A> {
        let answer = async {
            let mut answers = self.act(action, body(question)?, None).await?;
            match answers.next().await {
                Some(Ok(answer)) => self.parsed(&answer.body),
                Some(Err(status)) => Err(error::in_answer(&status, &self.config)),
                None => Err(error::unexpected("there is no answer", &self.config)),
            }
        };
        self.in_time(answer).await
    }

    async fn act(
        &self,
        action: &str,
        body: Vec<u8>,
        context: Option<&ScanContext>,
    ) -> Result<Streaming<arrow_flight::Result>> {
        let request = self.request(Action { r#type: action.to_owned(), body: body.into() }, context)?;
        let answers = self.client().await?.do_action(request).await;
        answers.map(tonic::Response::into_inner).map_err(|status| error::from_status(&status, &self.config))
    }

    /// A message of the server, if it is of our version.
    pub(crate) fn parsed<A: DeserializeOwned>(&self, body: &[u8]) -> Result<A> {
        #[derive(serde::Deserialize)]
        struct Versioned {
            version: Option<u64>,
        }
        let version = serde_json::from_slice::<Versioned>(body).ok().and_then(|answer| answer.version);
        if version != Some(u64::from(WIRE_VERSION)) {
            return Err(error::other_version(version, &self.config));
        }
        serde_json::from_slice(body).map_err(|error| error::unexpected(error, &self.config))
    }
}

//! `GetFlightInfo`, for clients that know Flight and nothing of us.

use crate::actions::message;
use crate::context::context_of;
use crate::seal::Purpose;
use crate::service::Service;
use crate::{plan, splits};
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo, Ticket};
use futures::TryStreamExt;
use headwater_core::wire::{GetSplits, SplitAnswer};
use headwater_core::{Error, ErrorKind, Result, ScanPlan, ScanRequest, TableName};
use tonic::Request;

/// All endpoints travel in one message, and half of them would look like all.
const MOST_ENDPOINTS: usize = 10_000;

pub(crate) async fn flight_info(service: &Service, request: Request<FlightDescriptor>) -> Result<FlightInfo> {
    let (headers, _, descriptor) = request.into_parts();
    let context = context_of(&headers)?;
    let ask = match descriptor.r#type() {
        DescriptorType::Path => whole_table(service, &descriptor.path).await?,
        _ => message(&descriptor.cmd)?,
    };
    let catalog = service.catalogs.find(ask.catalog.as_deref())?;
    let plan: ScanPlan = plan::opened(service, catalog, Purpose::Plan, &ask.handle)?;
    let mut pages = splits::pages(service, ask, context).await?;
    let mut info = FlightInfo::new().with_descriptor(descriptor).try_with_schema(&plan.schema);
    while let Some(page) = service.in_time(pages.try_next()).await? {
        for split in page.splits {
            let made = info.map_err(|error| Error::internal(format!("a schema: {error}")))?;
            if made.endpoint.len() == MOST_ENDPOINTS {
                let message = format!("the scan has more than {MOST_ENDPOINTS} splits, too many for one answer");
                return Err(Error::new(ErrorKind::LimitExceeded, message)
                    .with_hint("ask for them by the action headwater.get-splits"));
            }
            info = Ok(made.with_endpoint(endpoint(split)?));
        }
    }
    info.map_err(|error| Error::internal(format!("a schema: {error}")))
}

fn endpoint(split: SplitAnswer) -> Result<FlightEndpoint> {
    let request = serde_json::to_vec(&split.request).map_err(|error| Error::internal(error.to_string()))?;
    Ok(FlightEndpoint::new().with_ticket(Ticket::new(split.ticket)).with_app_metadata(request))
}

/// What `get-splits` would be asked for all of a table.
async fn whole_table(service: &Service, path: &[String]) -> Result<GetSplits> {
    let [catalog, schema, table] = path else {
        return Err(Error::new(ErrorKind::InvalidInput, "a path has three parts: catalog, schema, table"));
    };
    let found = service.catalogs.find(Some(catalog))?;
    let name = TableName::new(schema, table);
    let metadata = service.in_time(found.connector.get_table(&name)).await?;
    let plan = service.in_time(found.connector.plan_scan(&metadata, &ScanRequest::table(name))).await?;
    let handle = service.seal.close(Purpose::Plan, catalog, None, &plan)?;
    Ok(GetSplits { catalog: Some(catalog.clone()), handle, keys: None })
}

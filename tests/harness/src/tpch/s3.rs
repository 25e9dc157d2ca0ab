//! Loading S3's share.

use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use super::{Batches, Table};
use crate::error::{Context as _, Result};
use crate::parquet::parquet;
use crate::s3::S3;

/// Puts `partsupp`, `nation` and `region` as Parquet files into `bucket`, which is made when it does not exist.
///
/// # Errors
///
/// The server refuses a request or is stopped.
pub async fn load_s3(server: &S3, bucket: &str) -> Result<()> {
    server.create_bucket(bucket).await?;
    let client = server.client(bucket)?;
    for (table, parts) in [(Table::Partsupp, 4), (Table::Nation, 1), (Table::Region, 1)] {
        for part in 1..=parts {
            let key = format!("tpch/{table}/part-{}.parquet", part - 1);
            let put = client.put(&Path::from(key.as_str()), file(table, table.part(part, parts))?.into()).await;
            put.context(|| format!("writing s3://{bucket}/{key}"))?;
        }
    }
    Ok(())
}

fn file(table: Table, batches: Batches) -> Result<Vec<u8>> {
    parquet(&batches.schema(), batches).context(|| format!("writing TPC-H's table {table} as Parquet"))
}

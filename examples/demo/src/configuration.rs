//! What a user would write into `headwater.toml`: one here, one beside the items for the server that offers them.

use crate::servers::Servers;
use crate::storage::BUCKET;
use headwater_harness::DynamoDb;
use headwater_harness::scenario2::MANIFEST_KEY;
use std::path::Path;

/// Of the server that stands beside the items and offers them as `docs`.
pub fn beside_the_items(dynamodb: &DynamoDb) -> String {
    format!(
        r#"version = 1

[catalogs.docs]
connector = "dynamodb"
region = "us-east-1"
endpoint = "{endpoint}"
access_key_id = "demo"
secret_access_key = "demo"
"#,
        endpoint = dynamodb.endpoint(),
    )
}

/// Of the program that joins; the items are behind the server at `docs_url`, which wants the token in a file.
pub fn here(servers: &Servers, docs_url: &str, docs_token: &Path) -> String {
    let Servers { postgres, mysql, dynamodb, s3 } = servers;
    format!(
        r#"version = 1

# Scenario 1: users and orders in Postgres, workflows in DynamoDB.
[catalogs.crm]
connector = "postgres"
url = "{postgres_url}"
password = "${{file:{postgres_password}}}"
sslrootcert = "{postgres_ca}"

[catalogs.events]
connector = "dynamodb"
region = "us-east-1"
endpoint = "{dynamodb_endpoint}"
access_key_id = "demo"
secret_access_key = "demo"

# Types that DynamoDB does not have are declared; every other column is found by itself.
[catalogs.events.tables.workflow_items.columns]
started_at = "timestamp"
completed_at = "timestamp"

# Scenario 2: accounts in MySQL, plans in Postgres, items behind a Flight server, an inventory and usage on S3.
[catalogs.app]
connector = "mysql"
url = "{mysql_url}"
password = "${{file:{mysql_password}}}"
sslrootcert = "{mysql_ca}"

[catalogs.billing]
connector = "postgres"
url = "{postgres_url}"
password = "${{file:{postgres_password}}}"
sslrootcert = "{postgres_ca}"

[catalogs.docs]
connector = "remote"
url = "{docs_url}"
token = "${{file:{docs_token}}}"

[catalogs.lake]
connector = "files"
url = "s3://{BUCKET}"
region = "{region}"
endpoint = "{s3_endpoint}"
access_key_id = "{access_key}"
secret_access_key = "${{file:{secret_key}}}"

[catalogs.lake.tables.inventory]
path = "s3://{BUCKET}/{MANIFEST_KEY}"
"#,
        postgres_url = postgres.url(),
        postgres_password = postgres.password_file().display(),
        postgres_ca = postgres.ca_certificate().display(),
        dynamodb_endpoint = dynamodb.endpoint(),
        mysql_url = mysql.url(),
        mysql_password = mysql.password_file().display(),
        mysql_ca = mysql.ca_certificate().display(),
        docs_token = docs_token.display(),
        region = s3.region(),
        s3_endpoint = s3.endpoint(),
        access_key = s3.access_key(),
        secret_key = s3.secret_key_file().display(),
    )
}

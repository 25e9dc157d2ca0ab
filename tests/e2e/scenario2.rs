//! Storage accounting over MySQL, Postgres, DynamoDB behind a standalone Flight server, and S3: each answer is the
//! generator's, with pushdown and without.

use headwater_demo::program::{ConnectorServer, Headwater};
use headwater_demo::servers::{Data, Servers};
use headwater_demo::{configuration, storage};
use headwater_harness::scenario2::{DayUsage, Duplicate, KindBytes, MissingObject, Size};
use headwater_planner::PushdownMode;
use headwater_tests::{World, engine};
use std::fs;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::sync::OnceCell;

static SHARED: OnceCell<Storage> = OnceCell::const_new();

/// The scenario's servers, its data, and a connector server beside the items.
pub(crate) struct Storage {
    pub(crate) servers: Servers,
    data: Data,
    items: ConnectorServer,
    pub(crate) directory: TempDir,
}

impl Storage {
    pub(crate) async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let servers = Servers::start().await.unwrap();
        let data = servers.load(Size::TEST).await.unwrap();
        let (token, beside) = (directory.path().join("token"), directory.path().join("beside.toml"));
        fs::write(&token, "tok-4b1d-planted").unwrap();
        fs::write(&beside, configuration::beside_the_items(&servers.dynamodb)).unwrap();
        let items = Headwater::beside_this_program(&beside).unwrap().serve(&token).unwrap();
        fs::write(directory.path().join("here.toml"), configuration::here(&servers, items.url(), &token)).unwrap();
        Self { servers, data, items, directory }
    }

    pub(crate) fn configuration(&self) -> String {
        configuration::here(&self.servers, self.items.url(), &self.directory.path().join("token"))
    }

    fn headwater(&self) -> Headwater {
        Headwater::beside_this_program(&self.directory.path().join("here.toml")).unwrap()
    }

    /// The answer of a statement, sorted, with pushdown on and off.
    async fn expect(&self, sql: &str, mut expected: Vec<String>) {
        expected.sort();
        for pushdown in [PushdownMode::Auto, PushdownMode::Off] {
            let (mut rows, ledger) = World::run(&engine(&self.configuration(), pushdown), sql).await.unwrap();
            rows.sort();
            assert_eq!(rows, expected, "{pushdown:?}\n{ledger}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_sources_in_one_statement() {
    let storage = Storage::shared().await;
    let output = storage.headwater().command(&["query", "--format", "csv", storage::SQL]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer = String::from_utf8(output.stdout).unwrap();
    let expected = storage::expected(&storage.data.scenario2);
    assert!(expected.len() > 3);
    assert_eq!(answer.lines().skip(1).collect::<Vec<_>>(), expected);
    storage.expect(storage::SQL, expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_by_kind_and_who_is_above_the_quota() {
    let storage = Storage::shared().await;
    let kinds = storage.data.scenario2.expected_bytes_by_kind();
    let line = |row: &KindBytes| format!("{},{},{}", row.kind.name(), row.items, row.bytes);
    let sql = "SELECT kind, count(*), sum(bytes) FROM docs.default.items WHERE NOT deleted GROUP BY kind";
    storage.expect(sql, kinds.iter().map(line).collect()).await;
    let above = storage.data.scenario2.expected_over_quota();
    let sql = "SELECT a.id, p.name, sum(i.bytes) FROM app.headwater.accounts a
               JOIN billing.public.plans p ON p.id = a.plan_id
               JOIN docs.default.items i ON i.account_id = a.id AND NOT i.deleted
               GROUP BY a.id, p.name, p.quota_bytes HAVING sum(i.bytes) > p.quota_bytes";
    let line =
        |row: &headwater_harness::scenario2::AccountBytes| format!("{},{},{}", row.account_id, row.plan, row.total());
    storage.expect(sql, above.iter().map(line).collect()).await;
}

const LIVE: &str = "lake.default.inventory o WHERE o.is_latest AND NOT o.is_delete_marker";

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_no_item_knows_and_items_whose_object_is_gone() {
    let storage = Storage::shared().await;
    let orphans = storage.data.scenario2.expected_orphans();
    assert!(!orphans.is_empty());
    let sql = format!(
        "SELECT o.key, o.size FROM {LIVE}
         AND NOT EXISTS (SELECT 1 FROM docs.default.items i WHERE i.object_key = o.key)"
    );
    storage.expect(&sql, orphans.iter().map(|(key, size)| format!("{key},{size}")).collect()).await;
    let missing = storage.data.scenario2.expected_missing();
    assert!(!missing.is_empty());
    let sql = format!(
        "SELECT i.account_id, i.item_id, i.object_key
         FROM docs.default.items i LEFT JOIN (SELECT key FROM {LIVE}) o ON o.key = i.object_key
         WHERE NOT i.deleted AND o.key IS NULL"
    );
    let line = |row: &MissingObject| format!("{},{},{}", row.account_id, row.item_id, row.object_key);
    storage.expect(&sql, missing.iter().map(line).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_old_versions_and_usage() {
    let storage = Storage::shared().await;
    let data = &storage.data.scenario2;
    let line = |row: &Duplicate| format!("{},{},{}", row.etag, row.size, row.objects);
    let sql = format!("SELECT e_tag, size, count(*) FROM {LIVE} GROUP BY e_tag, size HAVING count(*) > 1");
    storage.expect(&sql, data.expected_duplicates().iter().map(line).collect()).await;
    let old = data.expected_old_versions();
    let sql = "SELECT count(*) FILTER (WHERE NOT is_latest AND NOT is_delete_marker),
                      sum(size) FILTER (WHERE NOT is_latest), count(*) FILTER (WHERE is_delete_marker)
               FROM lake.default.inventory";
    storage.expect(sql, vec![format!("{},{},{}", old.versions, old.bytes, old.delete_markers)]).await;
    let line = |row: &DayUsage| {
        let day = row.day.to_string();
        format!("{},{},{},{}", &day[..10], row.accounts, row.uploads, row.bytes_out)
    };
    let sql = "SELECT day, count(*), sum(uploads), sum(bytes_out) FROM lake.default.usage GROUP BY day";
    storage.expect(sql, data.expected_usage_by_day().iter().map(line).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_server_that_dies_in_the_middle_is_an_error_and_no_short_answer() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::shared().await;
    let (token, here) = (directory.path().join("token"), directory.path().join("here.toml"));
    fs::write(&token, "tok-4b1d-planted").unwrap();
    let beside = storage.directory.path().join("beside.toml");
    let mut items = Headwater::beside_this_program(&beside).unwrap().serve(&token).unwrap();
    fs::write(&here, configuration::here(&storage.servers, items.url(), &token)).unwrap();
    let here = Headwater::beside_this_program(&here).unwrap();
    // Each of the statement's 4,000 reads is a call of its own: the server is gone long before the last.
    let sql = "SELECT i.item_id FROM app.headwater.accounts a JOIN docs.default.items i ON i.account_id = a.id \
               JOIN docs.default.items j ON j.account_id = i.account_id AND j.item_id = i.item_id";
    let mut command = here.command(&["query", "--format", "csv", sql]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    items.kill();
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(error.contains("docs"), "{error}");
    assert!(!error.contains("tok-4b1d-planted"), "{error}");
}

//! Generated statements over both sources, with pushdown and without: the answers are the same.

use headwater_planner::PushdownMode;
use headwater_tests::World;

/// SplitMix64: a failure can be repeated from its printed seed.
struct Random(u64);

impl Random {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        from[usize::try_from((z ^ (z >> 31)) % from.len() as u64).unwrap()]
    }
}

const USERS: &[&str] = &[
    "u.country = 'NZ'",
    "u.country IN ('NZ', 'nz', 'DE')",
    "u.plan <> 'free'",
    "u.full_name > 'M'",
    "u.full_name LIKE 'O%'",
    "u.email LIKE '%a%'",
    "u.deleted_at IS NULL",
    "NOT (u.deleted_at > TIMESTAMP '2026-01-01T00:00:00Z')",
    "u.created_at BETWEEN TIMESTAMP '2025-06-01T00:00:00Z' AND TIMESTAMP '2025-07-01T00:00:00Z'",
    "u.id < 400",
    "u.id % 17 = 3",
    "upper(u.country) = 'FR'",
];

const ITEMS: &[&str] = &[
    "w.status = 'COMPLETED'",
    "w.status <> 'COMPLETED'",
    "NOT (w.status = 'FAILED')",
    "w.completed_at IS NULL",
    "w.completed_at > TIMESTAMP '2026-01-01T00:00:00Z'",
    "w.attempts IN (1, 2, 7)",
    "w.attempts NOT IN (1, 2)",
    "w.cost >= 1.5",
    "w.cost < 0.000001",
    "w.kind LIKE 'o%'",
    "w.user_id IN (3, 30, 300, 3000)",
    "w.user_id = 42 AND w.workflow_id > 'wf-0000500'",
    "w.workflow_id BETWEEN 'wf-0001000' AND 'wf-0001100'",
    "w.tags IS NOT NULL",
];

const ORDERS: &[&str] = &[
    "o.amount < 0",
    "o.amount = 0",
    "o.amount > 100.005",
    "o.currency = 'EUR'",
    "o.note IS NULL",
    "o.note = ''",
    "o.ordered_at < TIMESTAMP '2025-03-01T00:00:00Z'",
    "o.user_id IN (1, 2, 3)",
];

fn statement(random: &mut Random) -> String {
    let (users, items, orders) = (random.pick(USERS), random.pick(ITEMS), random.pick(ORDERS));
    let join = random.pick(&["JOIN", "LEFT JOIN"]);
    match random.pick(&["users", "items", "orders", "users-items", "items-users", "three", "semi", "anti", "count"]) {
        "users" => format!("SELECT * FROM crm.public.users u WHERE {users} AND {}", random.pick(USERS)),
        "items" => format!("SELECT * FROM events.default.workflow_items w WHERE {items} AND {}", random.pick(ITEMS)),
        "orders" => format!("SELECT * FROM crm.public.orders o WHERE {orders} OR {}", random.pick(ORDERS)),
        "users-items" => format!(
            "SELECT u.id, u.full_name, w.workflow_id, w.cost FROM crm.public.users u {join} \
             events.default.workflow_items w ON w.user_id = u.id WHERE {users} AND u.id < 600 AND \
             (w.user_id IS NULL OR {items})"
        ),
        "items-users" => format!(
            "SELECT w.workflow_id, u.email FROM events.default.workflow_items w {join} crm.public.users u \
             ON w.user_id = u.id AND {users} WHERE {items} AND w.user_id < 500"
        ),
        "three" => format!(
            "SELECT u.country, count(*), sum(o.amount), max(w.cost) FROM crm.public.users u \
             JOIN crm.public.orders o ON o.user_id = u.id {join} events.default.workflow_items w ON w.user_id = u.id \
             WHERE {users} AND {orders} GROUP BY u.country"
        ),
        "semi" => format!(
            "SELECT w.* FROM events.default.workflow_items w WHERE {items} AND w.user_id IN \
             (SELECT u.id FROM crm.public.users u WHERE {users} AND u.id < 900)"
        ),
        "anti" => format!(
            "SELECT u.id FROM crm.public.users u WHERE {users} AND NOT EXISTS \
             (SELECT 1 FROM events.default.workflow_items w WHERE w.user_id = u.id AND {items})"
        ),
        _ => format!("SELECT count(*) FROM events.default.workflow_items w WHERE {items}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pushdown_never_changes_an_answer() {
    let world = World::shared().await;
    let (auto, off) = (world.engine(PushdownMode::Auto), world.engine(PushdownMode::Off));
    let seed = 42;
    let mut random = Random(seed);
    let mut not_empty = 0;
    for case in 0..40 {
        let sql = statement(&mut random);
        let (mut rows, ledger) = World::run(&auto, &sql).await.unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
        let (mut expected, _) = World::run(&off, &sql).await.unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
        rows.sort();
        expected.sort();
        assert!(
            rows == expected,
            "seed {seed}, case {case}: {sql}\n{} rows for {}\n{ledger}",
            rows.len(),
            expected.len()
        );
        not_empty += usize::from(!rows.is_empty());
    }
    assert!(not_empty > 25, "only {not_empty} answers had rows: the comparison says little");
}

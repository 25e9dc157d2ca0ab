//! How the data comes about: users first, then what they order and run.

use super::words::{COUNTRIES, FAMILY_NAMES, GIVEN_NAMES, KINDS, NOTES, PLANS, REGIONS, STATUSES, SYSTEMS, TAGS};
use super::{Meta, Order, Scenario1, Step, User, Workflow};
use crate::random::Random;
use crate::timestamp::Timestamp;

const SEED: u64 = 42;
const USERS: usize = 10_000;
const ORDERS: usize = 60_000;
const WORKFLOWS: usize = 100_000;

const FIRST_YEAR: i64 = 2025;
const MONTHS: i64 = 18;
const SIGN_UPS_BEGIN: Timestamp = first_of_month(0);
const SIGN_UPS_END: Timestamp = first_of_month(MONTHS);

/// Nothing happens after this moment: the day the data was "dumped".
const DUMPED: Timestamp = first_of_month(MONTHS + 1);

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

pub(super) fn scenario() -> Scenario1 {
    let mut random = Random::new(SEED);
    let users = users(&mut random);
    let orders = orders(&mut random, &users);
    let workflows = workflows(&mut random, &users);
    Scenario1 { users, orders, workflows }
}

/// Midnight on the first day of the month `months` after the first one.
const fn first_of_month(months: i64) -> Timestamp {
    Timestamp::from_date(FIRST_YEAR + months / 12, months % 12 + 1, 1)
}

fn users(random: &mut Random) -> Vec<User> {
    let sign_ups = sign_ups(random);
    (1..).zip(sign_ups).map(|(id, created_at)| user(random, id, created_at)).collect()
}

/// Times of sign-up in order, growing over the months, with both edges of every month among them.
fn sign_ups(random: &mut Random) -> Vec<Timestamp> {
    let edges = (0..MONTHS).flat_map(|month| [first_of_month(month), first_of_month(month + 1).plus(-1)]);
    let mut times: Vec<Timestamp> = edges.collect();
    let range = SIGN_UPS_END.seconds - SIGN_UPS_BEGIN.seconds;
    while times.len() < USERS {
        // The later of two moments, for half of the users: more of them come in later months.
        let second = if random.percent(50) { random.between(0, range - 1) } else { 0 };
        times.push(SIGN_UPS_BEGIN.plus(random.between(0, range - 1).max(second)));
    }
    times.sort_unstable();
    times
}

fn user(random: &mut Random, id: i64, created_at: Timestamp) -> User {
    let (given, given_ascii) = *random.one_of(GIVEN_NAMES);
    let (family, family_ascii) = *random.one_of(FAMILY_NAMES);
    let (country, _) = *random.weighted(COUNTRIES);
    let plan = *random.weighted(PLANS);
    let deleted_at = Some(created_at.plus(random.between(DAY, 200 * DAY)));
    User {
        id,
        email: format!("{given_ascii}.{family_ascii}.{id}@example.org"),
        full_name: format!("{given} {family}"),
        country,
        plan,
        created_at,
        deleted_at: deleted_at.filter(|at| random.percent(5) && *at < DUMPED),
    }
}

/// Sorted by time; ids follow the order.
fn orders(random: &mut Random, users: &[User]) -> Vec<Order> {
    let shares = shares(random, users, Idle { percent: 25 });
    let mut orders = Vec::with_capacity(ORDERS);
    while orders.len() < ORDERS {
        let user = *random.one_of(&shares);
        orders.push(order(random, user));
    }
    orders.sort_by_key(|order| (order.ordered_at, order.user_id));
    for (id, order) in (1..).zip(&mut orders) {
        order.id = id;
    }
    orders
}

fn order(random: &mut Random, user: &User) -> Order {
    let currency = COUNTRIES
        .iter()
        .find(|(_, (country, _))| *country == user.country)
        .map_or("USD", |(_, (_, currency))| currency);
    Order {
        id: 0,
        user_id: user.id,
        amount_cents: amount_cents(random),
        currency,
        ordered_at: after_sign_up(random, user),
        note: if random.percent(30) { Some(*random.one_of(NOTES)) } else { None },
    }
}

/// Mostly small, some large, a few refunds and nothings.
fn amount_cents(random: &mut Random) -> i64 {
    match random.below(100) {
        0 => 0,
        1 => -random.between(100, 20_000),
        2..60 => random.between(500, 4_999),
        60..92 => random.between(5_000, 49_999),
        _ => random.between(50_000, 999_999),
    }
}

/// Sorted by start; ids follow the order.
fn workflows(random: &mut Random, users: &[User]) -> Vec<Workflow> {
    let shares = shares(random, users, Idle { percent: 12 });
    let mut workflows = Vec::with_capacity(WORKFLOWS);
    // One for each user who has any, in the order of `shares`, which holds a user's shares side by side.
    let mut active = shares.clone();
    active.dedup_by_key(|user| user.id);
    for user in active {
        workflows.push(workflow(random, user));
    }
    while workflows.len() < WORKFLOWS {
        let user = *random.one_of(&shares);
        workflows.push(workflow(random, user));
    }
    workflows.sort_by_key(|workflow| (workflow.started_at, workflow.user_id));
    for (number, workflow) in (1..).zip(&mut workflows) {
        let number: i64 = number;
        workflow.workflow_id = format!("wf-{number:07}");
    }
    workflows
}

fn workflow(random: &mut Random, user: &User) -> Workflow {
    let (kind, step_names) = *random.weighted(KINDS);
    let status = *random.weighted(STATUSES);
    let steps = steps(random, step_names, status);
    let started_at = after_sign_up(random, user);
    let seconds: i64 = steps.iter().map(|step| step.seconds).sum();
    let completed_at = started_at.plus(seconds + random.between(0, 600));
    // What would end after the dump is still running in it.
    let status = if completed_at < DUMPED { status } else { "RUNNING" };
    Workflow {
        user_id: user.id,
        workflow_id: String::new(),
        kind,
        status,
        started_at,
        completed_at: (status == "COMPLETED").then_some(completed_at),
        attempts: if status == "FAILED" { random.between(3, 5) } else { random.between(1, 2) },
        cost_micros: cost_micros(random),
        steps,
        meta: meta(random),
        tags: tags(random),
    }
}

/// All steps of a completed workflow, the first ones of any other.
fn steps(random: &mut Random, names: &[&'static str], status: &str) -> Vec<Step> {
    let done = if status == "COMPLETED" { names.len() } else { 1 + random.index(names.len()) };
    names.iter().take(done).map(|name| Step { name, seconds: random.between(1, 1_800) }).collect()
}

/// Zero to six decimals in use.
fn cost_micros(random: &mut Random) -> i64 {
    let unit = *random.one_of(&[1, 10, 1_000, 100_000, 1_000_000]);
    random.between(0, 2_500_000) / unit * unit
}

fn meta(random: &mut Random) -> Meta {
    Meta {
        region: random.one_of::<&str>(REGIONS),
        client_os: random.one_of::<&str>(SYSTEMS),
        client_version: format!("{}.{}.{}", random.between(1, 4), random.between(0, 20), random.between(0, 9)),
        priority: random.percent(40).then(|| random.between(1, 9)),
        trace: random.percent(25).then(|| format!("{:016x}", random.bits())),
        dry_run: random.percent(10).then(|| random.percent(50)),
    }
}

/// None for most, else up to three different ones.
fn tags(random: &mut Random) -> Vec<&'static str> {
    if random.percent(65) {
        return Vec::new();
    }
    let first = random.index(TAGS.len());
    let count = 1 + random.index(3);
    TAGS.iter().cycle().skip(first).take(count).copied().collect()
}

/// A moment between a user's sign-up and the dump, more often soon after the sign-up than late.
fn after_sign_up(random: &mut Random, user: &User) -> Timestamp {
    let left = DUMPED.seconds - user.created_at.seconds - 1;
    let within = match random.below(100) {
        0..8 => HOUR,
        8..25 => DAY,
        25..55 => 14 * DAY,
        _ => left,
    };
    user.created_at.plus(random.between(1, within.min(left)))
}

/// How many users in a hundred have nothing at all.
struct Idle {
    percent: u64,
}

/// The users who have something, each as often as their share of it: one to twelve times, side by side.
fn shares<'a>(random: &mut Random, users: &'a [User], idle: Idle) -> Vec<&'a User> {
    let mut shares = Vec::new();
    for user in users {
        if random.percent(idle.percent) {
            continue;
        }
        let share = 1 + random.index(12).min(random.index(12));
        shares.extend(std::iter::repeat_n(user, share));
    }
    shares
}

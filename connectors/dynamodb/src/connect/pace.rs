//! How fast a table, or all of a catalog, may be read: its budget, and what being throttled teaches.
//!
//! ```text
//! throttled ──▶ half of what was taken in a second lately ──▶ 5 % more each second ──▶ budget, or twice what it was
//! ```
//!
//! A budget given in the configuration is never exceeded; without one nothing holds a reader back until DynamoDB does.

use super::bucket::Bucket;
use crate::config::Budget;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex as Turn, Notify};

/// What a request is taken to cost before the first was answered: a page of 1 MB, read eventually consistently.
const FULL_PAGE: f64 = 128.0;
/// How much the latest answer counts in the cost expected of the next one.
const WEIGHT: f64 = 0.3;
/// Requests in flight are throttled together: that is one reason to slow down, not many.
const CUT_ONCE_IN: Duration = Duration::from_secs(1);
const CUT: f64 = 0.5;
/// Share of the rate at the time of the throttling that comes back per second.
const RISE: f64 = 0.05;
/// Units per second that remain whatever happens: a full page in ten seconds.
const FLOOR: f64 = FULL_PAGE / 10.0;
/// Rates change while one waits.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Shared by all who read one table or one catalog.
#[derive(Debug)]
pub(crate) struct Pace {
    state: Mutex<State>,
    /// One at a time waits for the buckets, the others for their turn, in the order of coming.
    turn: Turn<()>,
    /// Told when an answer has come: what it left of its reservation is there for whoever waits.
    settled: Notify,
}

#[derive(Debug)]
struct State {
    budget: Budget,
    units: Option<Bucket>,
    requests: Option<Bucket>,
    learned: Option<Learned>,
    /// Units of the average request, once one was answered.
    each: Option<f64>,
    recent: Recent,
}

/// A rate below the budget's, found by being throttled.
#[derive(Debug, Clone, Copy)]
struct Learned {
    /// Units per second that come back each second.
    step: f64,
    /// At this rate there is nothing learned left.
    enough: f64,
    cut_at: Instant,
    rose_at: Instant,
}

/// Units taken in this second and in the one before.
#[derive(Debug, Clone, Copy)]
struct Recent {
    since: Instant,
    now: f64,
    before: f64,
}

/// Capacity set aside for one request; given back when dropped before the request was sent.
#[derive(Debug)]
pub(crate) struct Place {
    pace: Arc<Pace>,
    reserved: Option<f64>,
    /// How long it took to get.
    pub(super) waited: Duration,
}

impl Pace {
    pub(crate) fn new(budget: Budget, now: Instant) -> Self {
        let bucket = |rate: Option<u32>| rate.map(|rate| Bucket::full(f64::from(rate), now));
        let state = State {
            budget,
            units: bucket(budget.units_per_second),
            requests: bucket(budget.requests_per_second),
            learned: None,
            each: None,
            recent: Recent { since: now, now: 0.0, before: 0.0 },
        };
        Self { state: Mutex::new(state), turn: Turn::new(()), settled: Notify::new() }
    }

    /// Waits until one more request may be sent. Dropping the future takes nothing.
    pub(crate) async fn place(self: &Arc<Self>) -> Place {
        let found = |reserved, waited| Place { pace: Arc::clone(self), reserved: Some(reserved), waited };
        let begin = Instant::now();
        if self.state().is_free() || self.turn.try_lock().is_ok() {
            let reserved = self.state().reserve(begin);
            if let Ok(reserved) = reserved {
                return found(reserved, Duration::ZERO);
            }
        }
        let _turn = self.turn.lock().await;
        loop {
            let settled = self.settled.notified();
            let now = Instant::now();
            let reserved = self.state().reserve(now);
            let wait = match reserved {
                Ok(reserved) => return found(reserved, now - begin),
                Err(wait) => wait.min(LOOK_AGAIN),
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = settled => {}
            }
        }
    }

    /// DynamoDB refused an attempt for want of capacity.
    pub(crate) fn throttled(&self) {
        self.state().throttled(Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The request was answered, and this is what it was charged.
    pub(crate) fn settle(&mut self, units: f64) {
        if let Some(reserved) = self.reserved.take() {
            self.pace.state().settle(reserved, units, Instant::now());
            self.pace.settled.notify_one();
        }
    }

    /// What the request was charged will not be known: it stays at what was set aside.
    pub(crate) fn forget(&mut self) {
        self.reserved = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(reserved) = self.reserved.take() {
            self.pace.state().give_back(reserved);
            self.pace.settled.notify_one();
        }
    }
}

impl State {
    /// Whether nothing limits readers.
    fn is_free(&self) -> bool {
        self.units.is_none() && self.requests.is_none()
    }

    /// Sets capacity aside for a request, or says how long to wait.
    fn reserve(&mut self, now: Instant) -> Result<f64, Duration> {
        self.rise(now);
        let each = self.each.unwrap_or(FULL_PAGE);
        let wait = |bucket: &mut Option<Bucket>, amount| bucket.as_mut().map(|bucket| bucket.wait(amount, now));
        let wait = wait(&mut self.units, each).max(wait(&mut self.requests, 1.0)).unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        self.take(each, 1.0);
        Ok(each)
    }

    fn take(&mut self, units: f64, requests: f64) {
        self.units.iter_mut().for_each(|bucket| bucket.take(units));
        self.requests.iter_mut().for_each(|bucket| bucket.take(requests));
    }

    fn give_back(&mut self, reserved: f64) {
        self.take(-reserved, -1.0);
    }

    fn settle(&mut self, reserved: f64, units: f64, now: Instant) {
        self.take(units - reserved, 0.0);
        self.each = Some(self.each.map_or(units, |each| each + WEIGHT * (units - each)));
        self.recent.add(units, now);
    }

    fn throttled(&mut self, now: Instant) {
        if self.learned.is_some_and(|learned| now.saturating_duration_since(learned.cut_at) < CUT_ONCE_IN) {
            return;
        }
        self.rise(now);
        let budget = self.budget.units_per_second.map_or(f64::INFINITY, f64::from);
        // The request that was throttled has told no cost: it may have been a full page.
        let lately = self.recent.rate(now).max(FULL_PAGE);
        let current = match (&self.learned, &self.units) {
            (Some(_), Some(bucket)) => bucket.rate(),
            _ => lately.min(budget),
        };
        let rate = (current * CUT).max(FLOOR).min(budget);
        let enough = budget.min(self.learned.map_or(current * 2.0, |learned| learned.enough));
        self.learned = Some(Learned { step: (current * RISE).max(FLOOR / 2.0), enough, cut_at: now, rose_at: now });
        match &mut self.units {
            Some(bucket) => bucket.set_rate(rate, now),
            None => self.units = Some(Bucket::empty(rate, now)),
        }
    }

    /// Gives back some of what throttling took.
    fn rise(&mut self, now: Instant) {
        let (Some(learned), Some(bucket)) = (&mut self.learned, &mut self.units) else { return };
        let passed = now.saturating_duration_since(learned.rose_at).as_secs_f64();
        let rate = bucket.rate() + learned.step * passed;
        learned.rose_at = now.max(learned.rose_at);
        if rate < learned.enough {
            bucket.set_rate(rate, now);
            return;
        }
        self.learned = None;
        match self.budget.units_per_second {
            Some(budget) => bucket.set_rate(f64::from(budget), now),
            None => self.units = None,
        }
    }
}

impl Recent {
    fn add(&mut self, units: f64, now: Instant) {
        self.turn_over(now);
        self.now += units;
    }

    fn rate(&mut self, now: Instant) -> f64 {
        self.turn_over(now);
        self.before.max(self.now)
    }

    fn turn_over(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since).as_secs();
        if passed > 0 {
            self.before = if passed == 1 { self.now } else { 0.0 };
            self.now = 0.0;
            self.since += Duration::from_secs(passed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(units: u32, requests: u32) -> Budget {
        let some = |rate| (rate > 0).then_some(rate);
        Budget { units_per_second: some(units), requests_per_second: some(requests) }
    }

    fn state(units: u32, requests: u32, now: Instant) -> State {
        Pace::new(budget(units, requests), now).state.into_inner().unwrap()
    }

    fn after(start: Instant, seconds: f64) -> Instant {
        start + Duration::from_secs_f64(seconds)
    }

    /// Units granted within `seconds` to readers that always want more, each request charged `cost`.
    fn granted(state: &mut State, start: Instant, seconds: f64, cost: f64) -> f64 {
        let (mut now, mut units) = (start, 0.0);
        while now < after(start, seconds) {
            match state.reserve(now) {
                Ok(reserved) => {
                    state.settle(reserved, cost, now);
                    units += cost;
                    now += Duration::from_millis(1);
                }
                Err(wait) => now += wait,
            }
        }
        units
    }

    #[test]
    fn a_budget_of_units_is_kept_whatever_a_request_costs() {
        for cost in [0.5, 7.0, 128.0, 1000.0] {
            let start = Instant::now();
            let units = granted(&mut state(100, 0, start), start, 60.0, cost);
            // A second's worth is there at the start; the last request may be owed.
            assert!(units <= 6_100.0 + cost && units > 5_500.0 - cost, "{cost}: {units}");
        }
    }

    #[test]
    fn a_budget_of_requests_is_kept() {
        let start = Instant::now();
        let requests = granted(&mut state(0, 10, start), start, 60.0, 0.0);
        assert_eq!(requests, 0.0);
        let requests = granted(&mut state(0, 10, start), start, 60.0, 1.0);
        assert!((600.0..=611.0).contains(&requests), "{requests}");
    }

    #[test]
    fn nothing_holds_back_until_throttled_and_then_the_rate_recovers() {
        let start = Instant::now();
        let mut state = state(0, 0, start);
        let before = granted(&mut state, start, 2.0, 1.0);
        assert!(before > 1_900.0, "{before}");
        state.throttled(after(start, 2.0));
        state.throttled(after(start, 2.1));
        let first = granted(&mut state, after(start, 2.0), 1.0, 1.0);
        assert!((400.0..600.0).contains(&first), "half of 1,000 a second, cut once: {first}");
        let second = granted(&mut state, after(start, 3.0), 1.0, 1.0);
        assert!(second > first, "{second} after {first}");
        let later = granted(&mut state, after(start, 40.0), 1.0, 1.0);
        assert!(later > 950.0 && state.units.is_none(), "{later}");
    }

    #[test]
    fn throttled_again_and_again_it_goes_down_to_the_floor_and_never_above_its_budget() {
        let start = Instant::now();
        let mut state = state(100, 0, start);
        (0..20).for_each(|second| state.throttled(after(start, 1.1 * f64::from(second))));
        let slow = state.units.unwrap().rate();
        assert!((12.8..30.0).contains(&slow), "a full page in ten seconds: {slow}");
        state.rise(after(start, 3600.0));
        assert_eq!(state.units.unwrap().rate(), 100.0);
    }

    #[tokio::test]
    async fn a_place_that_is_not_used_is_given_back() {
        let pace = Arc::new(Pace::new(budget(0, 1), Instant::now()));
        drop(pace.place().await);
        drop(pace.place().await);
        let mut used = pace.place().await;
        used.settle(1.0);
        let level = pace.state().requests.unwrap().wait(1.0, Instant::now());
        assert!(level > Duration::from_millis(500), "{level:?}");
    }
}

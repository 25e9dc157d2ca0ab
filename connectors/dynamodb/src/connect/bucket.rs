//! What may be taken per second, saved up for at most a second.

use std::time::{Duration, Instant};

/// Allows `rate` per second on average. More than there is may be taken at once: whoever comes next waits for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    rate: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    /// Full: the first second's worth is there.
    pub(super) fn full(rate: f64, now: Instant) -> Self {
        Self { rate, level: rate, at: now }
    }

    pub(super) fn empty(rate: f64, now: Instant) -> Self {
        Self { rate, level: 0.0, at: now }
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// From now on another rate; what was saved up beyond a second of it is gone.
    pub(super) fn set_rate(&mut self, rate: f64, now: Instant) {
        self.refill(now);
        self.rate = rate;
        self.level = self.level.min(rate);
    }

    /// How long until `amount` may be taken; of more than a second's worth, a second's worth must be there. Zero: now.
    pub(super) fn wait(&mut self, amount: f64, now: Instant) -> Duration {
        self.refill(now);
        let missing = amount.min(self.rate) - self.level;
        // Rounding must not leave a waiter a hair short again and again.
        if missing <= 1e-9 { Duration::ZERO } else { Duration::from_secs_f64((missing / self.rate).min(3600.0)) }
    }

    /// Takes `amount`, or gives it back if negative.
    pub(super) fn take(&mut self, amount: f64) {
        self.level = (self.level - amount).min(self.rate);
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + passed * self.rate).min(self.rate);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(number: f64) -> Duration {
        Duration::from_secs_f64(number)
    }

    #[test]
    fn debt_is_waited_for_by_whoever_comes_next() {
        let start = Instant::now();
        let mut bucket = Bucket::full(10.0, start);
        assert_eq!(bucket.wait(128.0, start), Duration::ZERO, "a full bucket allows anything");
        bucket.take(30.0);
        assert_eq!(bucket.wait(5.0, start), seconds(2.5), "20 owed and 5 wanted");
        assert_eq!(bucket.wait(5.0, start + seconds(2.5)), Duration::ZERO);
    }

    #[test]
    fn no_more_than_a_second_is_saved_up() {
        let start = Instant::now();
        let mut bucket = Bucket::empty(10.0, start);
        assert_eq!(bucket.wait(1.0, start), seconds(0.1));
        let later = start + seconds(60.0);
        assert_eq!(bucket.wait(10.0, later), Duration::ZERO);
        bucket.take(10.0);
        assert_eq!(bucket.wait(10.0, later), seconds(1.0));
    }

    #[test]
    fn what_is_given_back_is_there_again() {
        let start = Instant::now();
        let mut bucket = Bucket::full(10.0, start);
        bucket.take(10.0);
        bucket.take(-9.0);
        assert_eq!(bucket.wait(9.0, start), Duration::ZERO);
    }
}

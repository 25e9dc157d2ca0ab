//! The answers, computed without a query engine.

use std::collections::{BTreeMap, HashMap};

use super::Scenario1;
use crate::timestamp::Timestamp;

/// What became of the users who signed up in one month.
#[derive(Debug, Clone, PartialEq)]
pub struct MonthRow {
    /// The first day of the month, in days since 1970-01-01 like Arrow's `Date32`.
    pub month: i32,
    /// Sign-ups in that month, UTC; never zero.
    pub users: i64,
    /// Those of them with at least one completed workflow.
    pub activated: i64,
    /// Sum of the amounts of all their orders, whatever the currency, in hundredths.
    pub revenue: i128,
    /// Median over the activated of the hours from sign-up to the first completion: the median of whole seconds (of an
    /// even number, the mean of the middle two) divided by 3600. `None` when nobody was activated.
    pub median_hours: Option<f64>,
}

impl MonthRow {
    /// The month as `2026-03-01`.
    pub fn month_text(&self) -> String {
        let (year, month, day) = Timestamp { seconds: i64::from(self.month) * 86_400 }.date();
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// The row as a line of CSV: month, users, activated, revenue with its cents, median hours rounded to hundredths
    /// (empty if nobody was activated).
    pub fn csv_line(&self) -> String {
        let (sign, cents) = (if self.revenue < 0 { "-" } else { "" }, self.revenue.unsigned_abs());
        let hours = self.median_hours.map(|hours| format!("{:?}", (hours * 100.0).round() / 100.0)).unwrap_or_default();
        let revenue = format!("{sign}{}.{:02}", cents / 100, cents % 100);
        format!("{},{},{},{revenue},{hours}", self.month_text(), self.users, self.activated)
    }
}

#[derive(Default)]
struct Month {
    users: i64,
    revenue: i128,
    seconds_to_activation: Vec<i64>,
}

impl Scenario1 {
    /// Sign-ups, activations, revenue and speed of activation by month of sign-up, for the users of one country or of
    /// all, deleted ones included; by month, months without sign-ups left out.
    pub fn expected(&self, country: Option<&str>) -> Vec<MonthRow> {
        let (first_completions, revenues) = (self.first_completions(), self.revenues());
        let mut months: BTreeMap<i64, Month> = BTreeMap::new();
        for user in self.users.iter().filter(|user| country.is_none_or(|country| user.country == country)) {
            let month = months.entry(user.created_at.month().days()).or_default();
            month.users += 1;
            month.revenue += revenues.get(&user.id).copied().unwrap_or_default();
            let activated_at = first_completions.get(&user.id);
            month.seconds_to_activation.extend(activated_at.map(|at| at.seconds - user.created_at.seconds));
        }
        months.into_iter().map(|(days, month)| month.row(days)).collect()
    }

    fn first_completions(&self) -> HashMap<i64, Timestamp> {
        let mut first: HashMap<i64, Timestamp> = HashMap::new();
        for workflow in &self.workflows {
            if let Some(at) = workflow.completed_at {
                first.entry(workflow.user_id).and_modify(|first| *first = at.min(*first)).or_insert(at);
            }
        }
        first
    }

    fn revenues(&self) -> HashMap<i64, i128> {
        let mut revenues = HashMap::new();
        for order in &self.orders {
            *revenues.entry(order.user_id).or_default() += i128::from(order.amount_cents);
        }
        revenues
    }
}

impl Month {
    fn row(mut self, days: i64) -> MonthRow {
        MonthRow {
            month: days as i32,
            users: self.users,
            activated: self.seconds_to_activation.len() as i64,
            revenue: self.revenue,
            median_hours: median(&mut self.seconds_to_activation).map(|seconds| seconds / 3_600.0),
        }
    }
}

/// Sorts `values`. Their sums are far below 2^53, so the mean of two is exact.
fn median(values: &mut [i64]) -> Option<f64> {
    values.sort_unstable();
    let upper = values.len() / 2;
    let lower = values.len().checked_sub(1)? / 2;
    Some((values[lower] + values[upper]) as f64 / 2.0)
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        assert_eq!(median(&mut [9, 1, 4, 3]), Some(3.5));
        assert_eq!(median(&mut [9, 1, 4]), Some(4.0));
        assert_eq!(median(&mut []), None);
    }
}

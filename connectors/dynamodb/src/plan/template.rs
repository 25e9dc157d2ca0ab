//! Query requests that differ in the key alone.

use super::Reading;
use super::condition::Compiler;
use super::conjunct::{Conjunct, FilterExpression, Uses};
use super::expression::Aliases;
use super::literal::AsKey;
use super::request::{BATCH_GET_ITEM, BatchParameters, KeyBatch, QUERY, ReadParameters, capacity_wanted, operation};
use super::sort::{SortTest, sort_test, weaker_test};
use super::target::{Key, Target};
use super::top::Direction;
use headwater_core::{Answer, Expr, Result, SourceRequest, Value, eval::passes};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Alias of the partition key's value, and of one or two for the sort key.
const PARTITION_VALUE: &str = ":pk";
const SORT_VALUE: &str = ":sk";
const SORT_HIGH: &str = ":skHigh";

/// Everything of a Query but the key values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct QueryTemplate {
    base: ReadParameters,
    pub(super) partition: Key,
    pub(super) sort: Option<Key>,
    /// Conditions on the partition key alone: checked on its values, before anything is sent.
    partition_filters: Vec<Expr>,
    /// The same for the sort key, where its values are given.
    sort_filters: Vec<Expr>,
    pub(super) sort_test: SortTest,
}

/// A template, and what becomes of each condition.
#[derive(Debug)]
pub(super) struct QueryShape {
    pub(super) template: QueryTemplate,
    pub(super) outcomes: Vec<Answer>,
    /// Whether no item can qualify.
    pub(super) never: bool,
}

/// How the partition key's values come to be known decides nothing here: from a filter or from a join.
pub(super) fn query_shape(reading: &Reading<'_>, target: &Target<'_>, conjuncts: &[Conjunct<'_>]) -> QueryShape {
    let mut aliases = Aliases::default();
    let mut filter = FilterExpression::default();
    let uses: Vec<Uses> = conjuncts.iter().map(|conjunct| conjunct.uses(target, reading.table)).collect();
    let own = |wanted: Uses| conjuncts.iter().zip(&uses).filter(move |(_, uses)| **uses == wanted).map(|(c, _)| c);
    let (test, sort_answers) = sort_part(target, &own(Uses::Sort).collect::<Vec<_>>());
    let mut sort_answers = sort_answers.into_iter();
    let mut outcomes = Vec::with_capacity(conjuncts.len());
    for (conjunct, uses) in conjuncts.iter().zip(&uses) {
        outcomes.push(match uses {
            Uses::Partition => Answer::Exact,
            Uses::Sort => sort_answers.next().unwrap_or(Answer::Exact),
            Uses::Mixed => Answer::Refused("a Query takes no key attribute in its filter".to_owned()),
            Uses::Others => {
                let mut compiler = Compiler { reading, target, aliases: &mut aliases };
                filter.push(&mut compiler, conjunct)
            }
        });
    }
    let never = filter.never || test == SortTest::Values(Vec::new());
    let template = QueryTemplate {
        base: reading.base(target, filter.text(), aliases),
        partition: target.partition.clone(),
        sort: target.sort.clone(),
        partition_filters: own(Uses::Partition).map(|conjunct| conjunct.expr.clone()).collect(),
        sort_filters: own(Uses::Sort).map(|conjunct| conjunct.expr.clone()).collect(),
        sort_test: test,
    };
    QueryShape { template, outcomes, never }
}

fn sort_part(target: &Target<'_>, own: &[&Conjunct<'_>]) -> (SortTest, Vec<Answer>) {
    let Some(sort) = &target.sort else { return (SortTest::Any, Vec::new()) };
    match (&sort.problem, sort.stored) {
        (None, _) => sort_test(sort, own),
        (Some(reason), Some(stored)) => weaker_test(sort, stored, own, reason),
        (Some(reason), None) => (SortTest::Any, vec![Answer::Refused(reason.clone()); own.len()]),
    }
}

/// A partition key's value, and a sort key's if that is given too.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ItemKey {
    pub(super) partition: Json,
    pub(super) sort: Option<Json>,
}

impl QueryTemplate {
    /// A partition value as a key, if its conditions let it pass.
    pub(super) fn partition_key(&self, value: &Value) -> AsKey {
        checked(self.partition.value(false, value), &self.partition_filters, value)
    }

    /// A sort value as a key, if its conditions let it pass.
    pub(super) fn sort_key(&self, value: &Value) -> AsKey {
        self.sort.as_ref().map_or(AsKey::Unclear, |sort| checked(sort.value(true, value), &self.sort_filters, value))
    }

    /// The sort key's column, unless it means something else, such as JSON text: that is no key to look up by.
    pub(super) fn sort_column(&self) -> Option<&str> {
        self.sort.as_ref().filter(|sort| sort.is_usable()).map(|sort| sort.column.as_str())
    }

    pub(super) fn partition_column(&self) -> &str {
        &self.partition.column
    }

    pub(super) fn index_name(&self) -> Option<&str> {
        self.base.index_name.as_deref()
    }

    /// Whether items can be got one by one: their whole key is known and nothing needs to be filtered.
    pub(super) fn can_get_items(&self, sort_known: bool) -> bool {
        self.base.index_name.is_none() && self.base.filter_expression.is_none() && (self.sort.is_none() || sort_known)
    }

    /// Whether DynamoDB tests items after it has found them.
    pub(super) fn has_filter(&self) -> bool {
        self.base.filter_expression.is_some()
    }

    /// The same template with a `Limit` per request.
    pub(super) fn with_limit(mut self, limit: Option<i32>) -> Self {
        self.base.limit = limit.filter(|_| self.base.filter_expression.is_none());
        self
    }

    /// The same template read in a direction; forward is DynamoDB's own way.
    pub(super) fn with_direction(mut self, direction: Direction) -> Self {
        self.base.scan_index_forward = (direction == Direction::Backward).then_some(false);
        self
    }

    /// The Query requests for one key: one, or one per value of the sort key.
    ///
    /// # Errors
    /// `Internal` if the parameters cannot be written as JSON.
    pub(super) fn requests(&self, key: &ItemKey) -> Result<Vec<SourceRequest>> {
        let tests = match (&key.sort, &self.sort_test) {
            (Some(sort), _) => vec![SortTest::Compare("=".to_owned(), sort.clone())],
            (None, SortTest::Values(values)) => {
                values.iter().map(|value| SortTest::Compare("=".to_owned(), value.clone())).collect()
            }
            (None, test) => vec![test.clone()],
        };
        tests.iter().map(|test| self.request(&key.partition, test)).collect()
    }

    fn request(&self, partition: &Json, test: &SortTest) -> Result<SourceRequest> {
        let mut parameters = self.base.clone();
        let alias = name_alias(&mut parameters, &self.partition.attribute, "#pk");
        let mut condition = format!("{alias} = {PARTITION_VALUE}");
        parameters.expression_attribute_values.insert(PARTITION_VALUE.to_owned(), partition.clone());
        if let (Some(sort), true) = (&self.sort, *test != SortTest::Any) {
            let alias = name_alias(&mut parameters, &sort.attribute, "#sk");
            condition.push_str(&format!(" AND {}", test_text(&alias, test)));
            let values = [SORT_VALUE, SORT_HIGH].into_iter().zip(test_values(test));
            parameters.expression_attribute_values.extend(values.map(|(alias, value)| (alias.to_owned(), value)));
        }
        parameters.key_condition_expression = Some(condition);
        operation(QUERY, &parameters)
    }

    /// One `BatchGetItem` for up to 100 keys.
    ///
    /// # Errors
    /// `Internal` if the parameters cannot be written as JSON.
    pub(super) fn get_items(&self, keys: &[ItemKey]) -> Result<SourceRequest> {
        let named = |key: &ItemKey| {
            let sort = self.sort.as_ref().zip(key.sort.as_ref());
            let sort = sort.map(|(sort, value)| (sort.attribute.clone(), value.clone()));
            std::iter::once((self.partition.attribute.clone(), key.partition.clone())).chain(sort).collect()
        };
        let mut batch = KeyBatch {
            keys: keys.iter().map(named).collect(),
            projection_expression: self.base.projection_expression.clone(),
            expression_attribute_names: self.base.expression_attribute_names.clone(),
            consistent_read: self.base.consistent_read,
        };
        if self.base.select.is_some() {
            // There is no COUNT here: the key is the smallest answer that still has one item per row.
            batch.projection_expression = Some("#pk".to_owned());
            batch.expression_attribute_names = BTreeMap::from([("#pk".to_owned(), self.partition.attribute.clone())]);
        }
        let request_items = BTreeMap::from([(self.base.table_name.clone(), batch)]);
        operation(BATCH_GET_ITEM, &BatchParameters { request_items, return_consumed_capacity: capacity_wanted() })
    }
}

fn checked(key: AsKey, filters: &[Expr], value: &Value) -> AsKey {
    match key {
        AsKey::Storable(_) | AsKey::Unfit if !filters.iter().all(|filter| passes(filter, &|_| value.clone())) => {
            AsKey::Impossible
        }
        key => key,
    }
}

/// The alias that the request already has for an attribute, or a new one.
fn name_alias(parameters: &mut ReadParameters, attribute: &str, new: &str) -> String {
    let names = &mut parameters.expression_attribute_names;
    if let Some((alias, _)) = names.iter().find(|(_, name)| *name == attribute) {
        return alias.clone();
    }
    names.insert(new.to_owned(), attribute.to_owned());
    new.to_owned()
}

fn test_text(alias: &str, test: &SortTest) -> String {
    match test {
        SortTest::Between(..) => format!("{alias} BETWEEN {SORT_VALUE} AND {SORT_HIGH}"),
        SortTest::BeginsWith(_) => format!("begins_with({alias}, {SORT_VALUE})"),
        SortTest::Compare(op, _) => format!("{alias} {op} {SORT_VALUE}"),
        SortTest::Any | SortTest::Values(_) => String::new(),
    }
}

fn test_values(test: &SortTest) -> Vec<Json> {
    match test {
        SortTest::Between(low, high) => vec![low.clone(), high.clone()],
        SortTest::BeginsWith(value) | SortTest::Compare(_, value) => vec![value.clone()],
        SortTest::Any | SortTest::Values(_) => Vec::new(),
    }
}

//! Query requests that differ in the key alone.

use super::condition::{Compiler, column_type};
use super::conjunct::{Conjunct, FilterExpression, Uses};
use super::expression::Aliases;
use super::literal::{AsKey, key_value};
use super::request::{BATCH_GET_ITEM, BatchParameters, KeyBatch, QUERY, ReadParameters, capacity_wanted, operation};
use super::sort::{SortTest, sort_test};
use super::{Reading, refuse};
use crate::metadata::{KeyAttribute, TableDetail};
use headwater_core::{Answer, Expr, Result, SourceRequest, TableMetadata, Value, eval::passes};
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
    partition: KeyAttribute,
    sort: Option<KeyAttribute>,
    /// Whether the sort key's column means the key itself.
    sort_is_usable: bool,
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
pub(super) fn query_shape(table: &TableMetadata, reading: &Reading<'_>, conjuncts: &[Conjunct<'_>]) -> QueryShape {
    let detail = reading.detail;
    let mut aliases = Aliases::default();
    let mut filter = FilterExpression::default();
    let (test, mut sort_answers) = sort_part(table, detail, conjuncts);
    let mut outcomes = Vec::with_capacity(conjuncts.len());
    for conjunct in conjuncts {
        outcomes.push(match conjunct.uses(detail) {
            Uses::Partition => Answer::Exact,
            Uses::Sort => sort_answers.next().unwrap_or(Answer::Exact),
            Uses::Mixed => Answer::Refused("a Query takes no key attribute in its filter".to_owned()),
            Uses::Others => {
                let mut compiler = Compiler { table, detail, aliases: &mut aliases };
                filter.push(&mut compiler, conjunct).map_or_else(refuse, |()| Answer::Exact)
            }
        });
    }
    let only = |uses| move |c: &&Conjunct<'_>| c.uses(detail) == uses;
    let never = filter.never || test == SortTest::Values(Vec::new());
    let template = QueryTemplate {
        base: reading.base(filter.text(), aliases),
        partition: detail.partition.clone(),
        // A sort key whose column means something else, such as JSON text, is no key to look up by.
        sort_is_usable: detail.sort.as_ref().is_some_and(|sort| usable(table, sort).is_ok()),
        sort: detail.sort.clone(),
        partition_filters: conjuncts.iter().filter(only(Uses::Partition)).map(|c| c.expr.clone()).collect(),
        sort_filters: conjuncts.iter().filter(only(Uses::Sort)).map(|c| c.expr.clone()).collect(),
        sort_test: test,
    };
    QueryShape { template, outcomes, never }
}

fn sort_part<'a>(
    table: &TableMetadata,
    detail: &TableDetail,
    conjuncts: &[Conjunct<'_>],
) -> (SortTest, Box<dyn Iterator<Item = Answer> + 'a>) {
    let Some(sort) = &detail.sort else { return (SortTest::Any, Box::new(std::iter::empty())) };
    let own: Vec<_> = conjuncts.iter().filter(|conjunct| conjunct.uses(detail) == Uses::Sort).collect();
    match usable(table, sort) {
        Ok(()) => {
            let (test, answers) = sort_test(sort, &own);
            (test, Box::new(answers.into_iter()))
        }
        Err(reason) => (SortTest::Any, Box::new(std::iter::repeat_n(Answer::Refused(reason), own.len()))),
    }
}

/// Whether a key column's values mean the same in the engine and as a key; the reason if not.
pub(super) fn usable(table: &TableMetadata, key: &KeyAttribute) -> Result<(), String> {
    match column_type(table, &key.column).map(|kind| kind.comparable()) {
        Some(Ok(kind)) if kind == key.kind => Ok(()),
        Some(Err(reason)) => Err(format!("key column {} is not compared: {reason}", key.column)),
        _ => Err(format!("key column {} is read as another type", key.column)),
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
        checked(key_value(&self.partition, false, value), &self.partition_filters, value)
    }

    /// A sort value as a key, if its conditions let it pass.
    pub(super) fn sort_key(&self, value: &Value) -> AsKey {
        self.sort
            .as_ref()
            .map_or(AsKey::Unclear, |sort| checked(key_value(sort, true, value), &self.sort_filters, value))
    }

    pub(super) fn sort_column(&self) -> Option<&str> {
        self.sort.as_ref().filter(|_| self.sort_is_usable).map(|sort| sort.column.as_str())
    }

    pub(super) fn partition_column(&self) -> &str {
        &self.partition.column
    }

    /// Whether items can be got one by one: their whole key is known and nothing needs to be filtered.
    pub(super) fn can_get_items(&self, sort_known: bool) -> bool {
        self.base.filter_expression.is_none() && (self.sort.is_none() || sort_known)
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
        let alias = name_alias(&mut parameters, &self.partition.name, "#pk");
        let mut condition = format!("{alias} = {PARTITION_VALUE}");
        parameters.expression_attribute_values.insert(PARTITION_VALUE.to_owned(), partition.clone());
        if let (Some(sort), true) = (&self.sort, *test != SortTest::Any) {
            let alias = name_alias(&mut parameters, &sort.name, "#sk");
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
            let sort =
                self.sort.as_ref().zip(key.sort.as_ref()).map(|(sort, value)| (sort.name.clone(), value.clone()));
            std::iter::once((self.partition.name.clone(), key.partition.clone())).chain(sort).collect()
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
            batch.expression_attribute_names = BTreeMap::from([("#pk".to_owned(), self.partition.name.clone())]);
        }
        let request_items = BTreeMap::from([(self.base.table_name.clone(), batch)]);
        operation(BATCH_GET_ITEM, &BatchParameters { request_items, return_consumed_capacity: capacity_wanted() })
    }
}

fn checked(key: AsKey, filters: &[Expr], value: &Value) -> AsKey {
    match key {
        AsKey::Storable(_) if !filters.iter().all(|filter| passes(filter, &|_| value.clone())) => AsKey::Impossible,
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

//! Items of the table `flat` as the SDK has them, into Arrow builders of the types our connector finds.

use crate::task::Result;
use arrow::array::{ArrayRef, BooleanBuilder, Decimal128Builder, Int64Builder, RecordBatch, StringBuilder};
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;
use std::sync::Arc;

const INTEGERS: [&str; 3] = ["id", "pieces", "serial"];
const DECIMALS: [(&str, u32); 2] = [("amount", 1), ("balance", 3)];
const TEXTS: [&str; 6] = ["name", "email", "town", "code", "created", "note"];

/// A batch to be.
#[derive(Debug, Default)]
pub(super) struct Columns {
    integers: [Int64Builder; 3],
    decimals: [Decimal128Builder; 2],
    texts: [StringBuilder; 6],
    active: BooleanBuilder,
}

impl Columns {
    pub(super) fn push(&mut self, item: &HashMap<String, AttributeValue>) -> Result<()> {
        for (name, builder) in INTEGERS.iter().zip(&mut self.integers) {
            let number = item.get(*name).map(|value| value.as_n().map_err(|_| "no number")).transpose()?;
            builder.append_option(number.map(|digits| digits.parse()).transpose()?);
        }
        for ((name, scale), builder) in DECIMALS.iter().zip(&mut self.decimals) {
            let number = item.get(*name).map(|value| value.as_n().map_err(|_| "no number")).transpose()?;
            builder.append_option(number.map(|digits| unscaled(digits, *scale)).transpose()?);
        }
        for (name, builder) in TEXTS.iter().zip(&mut self.texts) {
            builder.append_option(item.get(*name).map(|value| value.as_s().map_err(|_| "no text")).transpose()?);
        }
        let active = item.get("active").map(|value| value.as_bool().map_err(|_| "no boolean")).transpose()?;
        self.active.append_option(active.copied());
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<RecordBatch> {
        let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
        for (name, builder) in INTEGERS.into_iter().zip(&mut self.integers) {
            columns.push((name, Arc::new(builder.finish())));
        }
        for ((name, scale), builder) in DECIMALS.into_iter().zip(&mut self.decimals) {
            let decimals = builder.finish().with_precision_and_scale(38, i8::try_from(scale)?)?;
            columns.push((name, Arc::new(decimals)));
        }
        for (name, builder) in TEXTS.into_iter().zip(&mut self.texts) {
            columns.push((name, Arc::new(builder.finish())));
        }
        columns.push(("active", Arc::new(self.active.finish())));
        Ok(RecordBatch::try_from_iter(columns)?)
    }
}

/// `12.5` at scale 3 is 12500; the canned items have no exponents.
fn unscaled(digits: &str, scale: u32) -> Result<i128> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let missing = scale.checked_sub(u32::try_from(fraction.len())?).ok_or("more digits than the column has")?;
    Ok(format!("{whole}{fraction}").parse::<i128>()? * 10i128.pow(missing))
}

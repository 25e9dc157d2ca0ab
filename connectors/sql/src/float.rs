//! Floating-point zeros: SQL sources see one, Arrow's kernels two, and the engine one of both by the shape of its plan.
//! What is asked here finds every row that either could want; the engine checks again.

use headwater_core::{CompareOp, Value};

/// A number as the engine compares it with a float: rounded to 64 bits. `None` if it is no number.
pub(crate) fn as_float(value: &Value) -> Option<f64> {
    if let Value::Float64(number) = value {
        return Some(*number);
    }
    let (unscaled, scale) = value.as_decimal()?;
    headwater_core::decimal_text(unscaled, scale).parse().ok()
}

/// What a source that knows one zero must be asked so that no wanted row is missing, and whether that is exact.
///
/// `None`: rows would be missing. With literal 0.0, for example, `< 0.0` must find −0.0, so it is asked as `<= 0`.
pub(crate) fn around_zero(op: CompareOp, negative: bool) -> Option<(CompareOp, bool)> {
    match (op, negative) {
        (CompareOp::Eq, _) => Some((CompareOp::Eq, false)),
        (CompareOp::NotEq, _) => None,
        (CompareOp::Gt | CompareOp::LtEq, false) | (CompareOp::Lt | CompareOp::GtEq, true) => Some((op, true)),
        (CompareOp::Lt, false) | (CompareOp::LtEq, true) => Some((CompareOp::LtEq, false)),
        (CompareOp::GtEq, false) | (CompareOp::Gt, true) => Some((CompareOp::GtEq, false)),
    }
}

/// Why an answer around zero is not exact.
pub(crate) const TWO_ZEROS: &str = "the engine tells -0.0 from 0.0, the source does not";

/// The engine orders NaNs by their bits; sources have one NaN, and readers produce this one.
pub(crate) fn is_other_nan(number: f64) -> bool {
    number.is_nan() && number.to_bits() != f64::NAN.to_bits()
}

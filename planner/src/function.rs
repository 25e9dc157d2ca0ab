//! Functions that are put into plans here, and have no name in SQL.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::hash::{Hash, Hasher};

/// The values of a function from those of its arguments, which are of one length.
type Compute = fn(&[ArrayRef], &DataType) -> Result<ArrayRef>;

/// A call of `compute`, which gives values of `result`. Functions of one name are the same.
pub(crate) fn call(name: &'static str, compute: Compute, result: DataType, args: Vec<Expr>) -> Expr {
    let signature = Signature::any(args.len(), Volatility::Immutable);
    ScalarUDF::new_from_impl(Function { name, compute, result, signature }).call(args)
}

#[derive(Debug)]
struct Function {
    name: &'static str,
    compute: Compute,
    result: DataType,
    signature: Signature,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        (self.name, &self.result, &self.signature) == (other.name, &other.result, &other.signature)
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.name, &self.result, &self.signature).hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let arrays = args.args.into_iter().map(|arg| arg.into_array(rows)).collect::<Result<Vec<_>>>()?;
        (self.compute)(&arrays, &self.result).map(ColumnarValue::Array)
    }
}

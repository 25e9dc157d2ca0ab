//! Folders of the form `column=value`.

use super::FileEntry;
use crate::config::DeclaredColumn;
use crate::convert::evidence::Evidence;
use crate::convert::text_array::{text_array, type_word};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use headwater_core::{Error, ErrorKind, Result, Value};

/// How Hive writes NULL.
const NULL_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns that the folders of a table give.
#[derive(Debug, Clone, Default)]
pub(crate) struct Partitions {
    /// Name, type and whether the type was declared.
    pub(crate) columns: Vec<(String, DataType, bool)>,
}

impl Partitions {
    /// Finds the columns and their types in the paths of all files.
    ///
    /// # Errors
    /// `SchemaMismatch` where files have different columns in their paths, or a value does not fit its declared type;
    /// `Unsupported` for a path with the same column twice.
    pub(crate) fn of(files: &[FileEntry], base: &str, declared: &[DeclaredColumn]) -> Result<Self> {
        let Some(first) = files.first() else { return Ok(Self::default()) };
        let names: Vec<String> = folders(&first.path, base).into_iter().map(|(name, _)| name).collect();
        check_distinct(&names, &first.path)?;
        let mut evidence = vec![Evidence::default(); names.len()];
        for file in files {
            let found = folders(&file.path, base);
            if found.len() != names.len() || found.iter().zip(&names).any(|((name, _), known)| name != known) {
                let message =
                    format!("{} and {} have different partition columns in their paths", first.path, file.path);
                return Err(Error::new(ErrorKind::SchemaMismatch, message).with_hint("read them as two tables"));
            }
            for (evidence, (_, value)) in evidence.iter_mut().zip(&found) {
                value.iter().for_each(|value| evidence.add(value));
            }
        }
        if let Some(unknown) = declared.iter().find(|column| !names.contains(&column.name)) {
            let message =
                format!("the declared partition column {} is not in the path of {}", unknown.name, first.path);
            return Err(Error::config(message).with_hint("folders of partitions are named `column=value`"));
        }
        let column = |(name, evidence): (String, Evidence)| {
            let written = declared.iter().find(|column| column.name == name);
            let data_type = written.map_or_else(|| evidence.conclude(), |column| column.data_type.clone());
            (name, data_type, written.is_some())
        };
        let partitions = Self { columns: names.into_iter().zip(evidence).map(column).collect() };
        for file in files {
            partitions.arrays(&file.path, base)?;
        }
        Ok(partitions)
    }

    /// The value of each column for a file, as an array of one row.
    ///
    /// # Errors
    /// `SchemaMismatch` for a value that does not fit.
    pub(crate) fn arrays(&self, path: &str, base: &str) -> Result<Vec<ArrayRef>> {
        let values = folders(path, base);
        let array =
            |((name, data_type, lenient), (_, value)): (&(String, DataType, bool), &(String, Option<String>))| {
                // Nothing behind the `=` is an empty text, but no number and no date.
                let value = value.as_deref().filter(|value| !value.is_empty() || *data_type == DataType::Utf8);
                text_array(data_type, &[value], *lenient).map_err(|misfit| {
                    let message = format!(
                        "{path}: partition column {name} has {}, which is no {}",
                        misfit.value,
                        type_word(data_type)
                    );
                    Error::new(ErrorKind::SchemaMismatch, message)
                })
            };
        self.columns.iter().zip(&values).map(array).collect()
    }
}

fn check_distinct(names: &[String], path: &str) -> Result<()> {
    match names.iter().enumerate().find(|(at, name)| names.iter().take(*at).any(|other| other == *name)) {
        None => Ok(()),
        Some((_, twice)) => {
            let message = format!("{path} has the partition column {twice} twice in its path");
            Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint("rename one of the folders, or read the files below the first of them by their path"))
        }
    }
}

/// The value of each partition column for a file.
///
/// # Errors
/// As [`Partitions::arrays`].
pub(crate) fn partition_values(partitions: &Partitions, path: &str, base: &str) -> Result<Vec<(String, Value)>> {
    let arrays = partitions.arrays(path, base)?;
    let value = |((name, _, _), array): (&(String, DataType, bool), &ArrayRef)| {
        let value = Value::from_array(array.as_ref(), 0);
        let missing =
            || Error::internal(format!("partition column {name} has a value without a place in the language"));
        Ok((name.clone(), value.ok_or_else(missing)?))
    };
    partitions.columns.iter().zip(&arrays).map(value).collect()
}

/// The `column=value` folders of a path below `base`; no value where Hive means NULL.
fn folders(path: &str, base: &str) -> Vec<(String, Option<String>)> {
    let below = path.strip_prefix(base).unwrap_or_default();
    let folders = below.rsplit_once('/').map_or("", |(folders, _)| folders);
    let pair = |folder: &str| {
        let (name, value) = folder.split_once('=')?;
        let value = (value != NULL_VALUE).then(|| unescaped(value));
        (!name.is_empty()).then(|| (unescaped(name), value))
    };
    folders.split('/').filter_map(pair).collect()
}

/// Hive writes characters that a path cannot have as `%3A`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let escape = others.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let escape = escape.and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = others.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> FileEntry {
        FileEntry { path: path.to_owned(), size: 1, etag: None, groups: None }
    }

    #[test]
    fn folders_are_columns_with_the_narrowest_type() {
        let files = ["t/year=2024/city=a%3Ab/x", "t/year=2025/city=__HIVE_DEFAULT_PARTITION__/x"].map(entry);
        let partitions = Partitions::of(&files, "t/", &[]).unwrap();
        let types: Vec<_> = partitions.columns.iter().map(|(name, kind, _)| (name.as_str(), kind.clone())).collect();
        assert_eq!(types, [("year", DataType::Int64), ("city", DataType::Utf8)]);
        let values = partition_values(&partitions, &files[0].path, "t/").unwrap();
        assert_eq!(values[1].1, Value::Utf8("a:b".to_owned()));
        assert_eq!(partition_values(&partitions, &files[1].path, "t/").unwrap()[1].1, Value::Null);
    }

    #[test]
    fn an_empty_value_is_text_or_null_and_no_column_comes_twice() {
        let files = ["t/k=5/s=x/a", "t/k=/s=/a"].map(entry);
        let partitions = Partitions::of(&files, "t/", &[]).unwrap();
        let values = partition_values(&partitions, &files[1].path, "t/").unwrap();
        assert_eq!(values, [("k".to_owned(), Value::Null), ("s".to_owned(), Value::Utf8(String::new()))]);
        let twice = Partitions::of(&["t/a=1/a=2/x"].map(entry), "t/", &[]).unwrap_err();
        assert_eq!(twice.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn leading_zeros_stay_and_different_folders_are_refused() {
        let months = ["t/m=01/x", "t/m=12/x"].map(entry);
        assert_eq!(Partitions::of(&months, "t/", &[]).unwrap().columns[0].1, DataType::Utf8);
        let mixed = ["t/m=01/x", "t/x"].map(entry);
        assert_eq!(Partitions::of(&mixed, "t/", &[]).unwrap_err().kind(), ErrorKind::SchemaMismatch);
    }
}

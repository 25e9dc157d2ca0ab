//! What the SDK does better than the object store: names, with the reasons of a refusal.

use super::{Bucket, Connection};
use crate::error::{Call, call_error};
use crate::listing::FileEntry;
use aws_sdk_s3::types::Object;
use headwater_core::{Error, ErrorKind, Result};

/// What is under a key.
#[derive(Debug)]
pub(crate) enum Found {
    File(FileEntry),
    /// Nothing, or a folder.
    NoFile,
}

impl Connection {
    /// The names of all buckets.
    pub(crate) async fn list_buckets(&self) -> Result<Vec<String>> {
        let place = self.config().place();
        let mut pages = self.aws().await?.client().list_buckets().into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let call = Call { operation: "ListBuckets", target: "all buckets", place: &place };
            let page = page.map_err(|error| call_error(&error, &call))?;
            names.extend(page.buckets().iter().filter_map(|bucket| bucket.name()).map(str::to_owned));
        }
        Ok(names)
    }
}

impl Bucket {
    /// All objects whose key begins with `prefix`, up to `most` of them.
    pub(crate) async fn list(&self, prefix: &str, most: usize, place: &str) -> Result<Vec<FileEntry>> {
        let mut pages = self.client.list_objects_v2().bucket(&self.name).prefix(prefix).into_paginator().send();
        let mut entries = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call_error(&error, &self.listing(prefix, place).call()))?;
            // A key that ends with a slash is what consoles make for an empty folder.
            let files = page.contents().iter().filter_map(entry).filter(|entry| !entry.path.ends_with('/'));
            entries.extend(files);
            if entries.len() > most {
                break;
            }
        }
        Ok(entries)
    }

    /// The folders and objects directly below `prefix`, which ends with a slash or is empty.
    pub(crate) async fn list_level(&self, prefix: &str, place: &str) -> Result<(Vec<String>, Vec<FileEntry>)> {
        let call = self.client.list_objects_v2().bucket(&self.name).prefix(prefix).delimiter("/");
        let mut pages = call.into_paginator().send();
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call_error(&error, &self.listing(prefix, place).call()))?;
            folders.extend(page.common_prefixes().iter().filter_map(|folder| folder.prefix()).map(str::to_owned));
            files.extend(page.contents().iter().filter_map(entry).filter(|entry| !entry.path.ends_with('/')));
        }
        Ok((folders, files))
    }

    /// The object with exactly this key.
    ///
    /// The answer to HEAD has no body and so no reason: a refusal is asked about once more by listing the key.
    pub(crate) async fn head(&self, key: &str, place: &str) -> Result<Found> {
        let target = format!("s3://{}/{key}", self.name);
        let error = match self.client.head_object().bucket(&self.name).key(key).send().await {
            Ok(answer) => {
                let size = answer.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
                let etag = answer.e_tag().map(str::to_owned);
                return Ok(Found::File(FileEntry { path: key.to_owned(), size, etag, groups: None }));
            }
            Err(error) => call_error(&error, &Call { operation: "HeadObject", target: &target, place }),
        };
        match error.kind() {
            ErrorKind::NotFound => Ok(Found::NoFile),
            ErrorKind::PermissionDenied => self.refusal(key, place, error).await,
            _ => Err(error),
        }
    }

    async fn refusal(&self, key: &str, place: &str, denied: Error) -> Result<Found> {
        let page = self.client.list_objects_v2().bucket(&self.name).prefix(key).max_keys(1).send().await;
        let page = page.map_err(|error| call_error(&error, &self.listing(key, place).call()))?;
        let exists = page.contents().iter().any(|object| object.key() == Some(key));
        if exists { Err(denied) } else { Ok(Found::NoFile) }
    }

    fn listing<'a>(&self, prefix: &str, place: &'a str) -> Listing<'a> {
        Listing { target: format!("s3://{}/{prefix}", self.name), place }
    }
}

struct Listing<'a> {
    target: String,
    place: &'a str,
}

impl Listing<'_> {
    fn call(&self) -> Call<'_> {
        Call { operation: "ListObjectsV2", target: &self.target, place: self.place }
    }
}

fn entry(object: &Object) -> Option<FileEntry> {
    let size = object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
    let etag = object.e_tag().map(str::to_owned);
    Some(FileEntry { path: object.key()?.to_owned(), size, etag, groups: None })
}

//! Files on S3 and on disk as a source.

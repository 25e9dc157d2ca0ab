//! How files are cut and bundled into splits of about equal size.

use super::Piece;
use crate::listing::{FileEntry, Packing, kind_of};

/// A table should give work to this many readers, as long as their shares are not too small.
const READERS: u64 = 8;
const LEAST_SHARE: u64 = 1 << 20;
/// More files than this are not bundled, however small: a request is shown to people.
const MAX_BUNDLE: usize = 16;

/// The splits: each a list of files or parts of files. A file without bytes is in none.
pub(super) fn grouped(files: &[FileEntry], split_bytes: u64, splittable: bool) -> Vec<Vec<Piece>> {
    let total: u64 = files.iter().map(|file| file.size).sum();
    let share = split_bytes.min((total / READERS).max(LEAST_SHARE)).max(1);
    let (mut splits, mut bundle, mut bundled) = (Vec::new(), Vec::new(), 0);
    for file in files {
        let ranges = if splittable { ranges(file, share) } else { Vec::new() };
        if ranges.len() > 1 {
            splits.extend(ranges.into_iter().map(|range| vec![piece(file, Some(range))]));
            continue;
        }
        if !bundle.is_empty() && (bundled + file.size > share || bundle.len() >= MAX_BUNDLE) {
            splits.push(std::mem::take(&mut bundle));
            bundled = 0;
        }
        bundled += file.size;
        bundle.push(piece(file, None));
    }
    if !bundle.is_empty() {
        splits.push(bundle);
    }
    splits
}

fn piece(file: &FileEntry, range: Option<(u64, u64)>) -> Piece {
    Piece { path: file.path.clone(), size: file.size, etag: file.etag.clone(), range }
}

/// Ranges that cover the file, each of about `share` bytes; one range: not worth cutting.
fn ranges(file: &FileEntry, share: u64) -> Vec<(u64, u64)> {
    let plain = kind_of(file.file_name()).is_ok_and(|kind| kind.packing == Packing::Plain);
    if !plain || file.size < share.saturating_mul(3) / 2 {
        return Vec::new();
    }
    let cuts = match &file.groups {
        Some(groups) => group_cuts(groups, share),
        None => (1..file.size.div_ceil(share)).map(|number| number * share).collect(),
    };
    let begins = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([file.size]);
    begins.zip(ends).collect()
}

/// Row groups where a new split begins.
fn group_cuts(groups: &[u64], share: u64) -> Vec<u64> {
    let mut cuts = Vec::new();
    let mut begin = groups.first().copied().unwrap_or_default();
    for start in groups.iter().skip(1) {
        if start.saturating_sub(begin) >= share {
            cuts.push(*start);
            begin = *start;
        }
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, size: u64, groups: Option<Vec<u64>>) -> FileEntry {
        FileEntry { path: path.to_owned(), size, etag: None, groups }
    }

    #[test]
    fn ranges_cover_each_file_once_and_small_files_are_bundled() {
        let files = [file("a.csv", 10_000, None), file("b.csv", 10, None), file("c.csv", 20, None)];
        let splits = grouped(&files, 1_024, true);
        let of_a: Vec<_> = splits.iter().flatten().filter(|piece| piece.path == "a.csv").collect();
        assert_eq!(of_a.len(), 10);
        let mut at = 0;
        for piece in of_a {
            let (begin, end) = piece.range.unwrap();
            assert_eq!(begin, at);
            at = end;
        }
        assert_eq!(at, 10_000);
        assert_eq!(splits.len(), 11);
        assert_eq!(splits.last().unwrap().len(), 2);
    }

    #[test]
    fn cuts_are_at_row_groups_and_packed_files_stay_whole() {
        let groups = vec![4, 2_000, 2_500, 5_000, 9_000];
        let splits = grouped(&[file("a.parquet", 10_000, Some(groups))], 2_400, true);
        let ranges: Vec<_> = splits.iter().flatten().filter_map(|piece| piece.range).collect();
        assert_eq!(ranges, [(0, 2_500), (2_500, 5_000), (5_000, 9_000), (9_000, 10_000)]);
        assert_eq!(grouped(&[file("a.csv.gz", 10_000, None)], 1_000, true).len(), 1);
        assert_eq!(grouped(&[file("a.csv", 10_000, None)], 1_000, false).len(), 1);
    }
}

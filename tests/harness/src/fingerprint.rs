//! A short name for a large value.

use std::hash::{Hash, Hasher};

/// 16 hexadecimal digits that depend on the value only.
pub(crate) fn fingerprint(value: &impl Hash) -> String {
    let mut hasher = Fnv1a::default();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// FNV-1a, 64 bits: the standard library does not promise to keep its own hash function.
struct Fnv1a(u64);

impl Default for Fnv1a {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv1a {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

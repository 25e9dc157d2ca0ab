//! Reading a payload piece by piece, never past its end.

use super::Failure;

const SHORT: Failure = Failure::Malformed("a packet that ends too early");

/// What is left of a payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Payload<'a>(pub(super) &'a [u8]);

impl<'a> Payload<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Failure> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Failure> {
        self.array::<1>().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Failure> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Failure> {
        self.array().map(u32::from_le_bytes)
    }

    /// A length-encoded integer.
    pub(super) fn length(&mut self) -> Result<usize, Failure> {
        let (value, used) = length_encoded(self.0).ok_or(SHORT)?;
        self.take(used)?;
        Ok(value)
    }

    /// Bytes behind their length.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Failure> {
        let length = self.length()?;
        self.take(length)
    }

    /// Bytes up to a NUL, or to the end.
    pub(super) fn until_nul(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let (text, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        text
    }
}

/// A length-encoded integer at the beginning of `bytes`, and how many bytes it takes. `None`: too few bytes, or the
/// marks of NULL and of an error.
#[inline]
pub(crate) fn length_encoded(bytes: &[u8]) -> Option<(usize, usize)> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=0xfa => Some((usize::from(*first), 1)),
        0xfc => rest.first_chunk().map(|bytes| (usize::from(u16::from_le_bytes(*bytes)), 3)),
        0xfd => rest.first_chunk().and_then(|[a, b, c]: &[u8; 3]| {
            usize::try_from(u32::from_le_bytes([*a, *b, *c, 0])).ok().map(|value| (value, 4))
        }),
        0xfe => rest.first_chunk().and_then(|bytes| usize::try_from(u64::from_le_bytes(*bytes)).ok()).map(|v| (v, 9)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::length_encoded;

    #[test]
    fn lengths_have_four_widths() {
        assert_eq!(length_encoded(&[0xfa]), Some((250, 1)));
        assert_eq!(length_encoded(&[0xfc, 0xfb, 0x00]), Some((251, 3)));
        assert_eq!(length_encoded(&[0xfd, 0, 0, 1]), Some((65_536, 4)));
        assert_eq!(length_encoded(&[0xfe, 0, 0, 0, 1, 0, 0, 0, 0]), Some((16_777_216, 9)));
        for odd in [&[][..], &[0xfb], &[0xff], &[0xfc, 1], &[0xfd, 1, 2], &[0xfe, 1, 2, 3, 4, 5, 6, 7]] {
            assert_eq!(length_encoded(odd), None, "{odd:?}");
        }
    }
}

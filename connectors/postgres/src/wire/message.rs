//! What stands before the body of every message:
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

/// A byte that tells the kind, and the length of all but this byte.
pub(super) const HEADER: usize = 5;

/// A row of `COPY`: the server sends exactly one in each message of this kind.
pub(super) const COPY_DATA: u8 = b'd';

/// The header of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: u8,
    /// Of header and body.
    pub(super) length: usize,
}

impl Message {
    /// `None` if not all of the header is there.
    #[inline]
    pub(super) fn parse(bytes: &[u8]) -> Option<Result<Self, InvalidLength>> {
        let (kind, rest) = bytes.split_first()?;
        let length = u32::from_be_bytes(*rest.first_chunk::<4>()?) as usize;
        // The length counts its own 4 bytes.
        let valid = (HEADER - 1..=i32::MAX as usize).contains(&length);
        Some(if valid { Ok(Self { kind: *kind, length: length + 1 }) } else { Err(InvalidLength) })
    }
}

/// No message has such a length: what arrives is not the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InvalidLength;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_kind_and_length() {
        assert_eq!(Message::parse(b"d\0\0\0\x06\0\x01"), Some(Ok(Message { kind: b'd', length: 7 })));
        assert_eq!(Message::parse(b"d\0\0\0"), None);
        assert_eq!(Message::parse(b"d\0\0\0\x03"), Some(Err(InvalidLength)));
        assert_eq!(Message::parse(b"d\xff\xff\xff\xff"), Some(Err(InvalidLength)));
    }
}

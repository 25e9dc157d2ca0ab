//! A password encrypted with the key that a server shows.

use mysql_common::crypto;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;

/// The bytes that OAEP with SHA-1 adds, and one for the product's own way to count those of the key.
const PADDING: usize = 43;

/// `None` if the key is none, or too short for the password.
///
/// What encrypts takes the key for a well-formed one, so it is looked at here before.
pub(super) fn encrypt(password: &[u8], pem: &[u8]) -> Option<Vec<u8>> {
    let key = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok()?;
    let length = modulus_length(&key)?;
    if password.len() + PADDING > length {
        return None;
    }
    // A file may hold other things too, which would be found first.
    Some(crypto::encrypt(password, &as_pem(&key)))
}

fn as_pem(der: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN PUBLIC KEY-----{body}-----END PUBLIC KEY-----").into_bytes()
}

/// The bytes of an RSA key's modulus: `SEQUENCE { SEQUENCE { algorithm }, BIT STRING { SEQUENCE { n, e } } }`.
fn modulus_length(der: &[u8]) -> Option<usize> {
    const SEQUENCE: u8 = 0x30;
    const BITS: u8 = 0x03;
    const INTEGER: u8 = 0x02;
    let (info, rest) = element(SEQUENCE, der)?;
    let (_, key) = element(SEQUENCE, info)?;
    let (bits, after) = element(BITS, key)?;
    let (key, tail) = element(SEQUENCE, bits.strip_prefix(&[0])?)?;
    let (modulus, exponent) = element(INTEGER, key)?;
    let (exponent, end) = element(INTEGER, exponent)?;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let whole = [rest, after, tail, end].iter().all(|left| left.is_empty());
    let sound = (128..=2048).contains(&modulus.len()) && (1..=8).contains(&exponent.len());
    let odd = modulus.last()? & exponent.last()? & 1 == 1;
    (whole && sound && odd && *modulus.first()? != 0).then_some(modulus.len())
}

/// The content of the element at the beginning, which must be of this type, and what follows.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = der.strip_prefix(&[tag])?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
        0x82 => rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest))?,
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::encrypt;
    use proptest::prelude::*;

    const KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxSKOcxiet8lLMn8ImyUE
bGGKob5EdRz/4wdiw12ED0GfKKTKhVnodFCfm1mdy7bKOX5QxL9skrvYodpW43eR
R5bfOzIgy1qIB8RYb6qOXRBw1oA4snBDqtUjDv/lbHLJN+IbzM4oU+e3Lt9rXyLX
VY289ewONPweXHqSCnTL91w+wkU1peIFV2QhZ+upUCdCtwOn5hnJPNgxtbklFoya
C8W3Z7Xx7He2QDJsEWAqX197efw0L6j8X8Tyd8Uwb7zUB1tfMGhHfm9EwejPAtzx
4GztQNtNMtGS2oGZLQBLV9hib4dDL92iiZeckg2LAf4GsJofLLR8mcHCRoqVbQJ1
YQIDAQAB
-----END PUBLIC KEY-----
";

    #[test]
    fn a_password_fits_or_is_refused() {
        assert_eq!(encrypt(b"secret\0", KEY.as_bytes()).map(|encrypted| encrypted.len()), Some(256));
        assert!(encrypt(&[b'x'; 213], KEY.as_bytes()).is_some());
        assert!(encrypt(&[b'x'; 214], KEY.as_bytes()).is_none());
    }

    proptest! {
        #[test]
        fn no_key_of_a_server_breaks_us(at in 0usize..451, byte in any::<u8>(), length in 0usize..480) {
            let mut key = KEY.as_bytes().to_vec();
            key[at] = byte;
            key.truncate(length.max(at));
            drop(encrypt(b"secret\0", &key));
        }
    }
}

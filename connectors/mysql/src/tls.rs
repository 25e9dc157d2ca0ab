//! TLS as the configuration wants it.

use crate::{MySqlConfig, SslMode};
use headwater_core::{Error, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::path::Path;
use std::sync::Arc;

/// Reads certificates from disk: not for a runtime thread. `None`: not encrypted.
pub(crate) fn options(config: &MySqlConfig) -> Result<Option<Arc<ClientConfig>>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let believed = match config.sslmode {
        SslMode::VerifyFull => Believed::Named(verifier(config, &provider)?),
        SslMode::VerifyCa => Believed::Signed(verifier(config, &provider)?),
        SslMode::Require => Believed::Any,
        SslMode::Disable => return Ok(None),
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::internal(format!("TLS: {e}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { believed, provider }));
    let tls = match &config.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let (chain, key) = (certificates("sslcert", certificate)?, private_key(key)?);
            builder.with_client_auth_cert(chain, key).map_err(|e| {
                Error::config(format!("sslcert and sslkey are not usable: {e}"))
                    .with_hint("the key must be that of the certificate")
            })?
        }
    };
    Ok(Some(Arc::new(tls)))
}

fn verifier(config: &MySqlConfig, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    match &config.sslrootcert {
        Some(path) => {
            for certificate in certificates("sslrootcert", path)? {
                roots.add(certificate).map_err(|e| unusable("sslrootcert", path, &e.to_string()))?;
            }
        }
        // One unreadable certificate of the system must not take the others away.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    if roots.is_empty() {
        return Err(Error::config("no certificate authority to trust was found")
            .with_hint("set sslrootcert to a PEM file with the authority of the server's certificate"));
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|e| Error::internal(format!("TLS: {e}")))
}

fn certificates(option: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let of_file = CertificateDer::pem_file_iter(path).map_err(|e| unusable(option, path, &e.to_string()))?;
    of_file.collect::<Result<_, _>>().map_err(|e| unusable(option, path, &e.to_string()))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path).map_err(|e| {
        Error::config(format!("sslkey {} is not usable: {e}", path.display()))
            .with_hint("name a PEM file with a private key that has no password")
    })
}

fn unusable(option: &str, path: &Path, error: &str) -> Error {
    Error::config(format!("{option} {} is not usable: {error}", path.display()))
        .with_hint("name a PEM file with one or more certificates")
}

/// Whose certificate is believed.
#[derive(Debug)]
enum Believed {
    /// One that an authority signed for this server.
    Named(Arc<WebPkiServerVerifier>),
    /// One that an authority signed, for whomever.
    Signed(Arc<WebPkiServerVerifier>),
    /// Any.
    Any,
}

/// Signatures are checked in any case, so the peer holds the key that it shows.
#[derive(Debug)]
struct Verifier {
    believed: Believed,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.believed {
            Believed::Named(verifier) => verifier.verify_server_cert(certificate, chain, name, ocsp, now),
            // The name is looked at last: all else is in order.
            Believed::Signed(verifier) => match verifier.verify_server_cert(certificate, chain, name, ocsp, now) {
                Err(rustls::Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )) => Ok(ServerCertVerified::assertion()),
                verified => verified,
            },
            Believed::Any => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

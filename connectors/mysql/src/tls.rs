//! TLS as the configuration wants it.

use crate::{MySqlConfig, SslMode};
use headwater_core::{Error, Result};
use mysql_async::SslOpts;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::path::Path;

/// Reads certificates from disk: not for a runtime thread. `None`: not encrypted.
pub(crate) fn options(config: &MySqlConfig) -> Result<Option<SslOpts>> {
    match config.sslmode {
        SslMode::VerifyFull => {
            let roots = roots(config)?.into_iter().map(|root| root.to_vec().into()).collect();
            Ok(Some(SslOpts::default().with_disable_built_in_roots(true).with_root_certs(roots)))
        }
        // The driver's own roots stay: it does not build a verifier without any, even if none is asked.
        SslMode::Require => Ok(Some(SslOpts::default().with_danger_accept_invalid_certs(true))),
        SslMode::Disable => Ok(None),
    }
}

fn roots(config: &MySqlConfig) -> Result<Vec<CertificateDer<'static>>> {
    let roots = match &config.sslrootcert {
        Some(path) => of_file(path)?,
        // One unreadable certificate of the system must not take the others away.
        None => {
            let mut roots = rustls_native_certs::load_native_certs().certs;
            roots.retain(|root| RootCertStore::empty().add(root.clone()).is_ok());
            roots
        }
    };
    if roots.is_empty() {
        return Err(Error::config("no certificate authority to trust was found")
            .with_hint("set sslrootcert to a PEM file with the authority of the server's certificate"));
    }
    Ok(roots)
}

fn of_file(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let unusable = |error: String| {
        Error::config(format!("sslrootcert {} is not usable: {error}", path.display()))
            .with_hint("name a PEM file with one or more certificates")
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|e| unusable(e.to_string()))?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|e| unusable(e.to_string()))?;
    for certificate in &certificates {
        RootCertStore::empty().add(certificate.clone()).map_err(|e| unusable(e.to_string()))?;
    }
    Ok(certificates)
}

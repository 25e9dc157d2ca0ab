//! A certificate authority and a server certificate, new for every server directory.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use crate::error::{Context as _, Result};

/// What a server and its clients need for TLS, in PEM.
pub(crate) struct Certificates {
    /// The authority that clients trust.
    pub(crate) authority: String,
    /// The server's certificate, valid for `localhost`, `127.0.0.1` and `::1`.
    pub(crate) server: String,
    /// The server's private key.
    pub(crate) server_key: String,
}

impl Certificates {
    /// Generates all three; the authority's key is forgotten.
    pub(crate) fn generate() -> Result<Self> {
        Self::try_generate().context(|| "generating TLS certificates".to_owned())
    }

    fn try_generate() -> Result<Self, rcgen::Error> {
        let authority_params = authority_params()?;
        let authority_key = KeyPair::generate()?;
        let authority = authority_params.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority_params, authority_key);
        let server_key = KeyPair::generate()?;
        let server = server_params()?.signed_by(&server_key, &issuer)?;
        Ok(Self { authority: authority.pem(), server: server.pem(), server_key: server_key.serialize_pem() })
    }
}

fn authority_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name.push(DnType::CommonName, "Headwater test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn server_params() -> Result<CertificateParams, rcgen::Error> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    // rustls refuses an end entity that does not say that it is no authority.
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

//! The five S3 calls that make buckets, signed with SigV4 by hand: an AWS client would make xtask build for minutes.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use crate::net;
use crate::shell;
use topology::Bucket;

/// An S3 server on this machine.
pub(crate) struct S3 {
    pub(crate) host: String,
    pub(crate) region: &'static str,
    pub(crate) access_key: &'static str,
    pub(crate) secret_key: &'static str,
}

impl S3 {
    /// Answers once the server serves.
    pub(crate) fn list_buckets(&self) -> Result<()> {
        self.call("GET", "/", "", b"", &[]).map(drop)
    }

    /// Makes the buckets that are not there, and sets versioning, object lock and CORS on all.
    pub(crate) fn make_buckets(&self, buckets: &[Bucket], origins: &[String]) -> Result<()> {
        for bucket in buckets {
            let path = format!("/{}", bucket.name);
            let conflict = 409;
            self.call("PUT", &path, "", b"", &[conflict])
                .with_context(|| format!("creating bucket {}", bucket.name))?;
            if bucket.versioned {
                let body = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Enabled</Status></VersioningConfiguration>";
                self.call("PUT", &path, "versioning=", body.as_bytes(), &[])
                    .with_context(|| format!("versioning bucket {}", bucket.name))?;
            }
            if bucket.object_lock {
                let body = "<ObjectLockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
                self.call("PUT", &path, "object-lock=", body.as_bytes(), &[])
                    .with_context(|| format!("making bucket {} lockable", bucket.name))?;
            }
            if bucket.cors {
                self.call("PUT", &path, "cors=", cors(origins).as_bytes(), &[])
                    .with_context(|| format!("allowing browsers into bucket {}", bucket.name))?;
            }
        }
        Ok(())
    }

    /// One signed call; answers 200, or one of `accepted`.
    fn call(&self, method: &str, path: &str, query: &str, body: &[u8], accepted: &[u16]) -> Result<String> {
        let time = shell::output(std::process::Command::new("date").args(["-u", "+%Y%m%dT%H%M%SZ"]))?;
        let time = time.trim();
        let digest = Sha256::digest(body);
        let payload = hex(&digest);
        // Calls that change a bucket's settings are refused without a checksum of their body.
        let checksum = BASE64_STANDARD.encode(digest);
        let signed = "host;x-amz-checksum-sha256;x-amz-content-sha256;x-amz-date";
        let canonical = format!(
            "{method}\n{path}\n{query}\nhost:{}\nx-amz-checksum-sha256:{checksum}\nx-amz-content-sha256:{payload}\n\
             x-amz-date:{time}\n\n{signed}\n{payload}",
            self.host
        );
        let authorization = self.authorization(&canonical, time, signed);
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}?{query}", self.host))
            .header("x-amz-checksum-sha256", &checksum)
            .header("x-amz-content-sha256", &payload)
            .header("x-amz-date", time)
            .header("authorization", authorization)
            .body(body.to_vec())?;
        let mut response = net::agent(Duration::from_secs(10)).run(request)?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().unwrap_or_default();
        if status != 200 && !accepted.contains(&status) {
            bail!("S3 answered {status}: {text}");
        }
        Ok(text)
    }

    fn authorization(&self, canonical: &str, time: &str, signed: &str) -> String {
        let date = &time[..8];
        let scope = format!("{date}/{}/s3/aws4_request", self.region);
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let key = [date, self.region, "s3", "aws4_request"]
            .iter()
            .fold(format!("AWS4{}", self.secret_key).into_bytes(), |key, part| {
                hmac(&key, part.as_bytes()).to_vec()
            });
        let signature = hex(&hmac(&key, to_sign.as_bytes()));
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}",
            self.access_key
        )
    }
}

/// What a page may do from a browser: put a file with the headers its signature fixes, and read one.
fn cors(origins: &[String]) -> String {
    let origins: String =
        origins.iter().map(|origin| format!("<AllowedOrigin>{origin}</AllowedOrigin>")).collect();
    format!(
        "<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><CORSRule>{origins}\
         <AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod><AllowedMethod>PUT</AllowedMethod>\
         <AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>\
         <ExposeHeader>x-amz-checksum-sha256</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds>\
         </CORSRule></CORSConfiguration>"
    )
}

/// HMAC-SHA-256 (RFC 2104) for keys of up to a block, which all of SigV4's are.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_agrees_with_rfc_4231() {
        let case_2 = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(&case_2), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}

//! clamd from the distribution over a signature folder of our own: the EICAR test file and nothing else, so that
//! no gigabyte of official signatures has to be fetched. Production mounts the official ones.

use std::fs;
use std::process::Command;

use anyhow::Result;

use super::ports::Port;
use super::process::Launch;
use super::{Server, Stack, system};
use crate::net;

pub(crate) const SERVER: Server = Server {
    name: "clamd",
    needs: &[system::CLAMD],
    ports: &[Port::Clamd],
    tool: None,
    launch,
    ready: |stack| net::greet(stack.port(Port::Clamd), "nPING\n", "PONG"),
    provision: |_| Ok(()),
};

/// The EICAR test file as a signature: name, any file type, at its very start, the bytes in hex.
pub(crate) const SIGNATURES: &str = "Eicar-Test-Signature:0:0:\
58354f2150254041505b345c505a58353428505e2937434329377d244549434152\
2d5354414e444152442d414e544956495255532d544553542d46494c452124482b482a\n";

fn launch(stack: &Stack) -> Result<Launch> {
    let dir = stack.data("clamd")?;
    let (signatures, temporary) = (dir.join("signatures"), dir.join("tmp"));
    fs::create_dir_all(&signatures)?;
    fs::create_dir_all(&temporary)?;
    fs::write(signatures.join("guildhall.ndb"), SIGNATURES)?;
    let file = dir.join("clamd.conf");
    let config = config(
        "127.0.0.1",
        stack.port(Port::Clamd),
        &signatures.to_string_lossy(),
        &temporary.to_string_lossy(),
    );
    fs::write(&file, config)?;
    let mut command = Command::new(system::program("clamd")?);
    command.arg("--config-file").arg(file);
    Ok(Launch::new(command))
}

/// Its settings. Limits are above the largest upload that no policy has reviewed (50 MiB) and the smallest that comes in parts,
/// and files and depth above what an upload policy may allow for archives, so that the policy's limits are what decides. What
/// is above them, or needs a password, is an alert, never silently clean.
pub(crate) fn config(address: &str, port: u16, signatures: &str, temporary: &str) -> String {
    format!(
        "\
Foreground yes
TCPAddr {address}
TCPSocket {port}
DatabaseDirectory {signatures}
TemporaryDirectory {temporary}
StreamMaxLength 100M
MaxScanSize 400M
MaxFileSize 100M
MaxScanTime 60000
MaxRecursion 20
MaxFiles 100000
AlertExceedsMax yes
AlertEncrypted yes
MaxThreads 8
MaxQueue 100
ReadTimeout 60
CommandReadTimeout 10
SelfCheck 0
ExitOnOOM yes
LogTime yes
"
    )
}

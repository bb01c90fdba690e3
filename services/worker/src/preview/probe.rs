//! What a file could make a child do, done on purpose: proof that it comes to nothing.
//!
//! [`Sandbox::check`](super::sandbox::Sandbox::check) tries one of them before any file is looked at; the tests try all. A
//! probe runs in the same jail as a file does, so that it harms nobody, whoever calls it.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Write};

/// A misdeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Takes all memory there is.
    Memory,
    /// Computes for ever.
    Spin,
    /// Waits for ever.
    Wait,
    /// Calls itself for ever.
    Nest,
    /// Aborts.
    Abort,
    /// Says what is no answer.
    Garbage,
    /// Ends without an answer.
    Silence,
    /// Talks for ever.
    Chatter,
    /// Opens a file.
    Open,
    /// Reads a descriptor that was open before.
    Inherit,
    /// Opens a socket.
    Socket,
    /// Starts another program.
    Exec,
    /// Starts a thread.
    Thread,
    /// Looks at the environment: answers only where it is empty.
    Environment,
}

thread_local! {
    static OPEN: RefCell<Option<File>> = const { RefCell::new(None) };
}

impl Probe {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Memory,
        Self::Spin,
        Self::Wait,
        Self::Nest,
        Self::Abort,
        Self::Garbage,
        Self::Silence,
        Self::Chatter,
        Self::Open,
        Self::Inherit,
        Self::Socket,
        Self::Exec,
        Self::Thread,
        Self::Environment,
    ];

    /// Its name on the child's command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "probe-memory",
            Self::Spin => "probe-spin",
            Self::Wait => "probe-wait",
            Self::Nest => "probe-nest",
            Self::Abort => "probe-abort",
            Self::Garbage => "probe-garbage",
            Self::Silence => "probe-silence",
            Self::Chatter => "probe-chatter",
            Self::Open => "probe-open",
            Self::Inherit => "probe-inherit",
            Self::Socket => "probe-socket",
            Self::Exec => "probe-exec",
            Self::Thread => "probe-thread",
            Self::Environment => "probe-environment",
        }
    }

    /// What has to be there before the process is locked down.
    pub(super) fn prepare(self) {
        if self == Self::Inherit {
            OPEN.set(File::open("/proc/self/status").ok());
        }
    }

    pub(super) fn run(self) -> io::Result<()> {
        match self {
            Self::Memory => {
                let mut taken = Vec::new();
                loop {
                    taken.push(std::hint::black_box(vec![1_u8; 1024 * 1024]));
                }
            }
            Self::Spin => loop {
                std::hint::spin_loop();
            },
            Self::Wait => loop {
                std::thread::park();
            },
            Self::Nest => {
                std::hint::black_box(nest(0));
                Ok(())
            }
            Self::Abort => std::process::abort(),
            Self::Garbage => {
                io::stdout().lock().write_all(b"Content-Type: text/html\r\n\r\n<h1>It works!</h1>")
            }
            Self::Silence => Ok(()),
            Self::Chatter => loop {
                io::stdout().lock().write_all(&[2, 0, 0, 0, 0])?;
            },
            Self::Open => File::open("/etc/passwd").map(drop),
            Self::Inherit => OPEN.with_borrow_mut(|open| match open {
                Some(open) => open.read(&mut [0]).map(drop),
                None => Ok(()),
            }),
            Self::Socket => std::net::TcpStream::connect("127.0.0.1:9").map(drop),
            Self::Exec => std::process::Command::new("/bin/true").status().map(drop),
            Self::Thread => std::thread::Builder::new().spawn(|| ()).map(drop),
            Self::Environment => match std::env::vars_os().next() {
                None => {
                    super::frames::Writer::new(io::stdout().lock()).refuse(super::frames::Refusal::Malformed)
                }
                Some(_) => Ok(()),
            },
        }
    }
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn nest(depth: u64) -> u64 {
    std::hint::black_box([depth; 64]);
    nest(depth + 1) + 1
}

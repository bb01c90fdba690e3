//! The parent's side: runs a child for one file, bounds it from outside as well, and says what became of it.

use std::io::{self, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use proto::document::v1::PreviewFailure;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::OnceCell;

use super::child::{COMMAND, NOT_LOCKED, Task};
use super::frames::{self, Refusal, Rendered};
use super::probe::Probe;

/// What a child writes beside its answer is read to this many bytes: it tells running out of memory from other deaths.
const MAX_COMPLAINT: u64 = 4 * 1024;
/// What the standard library says before it aborts.
const OUT_OF_MEMORY: &[u8] = b"memory allocation of ";

/// Exit code of a program that panicked.
const PANICKED: i32 = 101;

/// What one child may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory in bytes, beyond what the program takes by itself.
    pub memory: u64,
    /// Processor time, whole seconds.
    pub cpu: Duration,
    /// Time by the clock on the wall.
    pub wall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let (cpu, wall) = (Duration::from_secs(20), Duration::from_secs(60));
        Self { memory: 512 * 1024 * 1024, cpu, wall }
    }
}

/// Makes children. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sandbox {
    program: PathBuf,
    limits: Limits,
    holds: Arc<OnceCell<()>>,
}

/// No child could be run as it must be: nothing was learnt about the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system did not start one.
    #[error("no child process can be started")]
    Start(#[source] io::Error),
    /// This system does not lock it down.
    #[error("the child process cannot be locked down")]
    NotLocked,
}

impl Sandbox {
    /// Runs `program`, which is the worker's, for each file.
    #[must_use]
    pub fn new(program: PathBuf, limits: Limits) -> Self {
        Self { program, limits, holds: Arc::default() }
    }

    /// Proves once that this system locks a child down: one that opens a file is ended.
    ///
    /// # Errors
    /// When a child could not be run, or went on.
    pub async fn check(&self) -> Result<(), Error> {
        let proof = self.holds.get_or_try_init(|| async {
            match self.draw(Task::Probe(Probe::Open), Bytes::new()).await? {
                Err(PreviewFailure::ForbiddenCall) => Ok(()),
                _ => Err(Error::NotLocked),
            }
        });
        proof.await.copied()
    }

    /// Looks at one file. Whatever is in it, this comes back within the limits, and says why there is no preview.
    ///
    /// # Errors
    /// [`Error`]: it is not the file's fault.
    pub async fn draw(&self, task: Task, bytes: Bytes) -> Result<Result<Rendered, PreviewFailure>, Error> {
        let this = self.clone();
        // On a thread of its own: pipes are waited for. It ends with the child, also where nobody waits any more.
        let drawn = tokio::task::spawn_blocking(move || {
            let child = this.start(task).map_err(Error::Start)?;
            let outcome = talk(child, &bytes, this.limits.wall).map_err(Error::Start)?;
            match outcome.status.code() {
                Some(code) if code == i32::from(NOT_LOCKED) => Err(Error::NotLocked),
                _ => Ok(judge(outcome)),
            }
        });
        drawn.await.map_err(|error| Error::Start(io::Error::other(error)))?
    }

    fn start(&self, task: Task) -> io::Result<Child> {
        Command::new(&self.program)
            .arg(COMMAND)
            .arg(task.name())
            .arg(self.limits.memory.to_string())
            .arg(self.limits.cpu.as_secs().to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }
}

/// What a child left.
struct Outcome {
    status: ExitStatus,
    answer: Result<Result<Rendered, Refusal>, frames::Error>,
    complaint: Vec<u8>,
    /// It was ended since its time was over.
    late: bool,
}

/// Gives a child its file, takes its answer, and waits for its end, which comes within `wall`.
fn talk(mut child: Child, bytes: &[u8], wall: Duration) -> io::Result<Outcome> {
    let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
    let mut stdin = child.stdin.take().ok_or_else(gone)?;
    let mut stdout = child.stdout.take().ok_or_else(gone)?;
    let mut stderr = child.stderr.take().ok_or_else(gone)?;
    let pid = Pid::from_child(&child);
    let (ended, end) = mpsc::channel::<()>();
    let (answer, complaint, late) = thread::scope(|threads| {
        threads.spawn(move || {
            // One that has died, or does not read to the end, says so by other ways.
            let _ = stdin.write_all(bytes);
        });
        let complaint = threads.spawn(move || {
            let mut complaint = Vec::new();
            let _ = (&mut stderr).take(MAX_COMPLAINT).read_to_end(&mut complaint);
            let _ = io::copy(&mut stderr, &mut io::sink());
            complaint
        });
        // The pid is the child's until somebody waits for it, which is after this.
        let watch = threads.spawn(move || {
            let late = end.recv_timeout(wall) == Err(mpsc::RecvTimeoutError::Timeout);
            if late {
                let _ = kill_process(pid, Signal::KILL);
            }
            late
        });
        let answer = frames::read(&mut stdout);
        // Who goes on talking after what is no answer talks to nobody.
        drop(stdout);
        // A child's end closes its standard error.
        let complaint = complaint.join().unwrap_or_default();
        drop(ended);
        (answer, complaint, watch.join().unwrap_or_default())
    });
    Ok(Outcome { status: child.wait()?, answer, complaint, late })
}

/// An answer counts only from a child that then ended well.
fn judge(outcome: Outcome) -> Result<Rendered, PreviewFailure> {
    const SIGSYS: i32 = libc::SIGSYS;
    const SIGXCPU: i32 = libc::SIGXCPU;
    let Outcome { status, answer, complaint, late } = outcome;
    match (status.signal(), answer) {
        (None, Ok(answer)) if status.success() => answer.map_err(|refusal| match refusal {
            Refusal::Malformed => PreviewFailure::Malformed,
            Refusal::Encrypted => PreviewFailure::Encrypted,
            Refusal::TooManyPixels => PreviewFailure::TooManyPixels,
        }),
        _ if late => Err(PreviewFailure::TimeExceeded),
        (Some(SIGSYS), _) => Err(PreviewFailure::ForbiddenCall),
        (Some(SIGXCPU), _) => Err(PreviewFailure::TimeExceeded),
        (Some(_), _) if complaint.starts_with(OUT_OF_MEMORY) => Err(PreviewFailure::MemoryExceeded),
        (Some(_), _) => Err(PreviewFailure::Crashed),
        // It panicked, in one of the libraries that read what strangers wrote.
        (None, _) if status.code() == Some(PANICKED) => Err(PreviewFailure::Crashed),
        (None, _) => Err(PreviewFailure::Garbage),
    }
}

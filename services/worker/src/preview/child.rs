//! The child: a process of the worker's own program that looks at one file and knows nothing else.
//!
//! `worker preview-child <what> <memory> <seconds>`, for the worker alone. The file comes by standard input, the answer
//! goes to standard output ([`frames`](super::frames)); the process is locked down before it reads ([`jail`](super::jail)).

use std::ffi::OsString;
use std::io::{self, Read};
use std::process::ExitCode;

use super::frames::{Refusal, Writer};
use super::jail::{self, Allowance};
use super::{pdf, picture, probe};

/// The hidden subcommand.
pub const COMMAND: &str = "preview-child";
/// Exit code of a child that could not lock itself down.
pub const NOT_LOCKED: u8 = 71;
/// Exit code of a child that was called by somebody who is not the worker.
const USAGE: u8 = 64;

/// What a child is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Draw a PDF.
    Pdf,
    /// Draw a PNG.
    Png,
    /// Draw a JPEG.
    Jpeg,
    /// Misbehave, to show that it is to no effect.
    Probe(probe::Probe),
}

impl Task {
    /// The task for a detected media type; nothing where files of that type have no preview.
    #[must_use]
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "application/pdf" => Some(Self::Pdf),
            "image/png" => Some(Self::Png),
            "image/jpeg" => Some(Self::Jpeg),
            _ => None,
        }
    }

    /// Its name on the child's command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Probe(probe) => probe.name(),
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let files = [Self::Pdf, Self::Png, Self::Jpeg];
        let probes = probe::Probe::ALL.map(Self::Probe);
        files.into_iter().chain(probes).find(|task| task.name() == name)
    }
}

/// Runs the child if that is what this process is to be. Called first of all, while there is one thread.
#[must_use]
pub fn run_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    (arguments.next()? == COMMAND).then(|| run(arguments))
}

fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.filter_map(|argument| argument.into_string().ok()).collect();
    let asked = match &arguments[..] {
        [task, memory, seconds] => Task::parse(task).zip(memory.parse().ok().zip(seconds.parse().ok())),
        _ => None,
    };
    let Some((task, (memory, cpu_seconds))) = asked else { return USAGE.into() };
    if let Task::Probe(probe) = task {
        probe.prepare();
    }
    if jail::lock(Allowance { memory, cpu_seconds }).is_err() {
        return NOT_LOCKED.into();
    }
    match answer(task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn answer(task: Task) -> io::Result<()> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    let mut out = Writer::new(io::stdout().lock());
    let drawn = match task {
        Task::Pdf => pdf::draw(bytes, &mut out),
        Task::Png => picture::draw(&bytes, image::ImageFormat::Png, &mut out),
        Task::Jpeg => picture::draw(&bytes, image::ImageFormat::Jpeg, &mut out),
        Task::Probe(probe) => return probe.run(),
    };
    match drawn {
        Ok(total_pages) => out.end(total_pages),
        Err(Failure::Refused(refusal)) => out.refuse(refusal),
        Err(Failure::Io(error)) => Err(error),
    }
}

/// Why a file was not drawn.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is the file's fault.
    Refused(Refusal),
    /// Nobody listens.
    Io(io::Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

//! Locks this process down, before the first byte of a file is read.
//!
//! What is left: reading standard input, writing standard output and error, computing, and a bounded amount of memory and
//! time. No files, no sockets, no other programs, processes or threads, no code that was not in the binary. Resource
//! limits bound what is allowed; a seccomp filter ends the process at the first system call that is not.
//!
//! There is no way back: neither limits nor filter can be lifted from within.

use std::collections::BTreeMap;
use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// What a child may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Memory in bytes, beyond what the program takes by itself.
    pub memory: u64,
    /// Processor time in seconds.
    pub cpu_seconds: u64,
}

/// The process is not locked down, and must not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A limit could not be set.
    #[error("a resource limit cannot be set")]
    Limit(#[from] rustix::io::Errno),
    /// It cannot be told how much memory the program takes.
    #[error("the size of this process cannot be told")]
    Size(#[source] io::Error),
    /// The filter could not be made or put in force.
    #[error("the filter of system calls cannot be put in force")]
    Filter(#[from] seccompiler::Error),
}

/// Locks this process down. It must have one thread.
///
/// # Errors
/// When anything is not in force: the process must then end.
pub fn lock(allowance: Allowance) -> Result<(), Error> {
    let filter = filter()?;
    let memory = size()?.saturating_add(allowance.memory);
    let none = [
        // No file grows, no descriptor is opened, no process begins, no memory is written to disk.
        (Resource::Fsize, 0),
        (Resource::Nofile, 0),
        (Resource::Nproc, 0),
        (Resource::Core, 0),
        (Resource::As, memory),
    ];
    for (resource, limit) in none {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    // A signal that is not handled at the first, SIGKILL at the second.
    let cpu = Rlimit { current: Some(allowance.cpu_seconds), maximum: Some(allowance.cpu_seconds + 1) };
    setrlimit(Resource::Cpu, cpu)?;
    seccompiler::apply_filter(&filter)?;
    Ok(())
}

/// Address space that the program takes before it does anything, in bytes.
fn size() -> Result<u64, Error> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(Error::Size)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|kib| kib.parse::<u64>().ok());
    Ok(kib.ok_or_else(|| Error::Size(io::ErrorKind::InvalidData.into()))? * 1024)
}

fn filter() -> Result<BpfProgram, Error> {
    let is = |argument, value| condition(argument, SeccompCmpOp::Eq, value);
    let lacks = |argument, bit| condition(argument, SeccompCmpOp::MaskedEq(bit), 0);
    let (exec, no_file) = (libc::PROT_EXEC.unsigned_abs().into(), u64::from(u32::MAX));
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::from([
        // Of the descriptors, whatever else may have been left open: the three that are meant.
        (libc::SYS_read, vec![rule([is(0, 0)?])?]),
        (libc::SYS_write, vec![rule([is(0, 1)?])?, rule([is(0, 2)?])?]),
        // Memory of its own, and none that can be run.
        (libc::SYS_mmap, vec![rule([lacks(2, exec)?, is(4, no_file)?])?]),
        (libc::SYS_mprotect, vec![rule([lacks(2, exec)?])?]),
    ]);
    let harmless = [
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        // Locks of the standard library; hash maps' seeds; clocks, where the kernel has no page for them.
        libc::SYS_futex,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_sched_yield,
        // Dying: panics, aborts, overflows of the stack.
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    rules.extend(harmless.map(|call| (call, vec![])));
    // A signal goes to this process alone.
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![rule([is(0, own)?])?]);
    let arch = std::env::consts::ARCH.try_into().map_err(seccompiler::Error::Backend)?;
    let filter = SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch);
    Ok(filter.and_then(BpfProgram::try_from).map_err(seccompiler::Error::Backend)?)
}

fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompCondition, Error> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value);
    Ok(condition.map_err(seccompiler::Error::Backend)?)
}

fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, Error> {
    Ok(SeccompRule::new(conditions.into()).map_err(seccompiler::Error::Backend)?)
}

#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "a bench speaks to its terminal")]

mod env;
mod goal;
mod pgbench;
mod process;
mod rehearsed;
mod report;
mod spread;
mod table;

pub use env::{Args, Env, out, peer, server};
pub use goal::{Bound, Goal};
pub use process::{Cpu, Process};
pub use rehearsed::{Made, rehearsed};
pub use report::{Report, Role, Sample};
pub use spread::{Spread, percentile, ratio};

/// One line of progress, with the seconds since the first one.
pub fn progress(what: &str) {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let seconds = START.get_or_init(std::time::Instant::now).elapsed().as_secs_f64();
    println!("{seconds:>7.1}s  {what}");
}

/// The order in which `contenders` take their turns: A B B A, over and over, so that what drifts with time favours
/// nobody.
pub fn turns(rounds: usize, contenders: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rounds).flat_map(move |round| {
        (0..contenders)
            .map(move |place| (round, if round.is_multiple_of(2) { place } else { contenders - 1 - place }))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn turns_go_there_and_back() {
        let order: Vec<usize> = super::turns(3, 2).map(|(_, contender)| contender).collect();
        assert_eq!(order, [0, 1, 1, 0, 0, 1]);
    }
}

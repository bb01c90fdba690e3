//! What the relay must reach, and how it compares.

use bench_report::{Bound, Report, Sample, ratio};

use crate::contender::Contender;
use crate::{drain, latency, limits, slope, writers};

pub(crate) fn add(report: &mut Report) {
    drain_goals(report);
    for rate in latency::rates() {
        for name in [latency::OWN, latency::OTHER] {
            let measured = report.median(&latency::section(rate), name, |sample| sample.p99_ms);
            if report.has(&latency::section(rate)) {
                report.goal(format!("p99 ms at {rate}/s, {name}"), Bound::AtMost(25.0), measured);
            }
        }
    }
    if report.has(writers::SECTION) {
        let rate = |name: &str| report.median(writers::SECTION, name, |sample| sample.throughput);
        let loss = ratio(rate(Contender::Ours.name()), rate(writers::ALONE)).map(|kept| 1.0 - kept);
        report.goal("share of their rate that writers lose", Bound::AtMost(0.10), loss);
    }
    if report.has(slope::BACKLOG) {
        let rate = report.median(slope::BACKLOG, Contender::Ours.name(), |sample| sample.throughput);
        report.goal("backlog of 180,000, events a second", Bound::AtLeast(18_000.0), rate);
    }
    for (section, name, what) in [
        (slope::ROWS, slope::rows as fn(usize) -> String, "rows"),
        (slope::PARTITIONS, slope::partitions, "partitions"),
    ] {
        if !report.has(section) {
            continue;
        }
        let cost = |place| {
            let own = report.median(section, &name(place), |sample| sample.cpu_us_per_unit)?;
            let servers = report.median(section, &name(place), |sample| sample.servers_cpu_us_per_unit)?;
            Some(own + servers)
        };
        let growth = |place| ratio(cost(place), cost(0));
        let (second, third) = (growth(1), growth(2));
        report.goal(
            format!("CPU of an event, relay and servers, second to first number of {what}"),
            Bound::AtMost(1.3),
            second,
        );
        report.goal(
            format!("CPU of an event, relay and servers, third to first number of {what}"),
            Bound::AtMost(1.3),
            third,
        );
    }
}

fn drain_goals(report: &mut Report) {
    if !report.has(drain::SECTION) {
        return;
    }
    let ours = Contender::Ours.name();
    let against = |name: &str, figure: fn(&Sample) -> Option<f64>| {
        ratio(report.median(drain::SECTION, ours, figure), report.median(drain::SECTION, name, figure))
    };
    let (debezium, naive) = (Contender::Debezium.name(), Contender::Naive.name());
    let throughput = against(debezium, |sample| sample.throughput);
    let cpu = against(debezium, |sample| sample.cpu_us_per_unit);
    let memory = against(debezium, |sample| sample.rss_mib);
    let over_naive = against(naive, |sample| sample.throughput);
    let mut notes = Vec::new();
    for name in [limits::DECODE, limits::PRODUCE] {
        if let Some(share) = against(name, |sample| sample.throughput) {
            notes.push(format!("{ours} drains at {:.0} % of {name}'s rate.", share * 100.0));
        }
    }
    for contender in [Contender::Debezium, Contender::Obix, Contender::Naive] {
        let rate = against(contender.name(), |sample| sample.throughput);
        let cpu = against(contender.name(), |sample| sample.cpu_us_per_unit);
        if let (Some(rate), Some(cpu)) = (rate, cpu) {
            notes.push(format!("Against {}: {rate:.2} × its rate at {cpu:.2} × its CPU.", contender.name()));
        }
    }
    report.goal("drain, × Debezium's rate", Bound::AtLeast(2.0), throughput);
    report.goal("drain, × Debezium's CPU", Bound::AtMost(0.25), cpu);
    report.goal("drain, × Debezium's memory", Bound::AtMost(0.05), memory);
    report.goal("drain, × the naive relay's rate", Bound::AtLeast(3.0), over_naive);
    for note in notes {
        report.note(note);
    }
}

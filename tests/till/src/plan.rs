//! Where a process kills itself.

use testkit::place::Points;

use crate::role::Role;

/// The points that a service passes while payments are made. Those of consumers after that are the backbone's.
#[must_use]
pub fn points(role: Role) -> Points {
    match role {
        Role::Payment => &[
            ("initiate::written", 3),
            ("initiate::committed", 3),
            ("step::read", 12),
            ("step::asked", 12),
            ("step::written", 12),
            ("step::committed", 12),
            ("callback::written", 4),
            ("callback::committed", 4),
            ("refund::written", 1),
            ("refund::committed", 1),
            ("settle::fetched", 1),
            ("settle::written", 1),
            ("settle::committed", 1),
            ("outbox::led", 1),
            ("outbox::read", 10),
            ("outbox::handed", 25),
            ("outbox::acked", 15),
            ("outbox::appended", 30),
            ("outbox::deleted", 10),
            ("pg::before_commit", 60),
            ("pg::after_commit", 60),
        ],
        Role::Worker => &[
            ("consumer::received", 10),
            ("consumer::stored", 2),
            ("request::payment_wanted", 8),
            ("advance::begun", 12),
            ("advance::done", 12),
            ("mail::claimed", 5),
            ("mail::sent", 5),
            ("mail::reported", 5),
        ],
        Role::Notification | Role::Document | Role::Bff => &[],
    }
}

/// The points that it passes while a run of thousands of bills is made, and how often at the least, in the order in which it comes to them.
#[must_use]
pub fn points_of_run(role: Role) -> Points {
    match role {
        Role::Payment => &[("run::staged", 20), ("run::issued", 3_000)],
        Role::Worker => &[("bill_run::read", 1), ("bill_run::issued", 60)],
        Role::Notification | Role::Document | Role::Bff => &[],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_point_has_one_name() {
        for points in Role::KILLED.iter().flat_map(|role| [points(*role), points_of_run(*role)]) {
            let names: BTreeSet<_> = points.iter().map(|(name, _)| name).collect();
            assert_eq!(names.len(), points.len());
            assert!(points.iter().all(|(_, often)| *often > 0));
        }
    }
}

//! Where a process kills itself.

use crate::roles::Role;

/// The points that a role passes, and how often it passes each while it works for a second or so.
#[must_use]
pub fn points(role: Role) -> &'static [(&'static str, u32)] {
    match role {
        Role::Producer => &[("outbox::appended", 120), ("pg::before_commit", 60), ("pg::after_commit", 60)],
        Role::Relay => &[
            ("outbox::led", 1),
            ("outbox::read", 10),
            ("outbox::handed", 40),
            ("outbox::acked", 8),
            ("outbox::deleted", 8),
            ("outbox::jobs_read", 3),
            ("outbox::jobs_sent", 3),
            ("outbox::jobs_deleted", 3),
            ("pg::before_commit", 20),
            ("pg::after_commit", 20),
        ],
        Role::Consumer => &[
            ("consumer::received", 40),
            ("consumer::noted", 10),
            ("consumer::applied", 10),
            ("consumer::committed", 10),
            ("consumer::stored", 20),
            ("consumer::offsets_committed", 3),
            ("consumer::revoked", 1),
            ("pg::before_commit", 10),
            ("pg::after_commit", 10),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_points_of_its_own() {
        for (role, prefix) in [(Role::Relay, "outbox::"), (Role::Consumer, "consumer::")] {
            assert!(points(role).iter().filter(|(point, _)| point.starts_with(prefix)).count() > 5);
        }
        assert!(points(Role::Producer).iter().any(|(point, _)| *point == "outbox::appended"));
    }
}

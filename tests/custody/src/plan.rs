//! Where a process kills itself.

use crate::role::Role;

/// The points that a service passes, and how often it passes each in its first seconds, at the least.
#[must_use]
pub fn points(role: Role) -> &'static [(&'static str, u32)] {
    match role {
        Role::Document => &[
            ("confirm::asking", 4),
            ("confirm::asked", 4),
            ("confirm::written", 4),
            ("confirm::committed", 4),
            ("claim::written", 4),
            ("claim::committed", 4),
            ("report::asked", 3),
            ("report::written", 3),
            ("report::committed", 3),
            ("hold::written", 2),
            ("hold::committed", 2),
            ("release::written", 2),
            ("release::committed", 2),
            ("retention::written", 2),
            ("erase::written", 2),
            ("erase::committed", 2),
            ("erase::deleted_evidence", 2),
            ("cleanup::taken", 4),
            ("cleanup::unheld", 1),
            ("cleanup::deleted", 4),
            ("cleanup::settled", 4),
            ("locks::asked", 3),
            ("locks::retained", 2),
            ("locks::told", 3),
            ("locks::settled", 3),
            ("expire::written", 1),
            ("reconcile::looked", 3),
            ("reconcile::checked", 1),
            ("reconcile::unhidden", 1),
            ("reconcile::relocked", 1),
            ("reconcile::deleted", 1),
            ("reconcile::ended_upload", 1),
            ("reconcile::kept", 3),
            ("outbox::appended", 20),
            ("outbox::acked", 4),
            ("outbox::deleted", 4),
            ("outbox::jobs_sent", 3),
            ("pg::before_commit", 30),
            ("pg::after_commit", 30),
        ],
        Role::Worker => &[
            ("scan::claiming", 3),
            ("scan::claimed", 3),
            ("scan::looked", 3),
            ("scan::copying", 3),
            ("scan::copied", 3),
            ("scan::reported", 3),
        ],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_point_has_one_name() {
        for role in Role::ALL {
            let names: BTreeSet<_> = points(role).iter().map(|(name, _)| name).collect();
            assert_eq!(names.len(), points(role).len());
            assert!(points(role).iter().all(|(_, often)| *often > 0));
        }
    }
}

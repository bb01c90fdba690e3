//! What must be reached.

use serde_json::{Value, json};

/// A limit of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The figure or more.
    AtLeast(f64),
    /// The figure or less.
    AtMost(f64),
}

/// A goal and what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// For example `drain, × Debezium`.
    pub name: String,
    /// What must be reached.
    pub bound: Bound,
    /// `None` when a gate failed, and with it the goal.
    pub measured: Option<f64>,
}

impl Goal {
    /// Whether it was measured and reached.
    #[must_use]
    pub fn met(&self) -> bool {
        match (self.bound, self.measured) {
            (Bound::AtLeast(least), Some(measured)) => measured >= least,
            (Bound::AtMost(most), Some(measured)) => measured <= most,
            (_, None) => false,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self.bound {
            Bound::AtLeast(least) => format!("≥ {least}"),
            Bound::AtMost(most) => format!("≤ {most}"),
        }
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "name": self.name, "goal": self.text(), "measured": self.measured, "met": self.met() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_without_a_figure_is_missed() {
        let goal = |bound, measured| Goal { name: String::new(), bound, measured };
        assert!(goal(Bound::AtLeast(2.0), Some(2.0)).met());
        assert!(!goal(Bound::AtLeast(2.0), Some(1.9)).met());
        assert!(goal(Bound::AtMost(0.25), Some(0.2)).met());
        assert!(!goal(Bound::AtMost(0.25), Some(0.3)).met());
        assert!(!goal(Bound::AtMost(0.25), None).met());
    }
}

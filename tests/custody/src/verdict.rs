//! Comparing what was acknowledged with rows, objects, locks and events.

use std::collections::{BTreeMap, BTreeSet};

/// A version of a document: the document's id, and the number.
pub type Named = (String, i32);

/// What callers were told.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged {
    /// Uploads that were confirmed.
    pub confirmed: BTreeSet<Named>,
    /// Holds that were placed, with their documents.
    pub held: BTreeMap<String, String>,
    /// Holds that were released.
    pub released: BTreeSet<String>,
    /// Documents that were erased because somebody asked.
    pub erased: BTreeSet<String>,
}

/// A row of `document_versions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it stands.
    pub status: String,
    /// What was declared.
    pub size: u64,
    /// What was declared.
    pub sha256: Vec<u8>,
    /// Until when it is kept, in seconds since 1970.
    pub retain_until: Option<i64>,
}

/// A stored version of an object, of the one that is read if it is the latest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256; of the latest only.
    pub sha256: Option<Vec<u8>>,
    /// Whether it marks a deletion.
    pub deleted: bool,
    /// Until when it is locked, in seconds since 1970.
    pub locked_until: Option<i64>,
    /// Whether it has a legal hold.
    pub held: bool,
}

/// What happened, by an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A version took the edge of this name: `initiated`, `uploaded`, `scanning`, `ready`, `rejected` or `expired`.
    Edge(i32, String),
    /// A hold was placed, on one version or all.
    Held(String, Option<i32>),
    /// A hold was released.
    Released(String),
    /// These versions were erased.
    Erased(Vec<i32>),
}

/// An event, as it is on the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Its document.
    pub document: String,
    /// What it says.
    pub what: What,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// What a run has left.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What callers were told.
    pub acknowledged: Acknowledged,
    /// Every version.
    pub rows: BTreeMap<Named, Row>,
    /// Holds that stand: id, document, version or all.
    pub standing: BTreeMap<String, (String, Option<i32>)>,
    /// Holds that do not.
    pub ended: BTreeSet<String>,
    /// Everything in the evidence bucket, the latest first.
    pub evidence: BTreeMap<Named, Vec<Stored>>,
    /// Everything in the intake bucket.
    pub intake: BTreeMap<Named, Vec<Stored>>,
    /// Objects of keys of nobody's, and uploads in parts that are open.
    pub strays: u64,
    /// Events in the order of their topic.
    pub events: Vec<Event>,
    /// Now, in seconds since 1970.
    pub now: i64,
}

/// How often each promise was broken, with the first cases of each.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Things that were compared, by what they are.
    pub compared: BTreeMap<&'static str, u64>,
    /// Broken promises.
    pub broken: BTreeMap<Promise, Vec<String>>,
}

/// What has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// What was acknowledged is there.
    Kept,
    /// A confirmed upload comes to a verdict.
    Decided,
    /// What can be read has exactly one object, of the declared size and digest.
    Evidence,
    /// Its locks are what the database asks.
    Locks,
    /// Of what was erased there is no object in any version.
    Gone,
    /// Nothing is erased under a hold.
    Held,
    /// There is no object that nobody wants.
    NoOrphan,
    /// A document's events are those of its life, in their order.
    Order,
    /// An event's id stands for one event, and an edge is told once.
    Once,
    /// Rows and events tell the same.
    Told,
}

impl Promise {
    /// Every promise.
    pub const ALL: [Self; 10] = [
        Self::Kept,
        Self::Decided,
        Self::Evidence,
        Self::Locks,
        Self::Gone,
        Self::Held,
        Self::NoOrphan,
        Self::Order,
        Self::Once,
        Self::Told,
    ];

    /// What breaks it, in words.
    #[must_use]
    pub fn broken(self) -> &'static str {
        match self {
            Self::Kept => "acknowledged and lost",
            Self::Decided => "confirmed and without a verdict",
            Self::Evidence => "ready without exactly one good object",
            Self::Locks => "locked otherwise than asked",
            Self::Gone => "erased with an object left",
            Self::Held => "erased under a hold",
            Self::NoOrphan => "orphans",
            Self::Order => "events out of order",
            Self::Once => "events doubled",
            Self::Told => "rows and events disagree",
        }
    }
}

impl Verdict {
    /// Judges what was found.
    #[must_use]
    pub fn on(found: &Found) -> Self {
        let mut verdict = Self::default();
        verdict.acknowledgements(found);
        verdict.objects(found);
        verdict.events(found);
        let counts = [
            ("versions", found.rows.len()),
            ("confirms acknowledged", found.acknowledged.confirmed.len()),
            ("holds acknowledged", found.acknowledged.held.len()),
            ("releases acknowledged", found.acknowledged.released.len()),
            ("erasures acknowledged", found.acknowledged.erased.len()),
            ("events", found.events.len()),
        ];
        verdict.compared.extend(counts.map(|(what, count)| (what, u64::try_from(count).unwrap_or(u64::MAX))));
        for status in ["ready", "rejected", "expired", "erased"] {
            let count = found.rows.values().filter(|row| row.status == status).count();
            verdict.compared.insert(status, u64::try_from(count).unwrap_or(u64::MAX));
        }
        verdict
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.broken.is_empty()
    }

    fn fault(&mut self, promise: Promise, what: impl Into<String>) {
        self.broken.entry(promise).or_default().push(what.into());
    }

    fn acknowledgements(&mut self, found: &Found) {
        let Acknowledged { confirmed, held, released, erased } = &found.acknowledged;
        for (document, version) in confirmed {
            let row = found.rows.get(&(document.clone(), *version));
            match row.map(|row| row.status.as_str()) {
                Some("ready" | "rejected" | "erased") => {}
                Some("uploaded" | "scanning") => {
                    self.fault(Promise::Decided, format!("{document}/{version}"));
                }
                status => {
                    self.fault(Promise::Kept, format!("confirm of {document}/{version}: {status:?}"));
                }
            }
        }
        for (hold, document) in held {
            if !found.standing.contains_key(hold) && !found.ended.contains(hold) {
                self.fault(Promise::Kept, format!("hold {hold} of {document}"));
            }
            if found.ended.contains(hold) && !released.contains(hold) {
                // Whoever asked may not have been told: allowed.
                *self.compared.entry("released, not acknowledged").or_default() += 1;
            }
        }
        for hold in released.iter().filter(|hold| !found.ended.contains(*hold)) {
            self.fault(Promise::Kept, format!("release of {hold}"));
        }
        for document in erased {
            let of = found.rows.iter().filter(|((id, _), _)| id == document);
            if of.into_iter().any(|(_, row)| row.status != "erased") {
                self.fault(Promise::Kept, format!("erasure of {document}"));
            }
        }
    }

    fn objects(&mut self, found: &Found) {
        let none = Vec::new();
        for (named, row) in &found.rows {
            let (document, version) = named;
            let name = format!("{document}/{version}");
            let evidence = found.evidence.get(named).unwrap_or(&none);
            let intake = found.intake.get(named).unwrap_or(&none);
            match row.status.as_str() {
                "ready" => {
                    let [only] = &evidence[..] else {
                        self.fault(Promise::Evidence, format!("{name}: {} versions", evidence.len()));
                        continue;
                    };
                    let good =
                        !only.deleted && only.size == row.size && only.sha256.as_ref() == Some(&row.sha256);
                    if !good {
                        self.fault(Promise::Evidence, format!("{name}: {only:?}"));
                    }
                    let held = found
                        .standing
                        .values()
                        .any(|(of, held)| of == document && held.is_none_or(|held| held == *version));
                    let kept = row.retain_until.is_none_or(|until| {
                        until <= found.now || only.locked_until.is_some_and(|locked| locked >= until)
                    });
                    if !kept || held != only.held {
                        self.fault(Promise::Locks, format!("{name}: held {held}, {only:?}, {row:?}"));
                    }
                }
                "erased" if !evidence.is_empty() || !intake.is_empty() => {
                    self.fault(Promise::Gone, format!("{name}: {evidence:?} {intake:?}"));
                }
                "rejected" | "expired" if !evidence.is_empty() => {
                    self.fault(Promise::NoOrphan, format!("evidence of {name}, {}", row.status));
                }
                _ => {}
            }
            if matches!(row.status.as_str(), "ready" | "rejected" | "expired") && !intake.is_empty() {
                self.fault(Promise::NoOrphan, format!("upload of {name}, {}", row.status));
            }
        }
        for (document, version) in found.evidence.keys().chain(found.intake.keys()) {
            if !found.rows.contains_key(&(document.clone(), *version)) {
                self.fault(Promise::NoOrphan, format!("{document}/{version}, of no row"));
            }
        }
        for _ in 0..found.strays {
            self.fault(Promise::NoOrphan, "a key or an open upload of nobody's");
        }
    }

    fn events(&mut self, found: &Found) {
        let mut seen: BTreeMap<&str, &Event> = BTreeMap::new();
        let mut lives: BTreeMap<&str, Life> = BTreeMap::new();
        for event in &found.events {
            match seen.insert(&event.id, event) {
                // The relay delivers at least once; consumers drop by id.
                Some(first) if first.payload == event.payload && first.document == event.document => {
                    *self.compared.entry("events delivered again").or_default() += 1;
                    continue;
                }
                Some(_) => self.fault(Promise::Once, format!("{} has two contents", event.id)),
                None => {}
            }
            let life = lives.entry(&event.document).or_default();
            if let Err((promise, why)) = life.take(&event.what) {
                self.fault(promise, format!("{}: {:?} {why}", event.document, event.what));
            }
        }
        for ((document, version), row) in &found.rows {
            let told = lives.get(document.as_str()).and_then(|life| life.versions.get(version));
            if told != Some(&row.status) {
                self.fault(
                    Promise::Told,
                    format!("{document}/{version}: row {}, events {told:?}", row.status),
                );
            }
        }
        let told: BTreeSet<&String> = lives.values().flat_map(|life| life.holds.keys()).collect();
        let standing: BTreeSet<&String> = found.standing.keys().collect();
        for hold in told.symmetric_difference(&standing) {
            self.fault(Promise::Told, format!("hold {hold} stands by one of row and events only"));
        }
    }
}

/// A document's life, as its events tell it.
#[derive(Debug, Default)]
struct Life {
    versions: BTreeMap<i32, String>,
    /// Those that stand.
    holds: BTreeMap<String, Option<i32>>,
    /// All that ever stood.
    held: BTreeSet<String>,
}

impl Life {
    fn take(&mut self, what: &What) -> Result<(), (Promise, String)> {
        match what {
            What::Edge(version, edge) => {
                let to = if edge == "initiated" { "pending_upload" } else { edge };
                let from = self.versions.insert(*version, to.to_owned());
                let legal = match (from.as_deref(), edge.as_str()) {
                    (None, "initiated") => {
                        self.versions.range(..version).all(|(_, status)| is_settled(status))
                    }
                    (Some("pending_upload"), "uploaded" | "rejected" | "expired")
                    | (Some("uploaded"), "scanning" | "rejected")
                    | (Some("scanning"), "ready" | "rejected") => true,
                    (Some(now), _) if now == to => {
                        return Err((Promise::Once, "for the second time".to_owned()));
                    }
                    _ => false,
                };
                if legal { Ok(()) } else { Err((Promise::Order, format!("from {from:?}"))) }
            }
            What::Held(hold, version) => {
                self.holds.insert(hold.clone(), *version);
                if self.held.insert(hold.clone()) {
                    Ok(())
                } else {
                    Err((Promise::Once, "for the second time".to_owned()))
                }
            }
            What::Released(hold) => match self.holds.remove(hold) {
                Some(_) => Ok(()),
                None if self.held.contains(hold) => Err((Promise::Once, "for the second time".to_owned())),
                None => Err((Promise::Order, "before it was held".to_owned())),
            },
            What::Erased(versions) => {
                let holds =
                    |version: &i32| self.holds.values().any(|held| held.is_none_or(|held| held == *version));
                let held = versions.iter().any(holds);
                for version in versions {
                    match self.versions.insert(*version, "erased".to_owned()).as_deref() {
                        None => return Err((Promise::Order, "before it was initiated".to_owned())),
                        Some("erased") => return Err((Promise::Once, "for the second time".to_owned())),
                        Some(_) => {}
                    }
                }
                if held { Err((Promise::Held, "while a hold stood".to_owned())) } else { Ok(()) }
            }
        }
    }
}

fn is_settled(status: &str) -> bool {
    matches!(status, "ready" | "rejected" | "expired" | "erased")
}

#[cfg(test)]
mod tests;

//! Everything that can be done to one document at once: holds, releases, erasures, downloads, grants, revocations.
//! Whatever wins, the answers, the tables, the events and the buckets agree.
//!
//! Each call is made once. `UNAVAILABLE`, which all that are too busy may answer, is an outcome like the others and is counted:
//! it says nothing of what was done, but whoever is told so got no URL, and what is stored has to agree all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use kafka::CloudEvent;
use proto::document::v1::{self, DocumentStatus};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rpc_error::reason;
use serde_json::json;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use testkit::eventually;
use time::OffsetDateTime;
use tokio::sync::Barrier;

use crate::harness::{Actor, File, Result, SOON, TestApp, at, fetch};
use crate::policies::{in_force, publish};

const CALLERS: usize = 64;

/// `GUILDHALL_RACES`: rounds of the storm; 4 when it is not there, one of each shape.
fn rounds() -> u64 {
    std::env::var("GUILDHALL_RACES").map_or(4, |rounds| rounds.parse().expect("a number"))
}

/// What holds the document before the storm, and whether that is released in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Nothing, and nothing will: an erasure wins.
    Free,
    /// One hold that nobody releases: no erasure wins.
    Held,
    /// Holds that are released while others are placed.
    Released,
    /// Nothing, but holds are placed.
    Contested,
}

/// One of the 64.
#[derive(Debug, Clone)]
enum Call {
    Hold,
    Release(String),
    EraseAsOwner,
    EraseAsStaff,
    Download(Reader),
    /// To the person `n<number>`.
    Give(usize),
    Revoke(String),
}

/// Who downloads, and what they may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reader {
    Owner,
    Staff,
    /// `g<number>`: has a grant when the storm begins; the last one of the case.
    Grantee(usize),
    /// The partner's client, which has one too.
    Partner,
    /// `n<number>`: is given one in the storm.
    New(usize),
    Stranger,
}

/// Persons who have a grant before the storm.
const GRANTEES: usize = 4;
/// Persons who are given one in the storm.
const NEW: usize = 4;

/// What a call was answered: a download, where it asked for one.
type Answer = Result<Option<v1::CreateDownloadResponse>>;

/// A document before its storm.
struct Eye {
    id: String,
    shape: Shape,
    holds: Vec<String>,
    grants: Vec<String>,
}

impl Reader {
    fn actor(self, app: &TestApp) -> Actor {
        match self {
            Self::Owner => app.ada(),
            Self::Staff => app.staff("sam", "riverton"),
            Self::Grantee(n) => app.citizen(&format!("g{n}"), "riverton"),
            Self::Partner => app.client("partner", "riverton"),
            Self::New(n) => app.citizen(&format!("n{n}"), "riverton"),
            Self::Stranger => app.citizen("eve", "riverton"),
        }
    }

    fn subject(self) -> String {
        match self {
            Self::Owner => "ada".to_owned(),
            Self::Staff => "sam".to_owned(),
            Self::Grantee(n) => format!("g{n}"),
            Self::Partner => "service-account-partner".to_owned(),
            Self::New(n) => format!("n{n}"),
            Self::Stranger => "eve".to_owned(),
        }
    }

    fn purpose(self) -> &'static str {
        if self == Self::Owner { "own" } else { "casework" }
    }
}

impl Call {
    /// Every reason it may be refused for.
    fn allowed(&self) -> &'static [&'static str] {
        match self {
            Self::Hold | Self::Give(_) => &[reason::DOCUMENT_ERASED],
            Self::Release(_) => &[reason::HOLD_RELEASED],
            Self::EraseAsOwner => &[reason::DOCUMENT_RETAINED, reason::DOCUMENT_ERASED],
            Self::EraseAsStaff => &[reason::DOCUMENT_HELD, reason::DOCUMENT_ERASED],
            Self::Download(Reader::Owner | Reader::Staff) => &[reason::DOCUMENT_ERASED],
            Self::Download(Reader::Grantee(_) | Reader::Partner) => {
                &[reason::DOCUMENT_ERASED, reason::GRANT_ENDED]
            }
            Self::Download(Reader::New(_)) => &[reason::DOCUMENT_ERASED, reason::DOCUMENT_NOT_FOUND],
            Self::Download(Reader::Stranger) => &[reason::DOCUMENT_NOT_FOUND],
            Self::Revoke(_) => &[],
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Release(_) => "release",
            Self::EraseAsOwner | Self::EraseAsStaff => "erasure",
            Self::Download(_) => "download",
            Self::Give(_) => "grant",
            Self::Revoke(_) => "revocation",
        }
    }

    async fn make(&self, app: &TestApp, id: &str) -> Answer {
        let sam = app.staff("sam", "riverton");
        match self {
            Self::Hold => sam.hold("2026-9", id, 0).await.map(|_| None),
            Self::Release(hold) => sam.release(hold).await.map(|_| None),
            Self::EraseAsOwner => app.ada().erase(id).await.map(|_| None),
            Self::EraseAsStaff => sam.erase(id).await.map(|_| None),
            Self::Download(reader) => reader.actor(app).download(id).await.map(Some),
            Self::Give(n) => sam.give(app.share(id, &format!("n{n}"))).await.map(|_| None),
            Self::Revoke(grant) => sam.revoke(grant).await.map(|_| None),
        }
    }
}

impl Eye {
    async fn of(app: &TestApp, round: u64) -> Self {
        let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
        let shape = match round % 4 {
            0 => Shape::Free,
            1 => Shape::Held,
            2 => Shape::Released,
            _ => Shape::Contested,
        };
        let (id, _) = app.ready(&ada, &File::statement(&format!("round {round}"))).await;
        let case = format!("storm-{round}");
        sam.attach(&case, &id).await.unwrap();
        app.clock.advance(std::time::Duration::from_millis(1));
        let mut grants = Vec::new();
        for n in 0..GRANTEES - 1 {
            grants.push(sam.give(app.share(&id, &format!("g{n}"))).await.unwrap().grant_id);
        }
        let of_case = app.share_case(&case, &format!("g{}", GRANTEES - 1));
        grants.push(sam.give(of_case).await.unwrap().grant_id);
        let (grantee_subject, grantee_client) = (String::new(), "partner".to_owned());
        let partner = v1::CreateGrantRequest { grantee_subject, grantee_client, ..app.share(&id, "") };
        grants.push(sam.give(partner).await.unwrap().grant_id);
        let mut holds = Vec::new();
        for _ in 0..match shape {
            Shape::Free | Shape::Contested => 0,
            Shape::Held => 1,
            Shape::Released => 2,
        } {
            holds.push(sam.hold("2026-8", &id, 0).await.unwrap().hold_id);
        }
        Self { id, shape, holds, grants }
    }

    /// 64 calls in some order.
    fn calls(&self, random: &mut StdRng) -> Vec<Call> {
        let mut calls = Vec::new();
        for n in 0..random.random_range(4..12) {
            calls.push(if n % 2 == 0 { Call::EraseAsStaff } else { Call::EraseAsOwner });
        }
        if matches!(self.shape, Shape::Released | Shape::Contested) {
            calls.extend((0..random.random_range(1..6)).map(|_| Call::Hold));
        }
        if self.shape == Shape::Released {
            for hold in &self.holds {
                calls.extend((0..random.random_range(1..5)).map(|_| Call::Release(hold.clone())));
            }
        }
        calls.extend((0..NEW).map(Call::Give));
        for grant in &self.grants {
            calls.extend((0..random.random_range(0..3)).map(|_| Call::Revoke(grant.clone())));
        }
        while calls.len() < CALLERS {
            let reader = match random.random_range(0..10) {
                0..=1 => Reader::Owner,
                2..=3 => Reader::Staff,
                4..=5 => Reader::Grantee(random.random_range(0..GRANTEES)),
                6 => Reader::Partner,
                7..=8 => Reader::New(random.random_range(0..NEW)),
                _ => Reader::Stranger,
            };
            calls.push(Call::Download(reader));
        }
        calls.shuffle(random);
        calls
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_wins_answers_tables_events_and_buckets_agree() {
    let app = Arc::new(TestApp::start().await);
    nothing_is_retained(&app).await;
    let mut storms = Vec::new();
    let mut tally: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for round in 0..rounds() {
        // The object store compares signatures with the real time.
        app.clock.set(real_time());
        let eye = Eye::of(&app, round).await;
        let calls = eye.calls(&mut StdRng::seed_from_u64(round));
        let barrier = Arc::new(Barrier::new(calls.len()));
        let tasks = calls.into_iter().map(|call| {
            let (app, id, barrier) = (app.clone(), eye.id.clone(), barrier.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                let answer = call.make(&app, &id).await;
                (call, answer)
            })
        });
        let tasks: Vec<_> = tasks.collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        for (call, answer) in &answers {
            let told = answer.as_ref().map_or_else(rpc_error::Error::reason, |_| "ok");
            let told_of = ["ok", reason::UNAVAILABLE].contains(&told) || call.allowed().contains(&told);
            assert!(told_of, "round {round}: {call:?}: {answer:?}");
            *tally.entry((call.name(), told.to_owned())).or_default() += 1;
        }
        let erased = check_erasure(&app, &eye, round, &answers).await;
        check_log(&app, &eye, round, &answers).await;
        check_rows(&app, &eye, round, &answers).await;
        storms.push((eye, erased));
    }

    let mut events = app.all_events().await;
    for (round, (eye, erased)) in storms.iter().enumerate() {
        let told = events.remove(&eye.id).unwrap_or_default();
        Replay::of(round, &told).compare(&app, &eye.id, *erased).await;
    }
    let erased = storms.iter().filter(|(_, erased)| *erased).count();
    assert_eq!(tally.values().sum::<usize>(), storms.len() * CALLERS, "every call was answered once");
    let unavailable: usize =
        tally.iter().filter(|((_, told), _)| told == reason::UNAVAILABLE).map(|(_, times)| times).sum();
    let mut told = format!(
        "{} rounds of {CALLERS} calls, {erased} ended by an erasure, {unavailable} calls were told UNAVAILABLE\n",
        storms.len()
    );
    for ((call, reason), times) in tally {
        writeln!(told, "{call:>10} {reason:<20} {times}").expect("into a text");
    }
    say(&told);
}

/// One erasure at most, none under a hold; what was erased is gone, and what was not can be read.
async fn check_erasure(app: &TestApp, eye: &Eye, round: u64, answers: &[(Call, Answer)]) -> bool {
    let (id, sam) = (&eye.id, app.staff("sam", "riverton"));
    let erasures = || answers.iter().filter(|(call, _)| call.name() == "erasure").map(|(_, answer)| answer);
    let answered = erasures().filter(|answer| answer.is_ok()).count();
    let busy = erasures().filter(|answer| is_unavailable(answer)).count();
    let erased = sam.get(id).await.unwrap().status() == DocumentStatus::Erased;
    // One that was told UNAVAILABLE may have been done: its objects are deleted after its commit.
    let done = answered == 1 || (answered == 0 && (!erased || busy > 0));
    assert!(done && answered <= usize::from(erased), "round {round}: {answered} erasures were answered");
    match eye.shape {
        Shape::Free => {
            assert!(erased || busy == erasures().count(), "round {round}: nothing kept it");
        }
        Shape::Held => assert!(!erased, "round {round}: a hold stands"),
        Shape::Released | Shape::Contested => {}
    }
    let urls = answers.iter().filter_map(|(_, answer)| answer.as_ref().ok()?.as_ref());
    let urls: Vec<_> = urls.map(|signed| signed.url.as_str()).collect();
    if erased {
        if answered == 0 {
            let gone = eventually(SOON, || async {
                match app.stored(id, 1).await {
                    0 => Ok(()),
                    versions => Err(versions),
                }
            });
            gone.await.expect("the objects go by their due row");
        }
        assert_eq!(app.stored(id, 1).await, 0, "round {round}: versions that the buckets keep");
        for actor in [&app.ada(), &sam] {
            let error = actor.download(id).await.unwrap_err();
            assert_eq!(error.reason(), reason::DOCUMENT_ERASED, "round {round}");
        }
        for url in urls {
            assert_ne!(fetch(url).await.0, 200, "round {round}: a signature of before");
        }
    } else if let Some(url) = urls.first() {
        assert_eq!(fetch(url).await.0, 200, "round {round}");
    } else {
        let open = |call: &Call| matches!(call, Call::Download(Reader::Owner | Reader::Staff));
        let refused =
            answers.iter().filter(|(call, _)| open(call)).find(|(_, answer)| !is_unavailable(answer));
        assert!(refused.is_none(), "round {round}: staff and the owner can download: {refused:?}");
    }
    erased
}

fn is_unavailable(answer: &Answer) -> bool {
    answer.as_ref().is_err_and(|error| error.reason() == reason::UNAVAILABLE)
}

/// Each hold, release, grant and revocation that was answered is in its table, and none beside those of before and those
/// that may have been done.
async fn check_rows(app: &TestApp, eye: &Eye, round: u64, answers: &[(Call, Answer)]) {
    for (name, before, sql) in [
        ("hold", eye.holds.len(), "select count(*) from legal_holds where document_id = $1::uuid"),
        (
            "release",
            0,
            "select count(*) from legal_holds where document_id = $1::uuid and released_at is not null",
        ),
        ("grant", eye.grants.len() - 1, "select count(*) from access_grants where document_id = $1::uuid"),
    ] {
        let of = || answers.iter().filter(|(call, _)| call.name() == name).map(|(_, answer)| answer);
        let least = before + of().filter(|answer| answer.is_ok()).count();
        let most = least + of().filter(|answer| is_unavailable(answer)).count();
        let rows: i64 =
            sqlx::query_scalar(sql).bind(&eye.id).fetch_one(&mut app.db.admin().await).await.unwrap();
        let rows = usize::try_from(rows).unwrap();
        assert!((least..=most).contains(&rows), "round {round}: {rows} of {name}, not {least} to {most}");
    }
}

/// Exactly one row per URL that was given out, which says to whom, why and until when, and none beside those.
async fn check_log(app: &TestApp, eye: &Eye, round: u64, answers: &[(Call, Answer)]) {
    let mut answered: Vec<(String, String, bool, i32, OffsetDateTime)> = answers
        .iter()
        .filter_map(|(call, answer)| {
            let Call::Download(reader) = call else { return None };
            let signed = answer.as_ref().ok()?.as_ref()?;
            let by_grant = !matches!(reader, Reader::Owner | Reader::Staff);
            let why = reader.purpose().to_owned();
            Some((reader.subject(), why, by_grant, signed.version, at(signed.expires_at)))
        })
        .collect();
    let rows = sqlx::query(
        "select accessor, purpose, grant_id is not null as by_grant, version, expires_at
         from access_log where document_id = $1::uuid",
    );
    let rows = rows.bind(&eye.id).fetch_all(&mut app.db.admin().await).await.unwrap();
    let row = |row: &PgRow| {
        let by_grant = row.get("by_grant");
        (row.get("accessor"), row.get("purpose"), by_grant, row.get("version"), row.get("expires_at"))
    };
    let mut logged: Vec<(String, String, bool, i32, OffsetDateTime)> = rows.iter().map(row).collect();
    answered.sort_unstable();
    logged.sort_unstable();
    assert_eq!(logged, answered, "round {round}: the access log and the answers");
}

/// What the events of a document say, in their order.
#[derive(Default)]
struct Replay {
    round: usize,
    holds: BTreeSet<String>,
    grants: BTreeMap<String, bool>,
    accesses: BTreeSet<String>,
    erased: bool,
}

impl Replay {
    fn of(round: usize, events: &[CloudEvent]) -> Self {
        let mut replay = Self { round, ..Self::default() };
        for event in events {
            replay.apply(event);
        }
        replay
    }

    fn apply(&mut self, event: &CloudEvent) {
        let round = self.round;
        let name = event.type_.strip_prefix("guildhall.document.").and_then(|name| name.strip_suffix(".v1"));
        let name = name.expect("a type of ours");
        assert!(!self.erased || name == "revoked", "round {round}: {name} after the erasure");
        match name {
            "held" => {
                let held: v1::DocumentHeld = event.decode().unwrap();
                assert!(self.holds.insert(held.hold_id), "round {round}: held once");
            }
            "released" => {
                let released: v1::DocumentReleased = event.decode().unwrap();
                assert!(self.holds.remove(&released.hold_id), "round {round}: it stood");
            }
            "erased" => {
                assert!(self.holds.is_empty(), "round {round}: erased under {:?}", self.holds);
                self.erased = true;
            }
            "granted" => {
                let granted: v1::DocumentGranted = event.decode().unwrap();
                assert_eq!(self.grants.insert(granted.grant_id, true), None, "round {round}: granted once");
            }
            "revoked" => {
                let revoked: v1::DocumentRevoked = event.decode().unwrap();
                assert_eq!(
                    self.grants.insert(revoked.grant_id, false),
                    Some(true),
                    "round {round}: it stood"
                );
            }
            "accessed" => {
                let accessed: v1::DocumentAccessed = event.decode().unwrap();
                // A case's grant has a key of its own, and no order beside the document's events.
                if let Some(stands) = self.grants.get(&accessed.grant_id) {
                    assert!(*stands, "round {round}: accessed after the revocation");
                }
                assert!(self.accesses.insert(event.id.to_string()), "round {round}: told once");
            }
            _ => {}
        }
    }

    /// The tables say what the events do.
    async fn compare(&self, app: &TestApp, id: &str, erased: bool) {
        let column = async |sql: &'static str| -> BTreeSet<String> {
            let rows = sqlx::query_scalar(sql).bind(id).fetch_all(&mut app.db.admin().await).await.unwrap();
            rows.into_iter().collect()
        };
        let round = self.round;
        assert_eq!(self.erased, erased, "round {round}");
        let holds = "select id::text from legal_holds where document_id = $1::uuid and released_at is null";
        assert_eq!(column(holds).await, self.holds, "round {round}: holds");
        let log = "select event_id::text from access_log where document_id = $1::uuid";
        assert_eq!(column(log).await, self.accesses, "round {round}: accesses");
        let of = |stands| {
            let grants = self.grants.iter().filter(move |(_, told)| **told == stands);
            grants.map(|(id, _)| id.clone()).collect::<BTreeSet<_>>()
        };
        let standing =
            "select id::text from access_grants where document_id = $1::uuid and revoked_at is null";
        assert_eq!(column(standing).await, of(true), "round {round}: grants");
        let revoked =
            "select id::text from access_grants where document_id = $1::uuid and revoked_at is not null";
        assert_eq!(column(revoked).await, of(false), "round {round}: revocations");
    }
}

/// Statements are of a class that keeps nothing by itself, so that holds alone decide.
async fn nothing_is_retained(app: &TestApp) {
    let max = app.admin("max", "riverton");
    let (version, mut upload) = in_force(app, &max, "upload").await;
    upload["purposes"]["statement"]["retention_class"] = json!("transient");
    publish(app, &max, "upload", &upload, version).await.unwrap();
}

#[expect(clippy::print_stdout, reason = "what was counted is what the long run is for")]
fn say(counts: &str) {
    print!("{counts}");
}

fn real_time() -> OffsetDateTime {
    #[expect(clippy::disallowed_methods, reason = "the object store compares signatures with the real time")]
    OffsetDateTime::now_utc()
}

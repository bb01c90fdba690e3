//! What a tenant's staff are told.

use audit::Api;
use auth::{Caller, CallerKind, Role, Token};
use evidence::Proof;
use proto::operations::v1::audit_service_server::AuditService as _;
use proto::operations::v1::{self, AuditFault};
use rpc_error::{Code, Error, reason};
use tonic::Request;

use crate::harness::{SERVICE, World, tenant, world};

struct Staff {
    api: Api,
    caller: Caller,
}

impl Staff {
    fn of(world: &World, name: &str) -> Self {
        let caller = Caller {
            subject: "sam".parse().unwrap(),
            tenant: tenant(name),
            roles: vec![Role::Staff],
            client_id: "portal".into(),
            calls_itself: false,
            kind: CallerKind::Staff,
            person: None,
            on_behalf_of: None,
            token: Token::parse("t").unwrap(),
        };
        Self { api: Api::new(&world.trail.books), caller }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(self.caller.clone());
        request
    }

    async fn head(&self) -> v1::GetAuditHeadResponse {
        self.api.get_audit_head(self.request(v1::GetAuditHeadRequest {})).await.unwrap().into_inner()
    }

    async fn list(
        &self,
        subject: &str,
        size: i32,
        token: &str,
    ) -> Result<v1::ListAuditEntriesResponse, Error> {
        let (subject, page_token) = (subject.to_owned(), token.to_owned());
        let request = self.request(v1::ListAuditEntriesRequest { subject, page_size: size, page_token });
        Ok(self.api.list_audit_entries(request).await.map_err(Error::from_status)?.into_inner())
    }

    async fn prove(&self, event_ids: Vec<String>) -> Result<v1::ProveAuditEventsResponse, Error> {
        let request = self.request(v1::ProveAuditEventsRequest { event_ids });
        Ok(self.api.prove_audit_events(request).await.map_err(Error::from_status)?.into_inner())
    }

    async fn verify(&self, after_seq: i64) -> Result<v1::VerifyAuditChainResponse, Error> {
        let request = self.request(v1::VerifyAuditChainRequest { after_seq });
        Ok(self.api.verify_audit_chain(request).await.map_err(Error::from_status)?.into_inner())
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>, code: Code, reason: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.code(), error.reason()), (code, reason), "{error}");
}

#[tokio::test]
async fn entries_are_listed_by_subject_and_page() {
    let world = world().await;
    world.happen(&tenant("riverton"), 16).await;
    let (sam, lea) = (Staff::of(&world, "riverton"), Staff::of(&world, "lakeside"));
    let (mut seqs, mut token) = (Vec::new(), String::new());
    loop {
        let page = sam.list("", 5, &token).await.unwrap();
        seqs.extend(page.entries.iter().map(|entry| entry.seq));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seqs, (1..=16).rev().collect::<Vec<_>>());
    let of_one = sam.list("d-1", 0, "").await.unwrap();
    assert_eq!(of_one.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [16, 9, 2]);
    assert_eq!(of_one.entries[0].body, b"what happened to d-1");
    assert_eq!(lea.list("d-1", 0, "").await.unwrap(), v1::ListAuditEntriesResponse::default());
    refused(sam.list("", 201, "").await, Code::InvalidArgument, reason::PAGE_SIZE_INVALID);
    refused(sam.list("", 0, "x").await, Code::InvalidArgument, reason::PAGE_TOKEN_INVALID);
}

#[tokio::test]
async fn events_are_proven_to_whoever_has_the_public_keys() {
    let world = world().await;
    let riverton = tenant("riverton");
    let mut ids = world.happen(&riverton, 4).await;
    world.trail.seal().await.unwrap();
    ids.extend(world.happen(&riverton, 3).await);
    world.trail.seal().await.unwrap();
    ids.extend(world.happen(&riverton, 1).await);
    let (sam, lea) = (Staff::of(&world, "riverton"), Staff::of(&world, "lakeside"));
    let head = sam.head().await;
    assert_eq!((head.seq, head.checkpoint.as_ref().map(|one| one.seq)), (8, Some(7)));
    assert_eq!(lea.head().await, v1::GetAuditHeadResponse::default());

    let asked = |places: &[usize]| places.iter().map(|place| ids[*place].to_string()).collect::<Vec<_>>();
    let answer = sam.prove(asked(&[6, 1, 2, 7])).await.unwrap();
    assert_eq!(answer.unproven_event_ids, asked(&[7]));
    let proofs = answer.proofs_json.iter().map(|json| serde_json::from_str::<Proof>(json).unwrap());
    let proofs: Vec<_> = proofs.collect();
    let places: Vec<Vec<i64>> = proofs.iter().map(|proof| proof.events.keys().copied().collect()).collect();
    assert_eq!(places, [vec![2, 3], vec![7]]);
    let keys = &world.trail.books.keys;
    assert!(proofs.iter().all(|proof| proof.holds(keys, SERVICE) && !proof.holds(keys, "payment")));

    refused(lea.prove(asked(&[1])).await, Code::NotFound, reason::AUDIT_EVENT_NOT_FOUND);
    for wrong in [vec![], vec!["x".to_owned()], vec![ids[0].to_string(); 101]] {
        refused(sam.prove(wrong).await, Code::InvalidArgument, reason::AUDIT_EVENTS_INVALID);
    }
    world.tamper("update audit_entries set digest = hash where seq = 3").await;
    refused(sam.prove(asked(&[1])).await, Code::PreconditionFailed, reason::AUDIT_BROKEN);
}

#[tokio::test]
async fn a_chain_is_verified_stretch_by_stretch() {
    let world = world().await;
    let riverton = tenant("riverton");
    let (sam, lea) = (Staff::of(&world, "riverton"), Staff::of(&world, "lakeside"));
    for _ in 0..2 {
        world.happen(&riverton, 30_000).await;
        world.trail.seal().await.unwrap();
    }
    world.happen(&riverton, 5).await;
    let (mut after, mut stretches) = (0, 0);
    loop {
        let stretch = sam.verify(after).await.unwrap();
        assert_eq!(stretch.mismatch, None);
        stretches += 1;
        if stretch.complete {
            assert_eq!((stretch.verified_seq, stretch.sealed_seq), (60_005, 60_000));
            break;
        }
        assert!(stretch.sealed_seq > after && stretch.verified_seq <= after + 50_000, "{stretch:?}");
        after = stretch.sealed_seq;
    }
    assert!(stretches > 1);
    assert!(lea.verify(0).await.unwrap().complete, "nothing has happened there");
    for wrong in [-1, 7, 60_005] {
        refused(sam.verify(wrong).await, Code::InvalidArgument, reason::AUDIT_CHECKPOINT_INVALID);
    }

    world.tamper("update audit_entries set type = 'x' where seq = 55000").await;
    let found = sam.verify(50_000).await.unwrap();
    let mismatch = found.mismatch.unwrap();
    assert_eq!((mismatch.from_seq, mismatch.fault()), (55_000, AuditFault::Altered));
    assert_eq!((found.verified_seq, found.complete), (54_999, false));
    // Cut, with what the database knows of it: the bucket knows it.
    world
        .tamper(
            "delete from audit_entries where seq > 50000; delete from audit_checkpoints where seq > 50000",
        )
        .await;
    let cut = sam.verify(50_000).await.unwrap().mismatch.unwrap();
    assert_eq!((cut.from_seq, cut.to_seq, cut.fault()), (50_001, 60_000, AuditFault::Missing));
}

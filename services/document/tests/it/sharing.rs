//! What a grant covers can be read while it stands, and nothing else.

use proto::document::v1::sharing_service_client::SharingServiceClient;
use proto::document::v1::{self, DocumentStatus};
use rpc_error::{Code, Error, reason};
use time::{Duration, OffsetDateTime};
use tonic::transport::Channel;

use crate::harness::{Actor, File, Result, TestApp, assert_refused, at, fetch, is_replayed};

impl Actor {
    pub(crate) fn sharing(&self) -> SharingServiceClient<Channel> {
        SharingServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn give(&self, request: v1::CreateGrantRequest) -> Result<v1::Grant> {
        let given = self.sharing().create_grant(self.request(request)).await?;
        Ok(given.into_inner().grant.expect("a grant"))
    }

    pub(crate) async fn revoke(&self, grant: &str) -> Result<v1::Grant> {
        let (grant_id, reason) = (grant.to_owned(), "no longer needed".to_owned());
        let message = v1::RevokeGrantRequest { grant_id, reason };
        let revoked = self.sharing().revoke_grant(self.request(message)).await?;
        Ok(revoked.into_inner().grant.expect("a grant"))
    }

    pub(crate) async fn grants(&self, request: v1::ListGrantsRequest) -> Result<v1::ListGrantsResponse> {
        Ok(self.sharing().list_grants(self.keyless(request)).await?.into_inner())
    }

    pub(crate) async fn shared(&self, page_size: i32, page_token: &str) -> Result<v1::ListSharedResponse> {
        let message = v1::ListSharedRequest { page_size, page_token: page_token.to_owned() };
        Ok(self.sharing().list_shared(self.keyless(message)).await?.into_inner())
    }
}

impl TestApp {
    /// A day of case work on a document, for a person.
    pub(crate) fn share(&self, id: &str, with: &str) -> v1::CreateGrantRequest {
        v1::CreateGrantRequest {
            document_id: id.to_owned(),
            grantee_subject: with.to_owned(),
            purpose: "casework".to_owned(),
            until: Some(stamp(self.clock.now() + Duration::days(1))),
            reason: "asked for by the court".to_owned(),
            ..Default::default()
        }
    }

    /// A day of case work on the documents of a case, for a person.
    pub(crate) fn share_case(&self, case: &str, with: &str) -> v1::CreateGrantRequest {
        let (document_id, case_ref) = (String::new(), case.to_owned());
        v1::CreateGrantRequest { document_id, case_ref, ..self.share("", with) }
    }
}

pub(crate) fn stamp(at: OffsetDateTime) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.nanosecond()).expect("below a second");
    prost_types::Timestamp { seconds: at.unix_timestamp(), nanos }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grantee_reads_what_was_shared_until_it_is_revoked() {
    let app = TestApp::start().await;
    let (ada, ben, sam) = (app.ada(), app.citizen("ben", "riverton"), app.staff("sam", "riverton"));
    let file = File::statement("Ada");
    let (id, _) = app.ready(&ada, &file).await;
    let (other, _) = app.ready(&ada, &File::statement("another")).await;
    assert_refused(ben.download(&id).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);

    let grant = sam.give(app.share(&id, "ben")).await.unwrap();
    assert!(grant.stands);
    assert_eq!((grant.document_id.as_str(), grant.grantee_subject.as_str()), (id.as_str(), "ben"));
    let given = grant.given.clone().unwrap();
    assert_eq!((given.by.as_str(), given.reason.as_str()), ("sam", "asked for by the court"));
    assert_eq!(ben.get(&id).await.unwrap(), ada.get(&id).await.unwrap());
    assert_eq!(ben.versions(&id).await.unwrap().len(), 1);
    let signed = ben.download(&id).await.unwrap();
    assert_eq!(fetch(&signed.url).await.2, file.bytes);
    assert_refused(ben.get(&other).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    assert!(ben.list(0, "").await.unwrap().documents.is_empty(), "it is not theirs");

    let logged = ada.accesses(&id, 0, "").await.unwrap().accesses;
    let logged: Vec<_> = logged.iter().map(|a| (&*a.accessor, &*a.purpose, a.grant_id.clone())).collect();
    assert_eq!(logged, [("ben", "casework", grant.grant_id.clone())]);

    let revoked = sam.revoke(&grant.grant_id).await.unwrap();
    assert!(!revoked.stands);
    let again = app.staff("ann", "riverton").revoke(&grant.grant_id).await.unwrap();
    assert_eq!(again, revoked, "again changes nothing");
    for refused in
        [ben.get(&id).await.map(drop), ben.versions(&id).await.map(drop), ben.download(&id).await.map(drop)]
    {
        assert_refused(refused, Code::Gone, reason::GRANT_ENDED);
    }
    assert_eq!(app.event_names(&id).await[4..], ["granted", "accessed", "revoked"]);
    let events = app.events(&id).await;
    let told: v1::DocumentGranted = events[4].decode().unwrap();
    assert_eq!((told.owner.as_str(), told.grantee_subject.as_str()), ("ada", "ben"));
    assert_eq!((told.purpose.as_str(), at(told.until)), ("casework", at(grant.until)));
    let told: v1::DocumentAccessed = events[5].decode().unwrap();
    assert_eq!((told.purpose, told.grant_id), ("casework".to_owned(), grant.grant_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_ends_by_itself_and_no_signature_outlives_it() {
    let app = TestApp::start().await;
    let (ada, ben, sam) = (app.ada(), app.citizen("ben", "riverton"), app.staff("sam", "riverton"));
    let (id, _) = app.ready(&ada, &File::statement("Ada")).await;
    let grant = sam.give(app.share(&id, "ben")).await.unwrap();
    let end = at(grant.until);
    let left = at(ben.download(&id).await.unwrap().expires_at) - app.clock.now();
    assert_eq!(left, Duration::minutes(5));
    app.clock.set(end - Duration::seconds(30));
    let signed_until = at(ben.download(&id).await.unwrap().expires_at);
    assert!(signed_until > app.clock.now() && signed_until <= end);
    app.clock.set(end);
    assert_refused(ben.download(&id).await, Code::Gone, reason::GRANT_ENDED);
    assert_refused(ben.get(&id).await, Code::Gone, reason::GRANT_ENDED);
    assert!(ben.shared(0, "").await.unwrap().shared.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensitive_grant_or_upload_is_signed_for_a_minute() {
    let app = TestApp::start().await;
    let (ada, ben, sam) = (app.ada(), app.citizen("ben", "riverton"), app.staff("sam", "riverton"));
    let (statement, _) = app.ready(&ada, &File::statement("Ada")).await;
    let (identity, _) = app.ready(&ada, &File::pdf("Ada")).await;
    let legal = v1::CreateGrantRequest { purpose: "legal".to_owned(), ..app.share(&statement, "ben") };
    let legal = sam.give(legal).await.unwrap();
    sam.give(app.share(&identity, "ben")).await.unwrap();
    for id in [&statement, &identity] {
        let left = at(ben.download(id).await.unwrap().expires_at) - app.clock.now();
        assert_eq!(left, Duration::minutes(1));
    }

    // Of several grants the caller may choose; otherwise it is the one that ends last.
    app.clock.advance(std::time::Duration::from_secs(1));
    let casework = sam.give(app.share(&statement, "ben")).await.unwrap();
    for purpose in ["", "legal", "casework"] {
        ben.download_for(&statement, 0, purpose).await.unwrap();
    }
    let wrong = ben.download_for(&statement, 0, "appeal").await;
    assert_refused(wrong, Code::InvalidArgument, reason::ACCESS_PURPOSE_INVALID);
    let logged = ada.accesses(&statement, 0, "").await.unwrap().accesses;
    let mut by: Vec<_> = logged.iter().map(|access| access.grant_id.as_str()).collect();
    by.sort_unstable();
    assert_eq!(by, [&*legal.grant_id, &*legal.grant_id, &*casework.grant_id, &*casework.grant_id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_shared_with_what_is_attached_later_too() {
    let app = TestApp::start().await;
    let (ada, ben, sam) = (app.ada(), app.citizen("ben", "riverton"), app.staff("sam", "riverton"));
    let (first, _) = app.ready(&ada, &File::statement("1")).await;
    let (later, _) = app.ready(&ada, &File::statement("2")).await;
    let (never, _) = app.ready(&ada, &File::statement("3")).await;
    sam.attach("2026-1", &first).await.unwrap();
    app.clock.advance(std::time::Duration::from_secs(1));
    let grant = sam.give(app.share_case("2026-1", "ben")).await.unwrap();
    assert_eq!((grant.case_ref.as_str(), grant.document_id.as_str()), ("2026-1", ""));
    ben.download(&first).await.unwrap();
    assert_refused(ben.get(&later).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    sam.attach("2026-1", &later).await.unwrap();
    ben.download(&later).await.unwrap();

    let page = ben.shared(1, "").await.unwrap();
    let rest = ben.shared(1, &page.next_page_token).await.unwrap();
    let told: Vec<_> = page.shared.iter().chain(&rest.shared).collect();
    let ids: Vec<_> = told.iter().map(|shared| shared.document.clone().unwrap().document_id).collect();
    let mut both = vec![first.clone(), later.clone()];
    both.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!((ids, rest.next_page_token.as_str()), (both, ""));
    assert!(told.iter().all(|shared| shared.grant_id == grant.grant_id && shared.purpose == "casework"));

    sam.detach("2026-1", &later).await.unwrap();
    assert_refused(ben.download(&later).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    app.clock.advance(std::time::Duration::from_secs(1));
    sam.revoke(&grant.grant_id).await.unwrap();
    app.clock.advance(std::time::Duration::from_secs(1));
    sam.attach("2026-1", &never).await.unwrap();
    assert_refused(ben.download(&first).await, Code::Gone, reason::GRANT_ENDED);
    let never = ben.get(&never).await;
    assert_refused(never, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    assert_eq!(app.event_names(&grant.grant_id).await, ["granted", "revoked"], "keyed by the grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_grant_is_not_for_the_persons_who_use_it() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (id, _) = app.ready(&ada, &File::statement("Ada")).await;
    for client in ["partner", "portal"] {
        let (grantee_subject, grantee_client) = (String::new(), client.to_owned());
        let request = v1::CreateGrantRequest { grantee_subject, grantee_client, ..app.share(&id, "") };
        sam.give(request).await.unwrap();
    }
    let partner = app.client("partner", "riverton");
    partner.download(&id).await.unwrap();
    assert_eq!(partner.shared(0, "").await.unwrap().shared.len(), 1);
    // Ben signed in by the portal, to which the document is shared too.
    let others = [
        app.citizen("ben", "riverton"),
        app.client("partner", "lakeside"),
        app.client("partner2", "riverton"),
    ];
    for other in others {
        assert_refused(other.get(&id).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
        assert!(other.shared(0, "").await.unwrap().shared.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn erasure_and_verdicts_are_above_grants() {
    let app = TestApp::start().await;
    let (ada, ben, sam) = (app.ada(), app.citizen("ben", "riverton"), app.staff("sam", "riverton"));
    let (scanning, _) = app.scanning(&ada, &File::statement("1")).await;
    let (rejected, _) = app.rejected(&ada, &File::statement("2")).await;
    for (id, code, reason) in [
        (&scanning, Code::Locked, reason::DOCUMENT_NOT_SCANNED),
        (&rejected, Code::Conflict, reason::DOCUMENT_REJECTED),
    ] {
        sam.give(app.share(id, "ben")).await.unwrap();
        assert_refused(ben.download(id).await, code, reason);
        ada.erase(id).await.unwrap();
        assert_refused(ben.download(id).await, Code::Gone, reason::DOCUMENT_ERASED);
        assert_eq!(ben.get(id).await.unwrap().status(), DocumentStatus::Erased);
        assert_refused(sam.give(app.share(id, "cleo")).await, Code::Gone, reason::DOCUMENT_ERASED);
    }
    assert!(ben.shared(0, "").await.unwrap().shared.is_empty());
    assert_eq!(app.count("select count(*) from access_log").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_granted_names_the_fields_and_changes_nothing() {
    let app = TestApp::start().await;
    let sam = app.staff("sam", "riverton");
    let (id, _) = app.ready(&app.ada(), &File::statement("Ada")).await;
    let good = app.share(&id, "ben");
    let now = app.clock.now();
    let until = |days| Some(stamp(now + Duration::days(days)));
    let with = |change: &dyn Fn(&mut v1::CreateGrantRequest)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    for (request, fields) in [
        (with(&|r| r.case_ref = "2026-1".into()), vec!["document_id"]),
        (with(&|r| r.document_id.clear()), vec!["document_id"]),
        (with(&|r| r.grantee_client = "partner".into()), vec!["grantee_subject"]),
        (with(&|r| r.grantee_subject.clear()), vec!["grantee_subject"]),
        (with(&|r| r.purpose = "own".into()), vec!["purpose"]),
        (with(&|r| r.purpose = "review".into()), vec!["purpose"]),
        (with(&|r| r.until = None), vec!["until"]),
        (with(&|r| r.until = until(0)), vec!["until"]),
        (with(&|r| r.until = until(91)), vec!["until"]),
        (
            with(&|r| {
                r.grantee_subject = "b en".into();
                r.until = None;
            }),
            vec!["grantee_subject", "until"],
        ),
    ] {
        let refused = sam.give(request).await;
        let told: Vec<_> = refused.as_ref().unwrap_err().violations().to_vec();
        let told: Vec<_> = told.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(told, fields);
        assert_refused(refused, Code::InvalidArgument, reason::GRANT_INVALID);
    }
    for (request, code, reason) in [
        (with(&|r| r.document_id = "x".into()), Code::NotFound, reason::DOCUMENT_NOT_FOUND),
        (with(&|r| r.reason = " ".into()), Code::InvalidArgument, reason::REASON_INVALID),
        (
            with(&|r| {
                r.document_id.clear();
                r.case_ref = "a b".into();
            }),
            Code::InvalidArgument,
            reason::CASE_INVALID,
        ),
    ] {
        assert_refused(sam.give(request).await, code, reason);
    }
    for grant in ["", "x", id.as_str()] {
        assert_refused(sam.revoke(grant).await, Code::NotFound, reason::GRANT_NOT_FOUND);
    }
    assert_eq!(app.count("select count(*) from access_grants").await, 0);
    assert_eq!(app.event_names(&id).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_given_and_revoked_once_under_one_key() {
    let app = TestApp::start().await;
    let sam = app.staff("sam", "riverton");
    let (id, _) = app.ready(&app.ada(), &File::statement("Ada")).await;
    let request = app.share(&id, "ben");
    let first = sam.sharing().create_grant(sam.keyed("k", request.clone())).await.unwrap();
    let again = sam.sharing().create_grant(sam.keyed("k", request)).await.unwrap();
    assert!(!is_replayed(&first) && is_replayed(&again));
    let grant = first.into_inner().grant.unwrap();
    assert_eq!(Some(&grant), again.into_inner().grant.as_ref());
    let keyless = sam.sharing().create_grant(sam.keyless(app.share(&id, "ben"))).await.map_err(Error::from);
    assert_refused(keyless, Code::Malformed, reason::IDEMPOTENCY_KEY_MISSING);
    let revoke = v1::RevokeGrantRequest { grant_id: grant.grant_id, reason: "over".to_owned() };
    let first = sam.sharing().revoke_grant(sam.keyed("r", revoke.clone())).await.unwrap();
    let again = sam.sharing().revoke_grant(sam.keyed("r", revoke)).await.unwrap();
    assert_eq!(first.into_inner(), again.into_inner());
    assert_eq!(app.event_names(&id).await[4..], ["granted", "revoked"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_list_grants_by_what_they_are_of_and_to_whom() {
    let app = TestApp::start().await;
    let sam = app.staff("sam", "riverton");
    let (id, _) = app.ready(&app.ada(), &File::statement("Ada")).await;
    let mut given = Vec::new();
    for request in [app.share(&id, "ben"), app.share(&id, "cleo"), app.share_case("2026-1", "ben")] {
        app.clock.advance(std::time::Duration::from_millis(1));
        given.push(sam.give(request).await.unwrap().grant_id);
    }
    sam.revoke(&given[0]).await.unwrap();
    let listed = async |change: &dyn Fn(&mut v1::ListGrantsRequest)| -> Vec<usize> {
        let mut request = v1::ListGrantsRequest::default();
        change(&mut request);
        let grants = sam.grants(request).await.unwrap().grants;
        let place = |grant: v1::Grant| given.iter().position(|id| *id == grant.grant_id).unwrap();
        grants.into_iter().map(place).collect()
    };
    assert_eq!(listed(&|_| {}).await, [2, 1, 0]);
    assert_eq!(listed(&|r| r.document_id.clone_from(&id)).await, [1, 0]);
    assert_eq!(listed(&|r| r.case_ref = "2026-1".into()).await, [2]);
    assert_eq!(listed(&|r| r.grantee_subject = "ben".into()).await, [2, 0]);
    assert_eq!(listed(&|r| r.standing_only = true).await, [2, 1]);
    assert_eq!(listed(&|r| r.grantee_client = "ben".into()).await, [0; 0]);
    let page = sam.grants(v1::ListGrantsRequest { page_size: 2, ..Default::default() }).await.unwrap();
    let page_token = page.next_page_token;
    let rest = sam.grants(v1::ListGrantsRequest { page_token, ..Default::default() }).await.unwrap();
    assert_eq!((page.grants.len(), rest.grants.len(), rest.next_page_token.as_str()), (2, 1, ""));
    let lea = app.staff("lea", "lakeside");
    assert!(lea.grants(v1::ListGrantsRequest::default()).await.unwrap().grants.is_empty());
    assert_refused(lea.revoke(&given[1]).await, Code::NotFound, reason::GRANT_NOT_FOUND);
    let elsewhere = lea.give(app.share(&id, "ben")).await;
    assert_refused(elsewhere, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
}

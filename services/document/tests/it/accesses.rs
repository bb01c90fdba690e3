//! Every access says what for, and owners and staff read who had one.

use std::path::Path;

use proto::document::v1;
use rpc_error::{Code, reason};

use crate::harness::{Actor, File, Result, TestApp, assert_refused, at};

impl Actor {
    pub(crate) async fn accesses(
        &self,
        id: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<v1::ListAccessesResponse> {
        let (document_id, page_token) = (id.to_owned(), page_token.to_owned());
        let message = v1::ListAccessesRequest { document_id, page_size, page_token };
        Ok(self.sharing().list_accesses(self.keyless(message)).await?.into_inner())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_say_what_for_and_owners_need_not() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    for purpose in ["", "own", "curiosity", "Case work"] {
        let refused = sam.download_for(&id, 0, purpose).await;
        let rule = refused.as_ref().unwrap_err().violations()[0].clone();
        assert_eq!(rule.field, "purpose");
        assert!(rule.rule.contains("casework"), "{}", rule.rule);
        assert_refused(refused, Code::InvalidArgument, reason::ACCESS_PURPOSE_INVALID);
    }
    let named = ada.download_for(&id, 0, "casework").await;
    assert_refused(named, Code::InvalidArgument, reason::ACCESS_PURPOSE_INVALID);
    assert_eq!(app.count("select count(*) from access_log").await, 0);

    ada.download_for(&id, 0, "own").await.unwrap();
    sam.download_for(&id, 0, "appeal").await.unwrap();
    let told: Vec<_> = app.events(&id).await[4..]
        .iter()
        .map(|event| event.decode::<v1::DocumentAccessed>().unwrap())
        .map(|accessed| (accessed.accessor, accessed.purpose, accessed.grant_id))
        .collect();
    let entry = |who: &str, why: &str| (who.to_owned(), why.to_owned(), String::new());
    assert_eq!(told, [entry("ada", "own"), entry("sam", "appeal")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensitive_purpose_of_the_access_shortens_the_signature() {
    let app = TestApp::start().await;
    let sam = app.staff("sam", "riverton");
    let (id, _) = app.ready(&app.ada(), &File::statement("Ada")).await;
    let mut left = Vec::new();
    for purpose in ["casework", "legal"] {
        let signed = sam.download_for(&id, 0, purpose).await.unwrap();
        left.push((at(signed.expires_at) - app.clock.now()).whole_seconds());
    }
    assert_eq!(left, [300, 60]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_in_pages_by_the_owner_and_by_staff() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    let (other, _) = app.ready(&ada, &File::pdf("another")).await;
    for n in 0..5 {
        // Four of them at one time.
        app.clock.advance(std::time::Duration::from_millis(u64::from(n < 2)));
        if n % 2 == 0 { ada.download(&id).await } else { sam.download(&id).await }.unwrap();
        ada.download(&other).await.unwrap();
    }
    let all = sam.accesses(&id, 0, "").await.unwrap();
    assert_eq!((all.accesses.len(), all.next_page_token.as_str()), (5, ""));
    let who: Vec<_> = all.accesses.iter().map(|access| access.accessor.as_str()).collect();
    assert_eq!(who.iter().filter(|who| **who == "ada").count(), 3);
    assert_eq!(who[4], "ada", "the newest is first");
    for access in &all.accesses {
        let why = if access.accessor == "ada" { "own" } else { "casework" };
        assert_eq!((access.purpose.as_str(), access.version, access.grant_id.as_str()), (why, 1, ""));
        assert_eq!((access.document_id.as_str(), access.client_id.as_str()), (id.as_str(), "portal"));
        assert!(at(access.accessed_at) < at(access.expires_at));
    }
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let page = ada.accesses(&id, 2, &token).await.unwrap();
        paged.extend(page.accesses);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all.accesses);

    for stranger in
        [app.citizen("ben", "riverton"), app.citizen("ada", "lakeside"), app.staff("lea", "lakeside")]
    {
        assert_refused(stranger.accesses(&id, 0, "").await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    }
    let wrong = ada.accesses(&id, 201, "x").await;
    assert_refused(wrong, Code::InvalidArgument, reason::PAGE_SIZE_INVALID);
}

#[test]
fn what_was_handed_in_leaves_by_two_places_and_both_write_the_log() {
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut signing, mut logging) = (Vec::new(), Vec::new());
    let mut folders = vec![app];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if text.contains("presign_get(Bucket::") {
                signing.push(name.clone());
            }
            if text.contains("log_access(") || text.contains("access_log::insert(") {
                logging.push(name);
            }
        }
    }
    signing.sort_unstable();
    logging.sort_unstable();
    // Versions, and copies of cases.
    assert_eq!(signing, ["download_case_export.rs", "hand_out.rs"]);
    assert_eq!(logging, ["download_case_export.rs", "hand_out.rs", "log_access.rs", "open_document.rs"]);
}

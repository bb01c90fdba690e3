use std::time::Duration;

use rpc_error::{Code, reason};

use crate::harness::{Actor, File, TestApp, assert_refused};

/// Declares documents a millisecond apart. Returns their ids, newest first.
async fn declare(app: &TestApp, owner: &Actor, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        app.clock.advance(Duration::from_millis(1));
        let initiated = owner.initiate(&File::pdf("a page")).await.unwrap();
        ids.insert(0, initiated.document.unwrap().document_id);
    }
    ids
}

/// Reads every page.
async fn pages(reader: &Actor, size: i32) -> Vec<Vec<String>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let page = reader.list(size, &token).await.unwrap();
        pages.push(page.documents.into_iter().map(|document| document.document_id).collect());
        token = page.next_page_token;
        if token.is_empty() {
            return pages;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_lists_their_own_newest_first() {
    let app = TestApp::start().await;
    let (ada, ben) = (app.ada(), app.citizen("ben", "riverton"));
    let of_ada = declare(&app, &ada, 5).await;
    let of_ben = declare(&app, &ben, 1).await;

    assert_eq!(pages(&ada, 0).await.concat(), of_ada);
    assert_eq!(pages(&ben, 0).await, [of_ben]);
    let in_pages: Vec<_> = of_ada.chunks(2).map(<[String]>::to_vec).collect();
    assert_eq!(pages(&ada, 2).await, in_pages);
    assert_eq!(pages(&ada, 5).await, [of_ada], "a full page is the last when nothing follows");
    assert_eq!(pages(&app.citizen("cleo", "riverton"), 0).await, [[""; 0]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_list_their_tenants() {
    let app = TestApp::start().await;
    let of_ada = declare(&app, &app.ada(), 2).await;
    let of_ben = declare(&app, &app.citizen("ben", "riverton"), 2).await;
    let of_cleo = declare(&app, &app.citizen("cleo", "lakeside"), 1).await;

    let riverton = [of_ben, of_ada].concat();
    assert_eq!(pages(&app.staff("sam", "riverton"), 3).await.concat(), riverton);
    assert_eq!(pages(&app.staff("lea", "lakeside"), 3).await.concat(), of_cleo);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declared_between_pages_neither_repeats_nor_hides() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let ids = declare(&app, &ada, 3).await;
    let first = ada.list(2, "").await.unwrap();
    declare(&app, &ada, 2).await;
    let second = ada.list(2, &first.next_page_token).await.unwrap();
    let seen: Vec<_> = first.documents.into_iter().chain(second.documents).map(|d| d.document_id).collect();
    assert_eq!(seen, ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_grants_nothing() {
    let app = TestApp::start().await;
    declare(&app, &app.ada(), 3).await;
    let token = app.ada().list(1, "").await.unwrap().next_page_token;
    for actor in [app.citizen("ben", "riverton"), app.citizen("ada", "lakeside")] {
        assert!(actor.list(1, &token).await.unwrap().documents.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_cannot_be_are_refused() {
    let app = TestApp::start().await;
    let ada = app.ada();
    for size in [-1, 201, i32::MAX] {
        assert_refused(ada.list(size, "").await, Code::InvalidArgument, reason::PAGE_SIZE_INVALID);
    }
    for token in ["x", "AAAA", "01890a5d-ac96-774b-bcce-b302099a8057"] {
        assert_refused(ada.list(0, token).await, Code::InvalidArgument, reason::PAGE_TOKEN_INVALID);
    }
    let error = ada.list(-1, "x").await.unwrap_err();
    let fields: Vec<_> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["page_size", "page_token"]);
}

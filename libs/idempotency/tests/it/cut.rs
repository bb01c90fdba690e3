//! Hazard 8: the connection is cut anywhere in a call's conversation with the server; the client calls again with the
//! same key until it gets an answer.

use std::net::SocketAddr;

use idempotency::KEEP;
use pg::Db;
use secrecy::{ExposeSecret, SecretString};
use testkit::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::harness::{self, SOON, document, effect, request, scope, setup};

#[derive(Clone, Copy)]
enum Side {
    Client,
    Server,
}

/// A way to the server on which each connection is cut after `budget` bytes of one side.
async fn proxy(server: SocketAddr, side: Side, budget: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(forward(client, server, side, budget));
        }
    });
    address
}

async fn forward(mut client: TcpStream, server: SocketAddr, side: Side, mut budget: usize) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    loop {
        let (from, length, bytes) = tokio::select! {
            read = client.read(&mut up) => (Side::Client, read.unwrap_or(0), &up),
            read = server.read(&mut down) => (Side::Server, read.unwrap_or(0), &down),
        };
        let counted = matches!((from, side), (Side::Client, Side::Client) | (Side::Server, Side::Server));
        let pass = if counted { length.min(budget) } else { length };
        let to = match from {
            Side::Client => &mut server,
            Side::Server => &mut client,
        };
        if length == 0 || to.write_all(&bytes[..pass]).await.is_err() || pass < length {
            return;
        }
        budget -= if counted { pass } else { 0 };
    }
}

async fn cut_everywhere(side: Side, total: usize) {
    let setup = setup().await;
    let mut url = Url::parse(setup.database.urls.app.expose_secret()).unwrap();
    let host = url.host_str().unwrap().to_owned();
    let server = tokio::net::lookup_host((host, url.port().unwrap_or(5432))).await.unwrap().next().unwrap();
    let (mut unanswered, mut replays) = (0, 0);
    let budgets: Vec<_> = (0..total).step_by(23).collect();
    for budget in &budgets {
        let address = proxy(server, side, *budget).await;
        url.set_ip_host(address.ip()).unwrap();
        url.set_port(Some(address.port())).unwrap();
        let mut settings = setup.database.settings();
        settings.url = SecretString::from(url.to_string());
        let db = Db::connect(&settings, "cut").unwrap();
        let name = format!("cut-{budget:05}");
        let (key, request) = (scope(&name), request(&name));
        let call = idempotency::run(&db, &setup.clock, &key, &request, KEEP, effect(&name));
        let first: harness::Result = call.await;
        unanswered += u32::from(first.is_err());
        // Whatever it was told, the client may call again.
        let again = eventually(SOON, || setup.call(&name, &name)).await.unwrap();
        assert_eq!(again.value, document(&name));
        assert!(again.replayed || first.is_err(), "after {budget} bytes: an answered call was made again");
        replays += u32::from(again.replayed && first.is_err());
    }
    // Each effect is unique by its name: as many as calls, none lost, none twice.
    assert_eq!(setup.effects().await.len(), budgets.len());
    assert_eq!(usize::try_from(setup.stored().await).unwrap(), budgets.len());
    assert!(
        unanswered > 20 && unanswered < u32::try_from(budgets.len()).unwrap(),
        "{unanswered} calls were cut"
    );
    if let Side::Server = side {
        assert!(replays > 0, "no cut fell between the commit and its answer");
    }
}

#[tokio::test]
async fn a_request_cut_anywhere_makes_one_effect_once_repeated() {
    cut_everywhere(Side::Client, 2_400).await;
}

#[tokio::test]
async fn an_answer_cut_anywhere_makes_one_effect_once_repeated() {
    cut_everywhere(Side::Server, 2_400).await;
}

//! A member of a group as a process of its own, for tests that kill one: `member <app url> <system url> <brokers> <topic
//! prefix> <instance id>` writes a row of `effects` for every `guildhall.document.ready.v1`.

use anyhow::Context as _;
use clock::Clock;
use pg::Db;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &'static str| arguments.next().context(what);
    let (app, system) = (next("app url")?, next("system url")?);
    let urls = pg::Urls { owner: app.clone().into(), app: app.into(), system: system.into() };
    let mut kafka = kafka::Settings::plaintext(&next("brokers")?, &next("topic prefix")?);
    kafka.instance_id = Some(next("instance id")?);

    let db = Db::connect(&pg::Settings::from_urls(urls), "member")?;
    let topics = ["guildhall.document.v1"];
    let consumer = consumer::inbox(&db, &kafka, &Clock::system(), "notification", &topics)?.on(
        "guildhall.document.ready.v1",
        |tx, event| {
            Box::pin(async move {
                let number: i32 =
                    event.subject.parse().map_err(|error| consumer::Failure::poison("NO_NUMBER", error))?;
                let tenant = tx.tenant().to_string();
                sqlx::query("insert into effects (tenant, event_id, key, number) values ($1, $2, $3, $4)")
                    .bind(tenant)
                    .bind(event.id)
                    .bind(&event.key)
                    .bind(number)
                    .execute(&mut **tx)
                    .await?;
                Ok(())
            })
        },
    );
    consumer.run(CancellationToken::new()).await;
    Ok(())
}

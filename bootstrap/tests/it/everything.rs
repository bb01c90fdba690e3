use std::time::Duration;

use bootstrap::{Config, TopicError};
use clock::Clock;
use kafka::rdkafka::consumer::{BaseConsumer, Consumer as _};
use settings::Env;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use testkit::{TestKafka, eventually};
use topology::Topology;

/// Until what was made is known everywhere.
const PATIENCE: Duration = Duration::from_secs(10);

const SERVICE: &str = "boot_everything";

/// Where a login of the service signs in, on the server of the tests.
fn url(role: &str, password: &str) -> String {
    let admin = testkit::env().pg_admin_url();
    let (_, host) = admin.rsplit_once('@').unwrap();
    let (host, _) = host.split_once('/').unwrap();
    format!("postgres://{SERVICE}_{role}:{password}@{host}/{SERVICE}")
}

fn config(kafka: &kafka::Settings, app_password: &str) -> Config {
    let admin = testkit::env().pg_admin_url();
    let (app, system, owner) = (url("app", app_password), url("system", "s"), url("owner", "o"));
    let pairs = [
        ("BOOTSTRAP__DB__ADMIN_URL", admin.as_str()),
        ("BOOTSTRAP__SERVICES", SERVICE),
        ("BOOTSTRAP__TOPICS__REPLICAS", "1"),
        ("BOOTSTRAP__KAFKA__BROKERS", &kafka.brokers),
        ("BOOTSTRAP__KAFKA__TOPIC_PREFIX", &kafka.topic_prefix),
        ("BOOT_EVERYTHING__DB__URL", &app),
        ("BOOT_EVERYTHING__DB__SYSTEM_URL", &system),
        ("BOOT_EVERYTHING__DB__OWNER_URL", &owner),
    ];
    Config::load(|service| Env::from_pairs(service, pairs)).unwrap()
}

async fn remove() {
    let mut admin = PgConnection::connect(&testkit::env().pg_admin_url()).await.unwrap();
    let mut statements = vec![format!("drop database if exists {SERVICE} with (force)")];
    statements.extend(["app", "system", "owner"].map(|role| format!("drop role if exists {SERVICE}_{role}")));
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.unwrap();
    }
}

#[tokio::test]
async fn an_empty_cluster_gets_databases_logins_and_topics_and_a_second_run_brings_them_in_line() {
    remove().await;
    let prefix = format!("boot{}-", std::process::id());
    // Deletes them in the end.
    let kafka = TestKafka { settings: kafka::Settings::plaintext(testkit::env().kafka_brokers(), prefix) };
    bootstrap::run(&config(&kafka.settings, "a"), &Clock::system()).await.unwrap();
    drop(PgConnection::connect(&url("app", "a")).await.unwrap());

    bootstrap::run(&config(&kafka.settings, "b%40"), &Clock::system()).await.unwrap();
    assert!(PgConnection::connect(&url("app", "a")).await.is_err(), "the password was changed");
    drop(PgConnection::connect(&url("app", "b%40")).await.unwrap());

    let consumer: BaseConsumer = kafka.settings.client().create().unwrap();
    let as_listed = async || {
        let metadata = consumer.fetch_metadata(None, PATIENCE).map_err(|error| error.to_string())?;
        let there = |name: &str| {
            let topic = metadata.topics().iter().find(|there| there.name() == name)?;
            u32::try_from(topic.partitions().len()).ok()
        };
        let topics = &Topology::get().topics;
        match topics.iter().find(|topic| there(&kafka.topic(&topic.name)) != Some(topic.partitions)) {
            None => Ok(()),
            Some(topic) => Err(format!("{} is not as it is listed", topic.name)),
        }
    };
    // What one broker has made is known to all a little later.
    eventually(PATIENCE, as_listed).await.unwrap();
    remove().await;
}

#[tokio::test]
async fn a_topic_with_another_number_of_partitions_is_refused() {
    // Those of tests have three.
    let kafka = testkit::kafka().await;
    let mut config = config(&kafka.settings, "a");
    config.databases.clear();
    let run = async || match bootstrap::run(&config, &Clock::system()).await {
        Ok(()) => Err("topics that were just made are not seen yet"),
        Err(error) => Ok(error),
    };
    let error = eventually(PATIENCE, run).await.unwrap();
    let error = error.downcast_ref::<TopicError>().unwrap();
    assert!(matches!(error, TopicError::Partitions { there: 3, wanted: 12, .. }), "{error}");
}

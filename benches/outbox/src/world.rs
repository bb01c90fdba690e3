//! The database and the topics that every contender works on.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use bench_report::Env;
use pg::{Bootstrap, Db, Settings, Urls};
use secrecy::SecretString;
use sqlx::{Connection as _, PgConnection};
use url::Url;

use crate::broker;

/// Events with the same remainder have the same key, and with it an order.
pub(crate) const KEYS: u64 = 5_000;

/// Random text, half of whose bits are information, as ids in a protobuf message are; 512 bytes with the number in front.
const SETUP: &str = "
create table bodies (id int primary key, body text not null);
insert into bodies
select id, left((select string_agg(md5(random()::text || id || part), '') from generate_series(1, 16) part), 500)
  from generate_series(0, 1023) id;

create function uuid7(n bigint) returns uuid language sql volatile as $$
  select (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
          || '7' || substr(random, 1, 3) || '8' || substr(random, 4, 15))::uuid
    from md5(n::text || random()::text) random
$$;

-- One transaction for each event, as services write them.
create procedure fill(topic text, first bigint, amount bigint, keys bigint) language plpgsql as $$
declare
  texts text[] := (select array_agg(body order by id) from bodies);
  random text;
begin
  for n in first .. first + amount - 1 loop
    random := md5(n::text);
    insert into outbox (id, tenant, lane, destination, key, type, subject, time, dataschema, traceparent, payload)
    values (uuid7(n), 'riverton', 'topic', topic, 'k' || n % keys, 'guildhall.document.ready.v1', n::text,
            clock_timestamp(), 'proto:guildhall.document.v1.DocumentReady',
            '00-' || random || '-' || left(random, 16) || '-01',
            convert_to(lpad(n::text, 12, '0') || texts[n % 1024 + 1], 'UTF8'));
    commit;
  end loop;
end $$;

create procedure fill_obix(topic text, first bigint, amount bigint, keys bigint) language plpgsql as $$
declare
  texts text[] := (select array_agg(body order by id) from bodies);
  random text;
begin
  for n in first .. first + amount - 1 loop
    random := md5(n::text);
    insert into persistent_outbox_events (payload) values (json_build_object(
      'id', uuid7(n), 'topic', topic, 'key', 'k' || n % keys, 'type', 'guildhall.document.ready.v1',
      'subject', n::text, 'tenant', 'riverton', 'dataschema', 'proto:guildhall.document.v1.DocumentReady',
      'traceparent', '00-' || random || '-' || left(random, 16) || '-01',
      'payload', lpad(n::text, 12, '0') || texts[n % 1024 + 1]));
    commit;
  end loop;
end $$;

create publication debezium for table outbox with (publish = 'insert');
";

/// obix's tables, as its own migration makes them, and the position of its relay.
const OBIX: &str = "create table persistent_outbox_events (
       id uuid not null default gen_random_uuid(), sequence bigserial, payload jsonb, tracing_context jsonb,
       recorded_at timestamptz not null default now(),
       commit_xid bigint not null default pg_current_xact_id()::text::bigint, primary key (sequence)
     ) partition by range (sequence);
     create index idx_persistent_outbox_events_commit_xid on persistent_outbox_events (commit_xid);
     create table persistent_outbox_events_p0 partition of persistent_outbox_events for values from (0) to (2000000)
       with (autovacuum_vacuum_insert_scale_factor = 0.0, autovacuum_vacuum_insert_threshold = 50000,
             autovacuum_freeze_min_age = 0, fillfactor = 100);
     create table persistent_outbox_events_default partition of persistent_outbox_events default;
     create table persistent_outbox_commit_checkpoints (sequence bigint primary key, commit_seq bigint not null unique,
       open_groups jsonb not null, recorded_at timestamptz not null default now());
     create table relay_position (sequence bigint not null);
     insert into relay_position values (0);";

/// What all contenders share.
pub(crate) struct World {
    pub(crate) env: Env,
    pub(crate) urls: Urls,
    /// The superuser's URL of the database.
    pub(crate) admin: Url,
    topics: AtomicU32,
}

impl World {
    pub(crate) async fn new(env: Env) -> Result<Self> {
        let password = || SecretString::from("bench".to_owned());
        let plan = Bootstrap {
            service: "bench".to_owned(),
            database: "bench".to_owned(),
            owner_password: password(),
            app_password: password(),
            system_password: password(),
        };
        let server = SecretString::from(env.postgres_url.clone());
        pg::bootstrap(&server, &plan).await?;
        let urls = plan.urls(&server)?;
        pg::migrate(&urls.owner, None, &[&outbox::MIGRATOR]).await?;
        let mut admin = Url::parse(&env.postgres_url)?;
        admin.set_path(&plan.database);
        let world = Self { env, urls, admin, topics: AtomicU32::new(0) };
        world.run(SETUP).await?;
        world.run(OBIX).await?;
        Ok(world)
    }

    /// A connection of the superuser.
    pub(crate) async fn admin(&self) -> Result<PgConnection> {
        PgConnection::connect(self.admin.as_str()).await.context("cannot connect as the superuser")
    }

    /// Statements as the superuser.
    pub(crate) async fn run(&self, sql: &'static str) -> Result<()> {
        sqlx::raw_sql(sql).execute(&mut self.admin().await?).await?;
        Ok(())
    }

    /// A service's pools.
    pub(crate) fn db(&self) -> Result<Db> {
        Ok(Db::connect(&Settings::from_urls(self.urls.clone()), "bench")?)
    }

    /// A new topic.
    pub(crate) async fn topic(&self, partitions: i32) -> Result<String> {
        let name = format!("bench.{}", self.topics.fetch_add(1, Ordering::Relaxed));
        broker::create_topic(&self.env.brokers, &name, partitions).await?;
        Ok(name)
    }

    /// Rows in the table, and nothing beside them: no dead ones of an earlier turn.
    pub(crate) async fn fill(&self, procedure: &str, topic: &str, events: u64) -> Result<()> {
        let mut admin = self.admin().await?;
        sqlx::raw_sql("set synchronous_commit = off").execute(&mut admin).await?;
        let call = match procedure {
            "fill_obix" => "call fill_obix($1, 0, $2, $3)",
            _ => "call fill($1, 0, $2, $3)",
        };
        sqlx::query(call)
            .bind(topic)
            .bind(i64::try_from(events)?)
            .bind(i64::try_from(KEYS)?)
            .execute(&mut admin)
            .await
            .context("cannot fill the table")?;
        sqlx::raw_sql("analyze outbox").execute(&mut admin).await?;
        Ok(())
    }

    /// Empty tables, and everything of the turn before written out.
    pub(crate) async fn clear(&self) -> Result<()> {
        self.run(
            "truncate outbox; truncate persistent_outbox_events restart identity;
             update relay_position set sequence = 0; checkpoint;",
        )
        .await
    }

    /// Events that wait.
    pub(crate) async fn waiting(&self) -> Result<i64> {
        Ok(sqlx::query_scalar("select count(*) from outbox").fetch_one(&mut self.admin().await?).await?)
    }

    /// CPU of both servers.
    pub(crate) fn servers_cpu(&self) -> bench_report::Cpu {
        let kafka = self.env.kafka.map_or(0.0, |kafka| kafka.cpu().0);
        bench_report::Cpu(self.env.postgres.tree_cpu().0 + kafka)
    }
}

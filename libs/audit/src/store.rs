//! All SQL of the chain.

use evidence::{Chain, Checkpoint, Digest, Entry, Event};
use ids::{EventId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// The newest entry of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its place; 0 before the first.
    pub seq: i64,
    /// Its hash; the genesis before the first.
    pub hash: Digest,
}

/// An entry as it is stored. What is in it may be anything: whoever reads it believes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table, which says what they are")]
pub struct Row {
    pub seq: i64,
    pub event_id: Uuid,
    pub type_: String,
    pub subject: String,
    pub time: OffsetDateTime,
    pub schema: String,
    pub body: Vec<u8>,
    pub digest: Vec<u8>,
    pub prev: Vec<u8>,
    pub hash: Vec<u8>,
}

/// A checkpoint as it is stored in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of the table, which says what they are")]
pub struct StoredCheckpoint {
    pub seq: i64,
    pub hash: Vec<u8>,
    pub signed_at: OffsetDateTime,
    pub key: String,
    pub signature: String,
}

impl From<&Entry> for Row {
    fn from(entry: &Entry) -> Self {
        Self {
            seq: entry.seq,
            event_id: entry.event.id.as_uuid(),
            type_: entry.event.type_.clone(),
            subject: entry.event.subject.clone(),
            time: entry.event.time,
            schema: entry.event.schema.clone(),
            body: entry.event.body.clone(),
            digest: entry.digest.to_vec(),
            prev: entry.prev.to_vec(),
            hash: entry.hash.to_vec(),
        }
    }
}

impl Row {
    /// The entry that it says it is; `None` where a hash has not the length of one.
    #[must_use]
    pub fn entry(self) -> Option<Entry> {
        let event = Event {
            id: EventId::try_from(self.event_id).ok()?,
            type_: self.type_,
            subject: self.subject,
            time: self.time,
            schema: self.schema,
            body: self.body,
        };
        let digest = self.digest.try_into().ok()?;
        let (prev, hash) = (self.prev.try_into().ok()?, self.hash.try_into().ok()?);
        Some(Entry { seq: self.seq, event, digest, prev, hash })
    }
}

impl StoredCheckpoint {
    /// The checkpoint of that chain that it says it is; `None` where the hash has not the length of one.
    #[must_use]
    pub fn checkpoint(&self, chain: &Chain) -> Option<Checkpoint> {
        Some(Checkpoint {
            service: chain.service.clone(),
            tenant: chain.tenant.to_string(),
            seq: self.seq,
            hash: self.hash.as_slice().try_into().ok()?,
            signed_at: self.signed_at,
            key: self.key.clone(),
            signature: self.signature.clone(),
        })
    }
}

/// Locks the head of a chain, which begins where there is none.
pub(crate) async fn lock_head(db: &mut PgConnection, chain: &Chain) -> sqlx::Result<Head> {
    if let Some(head) = locked(db, &chain.tenant).await? {
        return Ok(head);
    }
    sqlx::query!(
        "insert into audit_heads (tenant, seq, hash) values ($1, 0, $2) on conflict (tenant) do nothing",
        chain.tenant.as_str(),
        &chain.genesis()[..],
    )
    .execute(&mut *db)
    .await?;
    locked(db, &chain.tenant).await?.ok_or(sqlx::Error::RowNotFound)
}

async fn locked(db: &mut PgConnection, tenant: &Tenant) -> sqlx::Result<Option<Head>> {
    let row = sqlx::query!("select seq, hash from audit_heads where tenant = $1 for update", tenant.as_str());
    let row = row.fetch_optional(db).await?;
    row.map(|row| Ok(Head { seq: row.seq, hash: digest(row.hash)? })).transpose()
}

/// Reads the head of a chain.
pub(crate) async fn head(db: &mut PgConnection, tenant: &Tenant) -> sqlx::Result<Option<Head>> {
    let row = sqlx::query!("select seq, hash from audit_heads where tenant = $1", tenant.as_str());
    let row = row.fetch_optional(db).await?;
    row.map(|row| Ok(Head { seq: row.seq, hash: digest(row.hash)? })).transpose()
}

/// Moves the head of a chain, which is locked.
pub(crate) async fn move_head(db: &mut PgConnection, tenant: &Tenant, head: &Head) -> sqlx::Result<()> {
    sqlx::query!(
        "update audit_heads set seq = $2, hash = $3 where tenant = $1",
        tenant.as_str(),
        head.seq,
        &head.hash[..],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes entries with one statement.
pub(crate) async fn insert(db: &mut PgConnection, tenant: &Tenant, rows: &[Row]) -> sqlx::Result<()> {
    let column = |pick: fn(&Row) -> &[u8]| rows.iter().map(|row| pick(row).to_vec()).collect::<Vec<_>>();
    let text = |pick: fn(&Row) -> &str| rows.iter().map(|row| pick(row).to_owned()).collect::<Vec<_>>();
    sqlx::query!(
        "insert into audit_entries (tenant, seq, event_id, type, subject, time, schema, body, digest, prev, hash)
         select $1, * from unnest($2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::text[],
             $8::bytea[], $9::bytea[], $10::bytea[], $11::bytea[])",
        tenant.as_str(),
        &rows.iter().map(|row| row.seq).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.event_id).collect::<Vec<_>>(),
        &text(|row| &row.type_),
        &text(|row| &row.subject),
        &rows.iter().map(|row| row.time).collect::<Vec<_>>(),
        &text(|row| &row.schema),
        &column(|row| &row.body),
        &column(|row| &row.digest),
        &column(|row| &row.prev),
        &column(|row| &row.hash),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads up to `limit` entries behind `after`, in their order.
pub(crate) async fn after(
    db: &mut PgConnection,
    tenant: &Tenant,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"select seq, event_id, type as "type_", subject, time, schema, body, digest, prev, hash
             from audit_entries where tenant = $1 and seq > $2 order by seq limit $3"#,
        tenant.as_str(),
        after,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Writes a checkpoint, unless it is there.
pub(crate) async fn insert_checkpoint(
    db: &mut PgConnection,
    tenant: &Tenant,
    checkpoint: &Checkpoint,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into audit_checkpoints (tenant, seq, hash, signed_at, key, signature)
         values ($1, $2, $3, $4, $5, $6) on conflict (tenant, seq) do nothing",
        tenant.as_str(),
        checkpoint.seq,
        &checkpoint.hash[..],
        checkpoint.signed_at,
        checkpoint.key,
        checkpoint.signature,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads up to `limit` checkpoints behind `after`, in their order.
pub(crate) async fn checkpoints_after(
    db: &mut PgConnection,
    tenant: &Tenant,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<StoredCheckpoint>> {
    sqlx::query_as!(
        StoredCheckpoint,
        "select seq, hash, signed_at, key, signature from audit_checkpoints
          where tenant = $1 and seq > $2 order by seq limit $3",
        tenant.as_str(),
        after,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Tenants that have a chain, by name, beginning after `after`.
pub(crate) async fn tenants(db: &mut PgConnection, after: &str, limit: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select tenant from audit_heads where tenant > $1 order by tenant limit $2",
        after,
        limit
    )
    .fetch_all(db)
    .await
}

/// Tenants whose chains have entries that no checkpoint covers, by name, beginning after `after`.
pub(crate) async fn unsealed(db: &mut PgConnection, after: &str, limit: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select tenant from audit_heads h
          where tenant > $1 and seq > 0
            and not exists (select from audit_checkpoints c where c.tenant = h.tenant and c.seq = h.seq)
          order by tenant limit $2",
        after,
        limit
    )
    .fetch_all(db)
    .await
}

/// Asks to be the only one who seals; the answer holds until the connection ends.
pub(crate) async fn lock_sealing(db: &mut PgConnection) -> sqlx::Result<bool> {
    let locked = sqlx::query_scalar!(
        r#"select pg_try_advisory_lock(hashtextextended('audit sealing', 0)) as "locked!""#
    );
    locked.fetch_one(db).await
}

/// Reads the entries of events, in their order.
pub(crate) async fn by_event(
    db: &mut PgConnection,
    tenant: &Tenant,
    ids: &[EventId],
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"select seq, event_id, type as "type_", subject, time, schema, body, digest, prev, hash
             from audit_entries where tenant = $1 and event_id = any ($2::uuid[]) order by seq"#,
        tenant.as_str(),
        &ids.iter().map(|id| id.as_uuid()).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await
}

/// Reads up to `limit` entries about some subjects, in their order.
pub(crate) async fn by_subjects(
    db: &mut PgConnection,
    tenant: &Tenant,
    subjects: &[String],
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"select seq, event_id, type as "type_", subject, time, schema, body, digest, prev, hash
             from audit_entries where tenant = $1 and subject = any ($2::text[]) order by seq limit $3"#,
        tenant.as_str(),
        subjects,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Reads up to `limit` entries before `before`, of a subject or of all, the newest first.
pub(crate) async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    subject: Option<&str>,
    before: i64,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    // Two statements, so that each has its index.
    match subject {
        Some(subject) => {
            sqlx::query_as!(
                Row,
                r#"select seq, event_id, type as "type_", subject, time, schema, body, digest, prev, hash
                     from audit_entries where tenant = $1 and subject = $2 and seq < $3 order by seq desc limit $4"#,
                tenant.as_str(),
                subject,
                before,
                limit,
            )
            .fetch_all(db)
            .await
        }
        None => {
            sqlx::query_as!(
                Row,
                r#"select seq, event_id, type as "type_", subject, time, schema, body, digest, prev, hash
                     from audit_entries where tenant = $1 and seq < $2 order by seq desc limit $3"#,
                tenant.as_str(),
                before,
                limit,
            )
            .fetch_all(db)
            .await
        }
    }
}

/// Reads the digests of the entries from one to another.
pub(crate) async fn digests(
    db: &mut PgConnection,
    tenant: &Tenant,
    from: i64,
    to: i64,
) -> sqlx::Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!(
        "select digest from audit_entries where tenant = $1 and seq between $2 and $3 order by seq",
        tenant.as_str(),
        from,
        to,
    )
    .fetch_all(db)
    .await
}

/// Reads the first checkpoint that covers an entry.
pub(crate) async fn checkpoint_from(
    db: &mut PgConnection,
    tenant: &Tenant,
    seq: i64,
) -> sqlx::Result<Option<StoredCheckpoint>> {
    sqlx::query_as!(
        StoredCheckpoint,
        "select seq, hash, signed_at, key, signature from audit_checkpoints
          where tenant = $1 and seq >= $2 order by seq limit 1",
        tenant.as_str(),
        seq,
    )
    .fetch_optional(db)
    .await
}

/// Reads the newest checkpoint.
pub(crate) async fn newest_checkpoint(
    db: &mut PgConnection,
    tenant: &Tenant,
) -> sqlx::Result<Option<StoredCheckpoint>> {
    sqlx::query_as!(
        StoredCheckpoint,
        "select seq, hash, signed_at, key, signature from audit_checkpoints
          where tenant = $1 order by seq desc limit 1",
        tenant.as_str(),
    )
    .fetch_optional(db)
    .await
}

fn digest(bytes: Vec<u8>) -> sqlx::Result<Digest> {
    bytes.try_into().map_err(|_| sqlx::Error::Decode("audit_heads.hash is no SHA-256".into()))
}

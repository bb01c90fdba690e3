//! What the tables tell of a case, for whoever exports it.

use evidence::{Access, Document, Hold, Version};
use ids::Tenant;
use serde::Deserialize;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::CaseRef;

/// How much there is of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Documents.
    pub documents: i64,
    /// Their versions.
    pub versions: i64,
    /// Bytes of the versions that can be read.
    pub bytes: i64,
    /// Accesses.
    pub accesses: i64,
    /// Holds on them.
    pub holds: i64,
}

/// Counts what there is of a case.
#[tracing::instrument(name = "db.case_files.extent", skip_all)]
pub async fn extent(db: &mut PgConnection, tenant: &Tenant, case_ref: &CaseRef) -> sqlx::Result<Extent> {
    sqlx::query_as!(
        Extent,
        r#"with of_case as (select document_id from case_documents where tenant = $1 and case_ref = $2)
           select (select count(*) from of_case) as "documents!",
               (select count(*) from document_versions v join of_case using (document_id) where v.tenant = $1)
                   as "versions!",
               (select coalesce(sum(size_bytes), 0)::bigint from document_versions v join of_case using (document_id)
                 where v.tenant = $1 and v.status = 'ready') as "bytes!",
               (select count(*) from access_log a join of_case using (document_id) where a.tenant = $1) as "accesses!",
               (select count(*) from legal_holds h join of_case using (document_id) where h.tenant = $1) as "holds!""#,
        tenant.as_str(),
        case_ref.as_str(),
    )
    .fetch_one(db)
    .await
}

/// Keeps the documents of a case as they are until the transaction ends.
#[tracing::instrument(name = "db.case_files.share", skip_all)]
pub async fn share(db: &mut PgConnection, tenant: &Tenant, case_ref: &CaseRef) -> sqlx::Result<()> {
    sqlx::query!(
        "select d.id from documents d
         where d.tenant = $1 and d.id in (
             select document_id from case_documents where tenant = $1 and case_ref = $2)
         order by d.id for share",
        tenant.as_str(),
        case_ref.as_str(),
    )
    .fetch_all(db)
    .await?;
    Ok(())
}

/// What the tables tell of a case, all of it at one moment.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Snapshot {
    /// Documents without versions and accesses, by id.
    pub documents: Vec<Document>,
    /// Versions, each with its document, in their order; none with its file.
    pub versions: Vec<(String, Version)>,
    /// Accesses, each with its document, in order of time.
    pub accesses: Vec<(String, Access)>,
    /// Holds, by id.
    pub holds: Vec<Hold>,
}

/// Reads what is told of a case, with one statement, so that it is how things were at one moment. Names of files are not in it.
#[tracing::instrument(name = "db.case_files.snapshot", skip_all)]
pub async fn snapshot(db: &mut PgConnection, tenant: &Tenant, case_ref: &CaseRef) -> sqlx::Result<Snapshot> {
    let row = sqlx::query_scalar!(
        r#"with of_case as (select document_id from case_documents where tenant = $1 and case_ref = $2)
           select jsonb_build_object(
               'documents', coalesce((select jsonb_agg(jsonb_build_object(
                       'id', d.id, 'owner', d.owner, 'purpose', d.purpose, 'retention_class', d.retention_class,
                       'created_at', d.created_at, 'versions', '[]'::jsonb, 'accesses', '[]'::jsonb) order by d.id)
                   from documents d join of_case c on c.document_id = d.id where d.tenant = $1), '[]'),
               'versions', coalesce((select jsonb_agg(jsonb_build_array(v.document_id, jsonb_build_object(
                       'version', v.version, 'content_type', v.content_type, 'size_bytes', v.size_bytes,
                       'sha256', encode(v.sha256, 'hex'), 'status', v.status,
                       'rejection_reason', v.rejection_reason, 'detected_content_type', v.detected_content_type,
                       'retain_until', v.retain_until, 'created_at', v.created_at, 'updated_at', v.updated_at))
                       order by v.document_id, v.version)
                   from document_versions v join of_case using (document_id) where v.tenant = $1), '[]'),
               'accesses', coalesce((select jsonb_agg(jsonb_build_array(a.document_id, jsonb_build_object(
                       'event_id', a.event_id, 'version', a.version, 'accessor', a.accessor,
                       'client_id', a.client_id, 'accessed_at', a.accessed_at, 'expires_at', a.expires_at,
                       'purpose', a.purpose, 'grant_id', a.grant_id))
                       order by a.accessed_at, a.event_id)
                   from access_log a join of_case using (document_id) where a.tenant = $1), '[]'),
               'holds', coalesce((select jsonb_agg(jsonb_build_object(
                       'id', h.id, 'case_ref', h.case_ref, 'document_id', h.document_id, 'version', h.version,
                       'reason', h.reason, 'placed_by', h.placed_by, 'placed_at', h.placed_at,
                       'released_by', h.released_by, 'released_at', h.released_at,
                       'release_reason', h.release_reason) order by h.id)
                   from legal_holds h join of_case using (document_id) where h.tenant = $1), '[]')
           ) as "snapshot!: Json<Snapshot>""#,
        tenant.as_str(),
        case_ref.as_str(),
    );
    Ok(row.fetch_one(db).await?.0)
}

-- The reconciler walks over the evidence's replica too.
alter table reconciliation drop constraint reconciliation_stage_check;
alter table reconciliation add constraint reconciliation_stage_check
    check (stage in ('versions', 'evidence', 'replica', 'intake', 'uploads'));

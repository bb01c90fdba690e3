//! Rules per kind of resource: encrypted, private, kept. A kind that is in neither list is refused, so that nothing new
//! comes in unjudged.

use serde_json::Value;

use super::Promise;
use crate::terraform::plan::Resource;

/// Kinds that hold no data and open nothing by themselves; policies, tags and places are judged all the same.
const PLAIN: &[&str] = &[
    "aws_acm_certificate",
    "aws_acm_certificate_validation",
    "aws_appautoscaling_policy",
    "aws_appautoscaling_target",
    "aws_backup_plan",
    "aws_backup_selection",
    "aws_backup_vault_lock_configuration",
    "aws_backup_vault_notifications",
    "aws_backup_vault_policy",
    "aws_cloudfront_origin_access_control",
    "aws_cloudfront_response_headers_policy",
    "aws_cloudfront_vpc_origin",
    "aws_cloudwatch_event_rule",
    "aws_cloudwatch_event_target",
    "aws_cloudwatch_log_metric_filter",
    "aws_cloudwatch_log_resource_policy",
    "aws_db_instance_automated_backups_replication",
    "aws_db_parameter_group",
    "aws_db_proxy_default_target_group",
    "aws_db_proxy_target",
    "aws_db_subnet_group",
    "aws_default_security_group",
    "aws_ecr_lifecycle_policy",
    "aws_ecr_registry_policy",
    "aws_ecr_replication_configuration",
    "aws_ecr_repository_policy",
    "aws_eip",
    "aws_eks_access_entry",
    "aws_eks_access_policy_association",
    "aws_eks_addon",
    "aws_eks_fargate_profile",
    "aws_eks_node_group",
    "aws_eks_pod_identity_association",
    "aws_elasticache_parameter_group",
    "aws_elasticache_subnet_group",
    "aws_flow_log",
    "aws_grafana_workspace",
    "aws_iam_openid_connect_provider",
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_internet_gateway",
    "aws_kms_alias",
    "aws_msk_configuration",
    "aws_msk_scram_secret_association",
    "aws_nat_gateway",
    "aws_route",
    "aws_route53_health_check",
    "aws_route53_record",
    "aws_route53_zone",
    "aws_route_table",
    "aws_route_table_association",
    "aws_s3_bucket_cors_configuration",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_logging",
    "aws_s3_bucket_notification",
    "aws_s3_bucket_ownership_controls",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_replication_configuration",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning",
    "aws_secretsmanager_secret_policy",
    "aws_security_group",
    "aws_sfn_state_machine",
    "aws_sns_topic_policy",
    "aws_sns_topic_subscription",
    "aws_sqs_queue_policy",
    "aws_sqs_queue_redrive_allow_policy",
    "aws_subnet",
    "aws_vpc",
    "aws_vpc_endpoint",
    "aws_vpc_security_group_egress_rule",
    "aws_vpc_security_group_ingress_rule",
    "aws_wafv2_web_acl_logging_configuration",
    "random_id",
    "random_password",
];

/// What must hold of one resource of its kind.
pub(super) fn faults(resource: &Resource, all: &[&Resource], promise: &Promise<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, rule: &str| {
        if !holds {
            faults.push(rule.to_owned());
        }
    };
    match resource.kind.as_str() {
        "aws_sqs_queue" => {
            must(
                resource.has_key("kms_master_key_id") || resource.is("sqs_managed_sse_enabled", true),
                "must be encrypted",
            );
            let ends_here =
                resource.text("name").ends_with("-dlq") || resource.text("name").ends_with("-undelivered");
            must(
                ends_here || resource.text("redrive_policy").contains("deadLetterTargetArn"),
                "must have a dead-letter queue",
            );
        }
        "aws_sns_topic" => must(resource.has_key("kms_master_key_id"), "must be encrypted"),
        "aws_s3_bucket" => {
            bucket(resource, all, &mut must);
            must(
                !promise.protected || !resource.is("force_destroy", true),
                "must not be emptied by `destroy`",
            );
        }
        "aws_s3_bucket_public_access_block" => {
            let all =
                ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"];
            must(all.iter().all(|way| resource.is(way, true)), "must close every way to the public");
        }
        "aws_db_instance" => {
            must(
                resource.is("storage_encrypted", true) && resource.has_key("kms_key_id"),
                "must be encrypted by a key of ours",
            );
            must(resource.is("publicly_accessible", false), "must not be reached from the internet");
            must(resource.at("password").is_null(), "must not have its password in the state");
            must(
                !promise.protected || resource.is("deletion_protection", true),
                "must be protected from deletion",
            );
            let replica = !resource.at("replicate_source_db").is_null();
            if !replica {
                let days = if promise.protected { 30.0 } else { 7.0 };
                must(
                    resource.number("backup_retention_period") >= days,
                    "must be restorable to 30 days back (7 where unprotected)",
                );
                must(resource.is("skip_final_snapshot", false), "must leave a last snapshot");
                must(!promise.protected || resource.is("multi_az", true), "must survive the loss of a zone");
            }
        }
        "aws_db_proxy" => must(resource.is("require_tls", true), "must speak TLS only"),
        "aws_elasticache_replication_group" => {
            must(
                resource.is("at_rest_encryption_enabled", true) && resource.has_key("kms_key_id"),
                "must be encrypted by a key of ours",
            );
            must(resource.is("transit_encryption_enabled", true), "must speak TLS only");
            must(resource.at("auth_token").is_string(), "must ask for a password");
        }
        "aws_msk_cluster" => {
            must(
                resource.has_key("encryption_info.encryption_at_rest_kms_key_arn"),
                "must be encrypted by a key of ours",
            );
            must(
                resource.text("encryption_info.encryption_in_transit.client_broker") == "TLS",
                "must speak TLS only",
            );
            must(resource.is("client_authentication.unauthenticated", false), "must know its clients");
            let public = resource.text("broker_node_group_info.connectivity_info.public_access.type");
            must(public == "DISABLED", "must not be reached from the internet");
        }
        "aws_eks_cluster" => {
            must(resource.has_key("encryption_config.provider.key_arn"), "must encrypt its secrets");
            must(
                !promise.protected || resource.is("deletion_protection", true),
                "must be protected from deletion",
            );
            let open = resource.at("vpc_config.public_access_cidrs").to_string().contains("/0\"");
            must(!open, "must not serve its API to everybody");
        }
        "aws_launch_template" => {
            must(
                resource.at("block_device_mappings.ebs.encrypted").to_string().contains("true"),
                "must encrypt its disks",
            );
            must(resource.text("metadata_options.http_tokens") == "required", "must ask for IMDSv2");
        }
        "aws_kms_key" => {
            must(resource.is("enable_key_rotation", true), "must rotate");
            must(resource.number("deletion_window_in_days") >= 30.0, "must be recoverable for 30 days");
        }
        "aws_kms_replica_key" => {
            must(resource.number("deletion_window_in_days") >= 30.0, "must be recoverable for 30 days");
        }
        "aws_secretsmanager_secret" => {
            must(resource.has_key("kms_key_id"), "must be encrypted by a key of ours");
            must(resource.number("recovery_window_in_days") >= 7.0, "must be recoverable for a week");
        }
        "aws_secretsmanager_secret_version" => {
            must(resource.at("secret_string").is_null(), "must not have its value in the state");
        }
        "aws_cloudwatch_log_group" => {
            must(resource.has_key("kms_key_id"), "must be encrypted by a key of ours");
            must(resource.number("retention_in_days") > 0.0, "must forget some day");
        }
        "aws_cloudwatch_metric_alarm" => {
            must(
                resource.at("alarm_actions").as_array().is_some_and(|told| !told.is_empty()),
                "must tell somebody",
            );
        }
        "aws_cloudtrail" => must(resource.has_key("kms_key_id"), "must be encrypted by a key of ours"),
        "aws_prometheus_workspace" => {
            must(resource.has_key("kms_key_arn"), "must be encrypted by a key of ours");
        }
        "aws_ecr_repository" => {
            must(resource.has_key("encryption_configuration.kms_key"), "must be encrypted by a key of ours");
            must(
                resource.text("image_tag_mutability").starts_with("IMMUTABLE"),
                "must not let a tag be moved",
            );
        }
        "aws_backup_vault" => must(resource.has_key("kms_key_arn"), "must be encrypted by a key of ours"),
        "aws_redshiftserverless_namespace" => {
            must(resource.has_key("kms_key_id"), "must be encrypted by a key of ours");
        }
        "aws_redshiftserverless_workgroup" => {
            must(resource.is("publicly_accessible", false), "must not be reached from the internet");
        }
        "aws_opensearch_domain" => {
            must(
                resource.is("encrypt_at_rest.enabled", true)
                    && resource.has_key("encrypt_at_rest.kms_key_id"),
                "must be encrypted by a key of ours",
            );
            must(resource.is("node_to_node_encryption.enabled", true), "must be encrypted between nodes");
            must(resource.is("domain_endpoint_options.enforce_https", true), "must speak TLS only");
            must(!resource.at("vpc_options.subnet_ids").is_null(), "must not be reached from the internet");
        }
        "aws_cloudfront_distribution" => {
            must(
                resource.text("default_cache_behavior.viewer_protocol_policy") != "allow-all",
                "must speak TLS only",
            );
            must(!resource.text("web_acl_id").is_empty(), "must have a firewall");
        }
        "aws_wafv2_web_acl" => {
            must(resource.at("rule").as_array().is_some_and(|rules| !rules.is_empty()), "must have rules");
        }
        kind => must(
            PLAIN.contains(&kind),
            "is of a kind that no rule knows: judge it in xtask/src/terraform/policy/kinds.rs",
        ),
    }
    faults
}

/// What belongs to a bucket and is a resource of its own.
fn bucket(bucket: &Resource, all: &[&Resource], must: &mut impl FnMut(bool, &str)) {
    let belongs = |kind: &str| {
        let of = |other: &&&Resource| {
            let name = other.text("bucket");
            other.kind == kind && (name == bucket.text("id") || name == bucket.text("bucket"))
        };
        all.iter().find(of).copied()
    };
    let algorithm = belongs("aws_s3_bucket_server_side_encryption_configuration").is_some_and(|with| {
        let key = with.at("rule.apply_server_side_encryption_by_default.kms_master_key_id");
        // S3 writes its access logs with its own keys only.
        key.as_str().is_some_and(|key| key.contains(":kms:")) || bucket.text("tags.data-class") == "logs"
    });
    must(algorithm, "must be encrypted by a key of ours");
    must(belongs("aws_s3_bucket_public_access_block").is_some(), "must close every way to the public");
    must(
        belongs("aws_s3_bucket_policy")
            .is_some_and(|with| with.text("policy").contains("aws:SecureTransport")),
        "must refuse what is not TLS",
    );
}

/// What must be there at all in an environment with a second region.
pub(super) fn missing(all: &[&Resource], promise: &Promise<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    if !promise.copied {
        return faults;
    }
    let of = |kind: &str| all.iter().filter(|resource| resource.kind == kind).count();
    for (kind, rule) in [
        (
            "aws_db_instance_automated_backups_replication",
            "the database's backups are not copied to the second region",
        ),
        ("aws_s3_bucket_replication_configuration", "documents are not copied to the second region"),
        ("aws_kms_replica_key", "copies in the second region could not be read without this one's keys"),
    ] {
        if of(kind) == 0 {
            faults.push(rule.to_owned());
        }
    }
    let locked: Vec<&Value> = all
        .iter()
        .filter(|resource| resource.kind == "aws_s3_bucket" && resource.is("object_lock_enabled", true))
        .filter(|bucket| ["documents", "audit"].contains(&bucket.text("tags.data-class")))
        .map(|bucket| bucket.at("bucket"))
        .collect();
    // Each of them has a copy, which is locked too.
    if locked.len() != 2 * of("aws_s3_bucket_replication_configuration") {
        faults.push(format!("not each locked bucket has one locked copy: {locked:?}"));
    }
    faults
}

# Every bucket of proto/topology.toml, and those that logs go to.

locals {
  # Classes that have a key of their own; everything else is what citizens hand in.
  bucket_class = { for purpose in keys(module.topology.buckets) : purpose => contains(["audit"], purpose) ? purpose : "documents" }

  # What is versioned is what is kept. Intake holds uploads until their verdict and is worth no copy; the replica is one.
  replicated = {
    for purpose, bucket in module.topology.buckets : purpose => bucket
    if bucket.versioned && purpose != "replica" && local.two_region
  }
}

module "access_logs" {
  source = "../s3"

  bucket            = "${var.project}-access-logs${module.names.bucket_suffix}"
  region            = var.region
  account_id        = var.account_id
  data_class        = "logs"
  kms_key_arn       = null
  versioned         = true
  access_log_bucket = null
  deliveries        = { "logging.s3" = "s3/" }
  lifecycle_days    = { expire = 400, noncurrent = 30 }
  tags              = local.tags
}

module "trail_bucket" {
  source = "../s3"

  bucket            = "${var.project}-trail${module.names.bucket_suffix}"
  region            = var.region
  account_id        = var.account_id
  data_class        = "logs"
  kms_key_arn       = module.keys.arns.logs
  versioned         = true
  object_lock       = true
  access_log_bucket = module.access_logs.bucket
  deliveries        = { cloudtrail = "AWSLogs/" }
  lifecycle_days    = { archive = 90, expire = 2557, noncurrent = 30 }
  tags              = local.tags
}

# Loki's and Tempo's.
module "telemetry_bucket" {
  source = "../s3"

  bucket            = "${var.project}-telemetry${module.names.bucket_suffix}"
  region            = var.region
  account_id        = var.account_id
  data_class        = "logs"
  kms_key_arn       = module.keys.arns.logs
  versioned         = false
  access_log_bucket = module.access_logs.bucket
  lifecycle_days    = { expire = 400 }
  tags              = local.tags
}

module "buckets" {
  source   = "../s3"
  for_each = module.topology.buckets

  bucket            = "${each.value.name}${module.names.bucket_suffix}"
  region            = var.region
  account_id        = var.account_id
  data_class        = local.bucket_class[each.key]
  kms_key_arn       = module.keys.arns[local.bucket_class[each.key]]
  versioned         = each.value.versioned
  object_lock       = each.value.object_lock
  cors_origins      = each.value.cors ? var.portal_origins : []
  access_log_bucket = module.access_logs.bucket
  events            = contains(keys(local.replicated), each.key)
  # Nothing expires by itself: how long documents are kept is a tenant's policy, and the services' to carry out.
  lifecycle_days = { archive = each.value.versioned ? 30 : null }
  tags           = local.tags
}

module "replicas" {
  source   = "../s3_replica"
  for_each = local.replicated

  name           = "${local.name}-${each.key}"
  account_id     = var.account_id
  partition      = local.partition
  region         = var.region
  replica_region = var.replica_region
  source_bucket  = module.buckets[each.key].bucket
  source_arn     = module.buckets[each.key].arn
  replica_bucket = "${each.value.name}-replica${module.names.bucket_suffix}"
  data_class     = local.bucket_class[each.key]
  object_lock    = each.value.object_lock
  kms_key_arns = {
    source           = module.keys.arns[local.bucket_class[each.key]]
    replica          = module.keys.replica_arns[local.bucket_class[each.key]]
    messages_replica = module.keys.replica_arns.messages
  }
  alarm_topic_arns = local.alarms
  subscribers      = lookup(var.alarm_subscribers, "critical", [])
  tags             = local.tags
}

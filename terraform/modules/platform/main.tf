# One environment: everything below the cluster, and the cluster. The roots under envs/ say which; what they may say is in
# variables.tf, what charts get back is in contract.tf.

module "names" {
  source = "../names"

  project     = var.project
  environment = var.environment
  account_id  = var.account_id
  region      = var.region
  owner       = var.owner
}

module "sizing" {
  source = "../sizing"

  users             = var.users
  high_availability = var.high_availability
  overrides         = var.sizes
}

module "topology" {
  source = "../topology"
}

locals {
  name       = module.names.prefix
  tags       = module.names.tags
  partition  = module.names.partition
  two_region = var.replica_region != null
}

module "keys" {
  source = "../kms"

  name           = local.name
  account_id     = var.account_id
  partition      = local.partition
  region         = var.region
  replica_region = var.replica_region
  tags           = local.tags
  keys = {
    audit     = { description = "audit checkpoints", replicated = true }
    backup    = { description = "backups", replicated = true }
    cache     = { description = "sessions and rate limits" }
    cluster   = { description = "secrets and disks of the cluster", aws_roles = ["aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"] }
    database  = { description = "PostgreSQL", replicated = true }
    documents = { description = "what citizens hand in", replicated = true }
    events    = { description = "Kafka" }
    logs      = { description = "logs and traces", logs = true, aws_services = ["cloudtrail"] }
    messages  = { description = "queues and alarms", replicated = true, aws_services = ["backup", "cloudtrail", "cloudwatch", "elasticache", "events", "sns"] }
    secrets   = { description = "secrets", replicated = true }
  }
}

module "observability" {
  source = "../observability"

  name                = local.name
  account_id          = var.account_id
  partition           = local.partition
  region              = var.region
  kms_key_arns        = { messages = module.keys.arns.messages, logs = module.keys.arns.logs }
  subscribers         = var.alarm_subscribers
  trail_bucket        = module.trail_bucket.bucket
  watched_bucket_arns = [for purpose, bucket in module.buckets : bucket.arn]
  managed_prometheus  = var.features.managed_prometheus
  managed_grafana     = var.features.managed_grafana
  tags                = local.tags
}

module "vpc" {
  source = "../vpc"

  name                = local.name
  account_id          = var.account_id
  region              = var.region
  zones               = var.zones
  cidr                = var.cidr
  nat                 = var.nat
  interface_endpoints = var.interface_endpoints
  kms_key_arn         = module.keys.arns.logs
  tags                = local.tags
}

module "eks" {
  source = "../eks"

  name                = local.name
  account_id          = var.account_id
  partition           = local.partition
  region              = var.region
  kubernetes_version  = var.versions.kubernetes
  addons              = var.versions.addons
  subnet_ids          = module.vpc.subnet_ids.private
  kms_key_arns        = { cluster = module.keys.arns.cluster, logs = module.keys.arns.logs }
  identity_mode       = var.identity_mode
  public_access_cidrs = var.public_access_cidrs
  auto_mode           = var.features.eks_auto_mode
  node_groups         = { general = module.sizing.nodes }
  fargate_profiles    = var.fargate_profiles
  access              = var.cluster_access
  deletion_protection = var.protected
  tags                = local.tags
}

# What is there only where somebody asked for it, and the backups that are always there.

module "backup" {
  source = "../backup"

  name             = local.name
  account_id       = var.account_id
  partition        = local.partition
  region           = var.region
  replica_region   = var.replica_region
  kms_key_arns     = { here = module.keys.arns.backup, there = lookup(module.keys.replica_arns, "backup", null) }
  locked           = var.protected
  alarm_topic_arns = local.alarms
  tags             = local.tags
}

module "database_proxy" {
  source = "../rds_proxy"
  count  = var.features.rds_proxy ? 1 : 0

  name                       = local.name
  account_id                 = var.account_id
  region                     = var.region
  vpc_id                     = module.vpc.vpc_id
  subnet_ids                 = module.vpc.subnet_ids.data
  client_security_groups     = local.clients
  database_identifier        = module.database.identifier
  database_security_group_id = module.database.security_group_id
  login_secret_arns          = { for name, login in local.logins : "${login.service}_${login.login}" => module.secrets.arns[name] if login.login == "app" }
  secrets_kms_key_arn        = module.keys.arns.secrets
  tags                       = local.tags
}

module "registry" {
  source = "../ecr"
  count  = var.registry == null ? 0 : 1

  project             = var.project
  account_id          = var.account_id
  partition           = local.partition
  region              = var.region
  replica_region      = var.replica_region
  repositories        = concat(module.access.services, ["bootstrap"]) # and of the Job that makes databases
  pulling_account_ids = var.registry.pulling_account_ids
  kms_key_arn         = module.keys.arns.cluster
  tags                = local.tags
}

module "analytics" {
  source = "../analytics"
  count  = var.features.analytics ? 1 : 0

  name                   = local.name
  account_id             = var.account_id
  region                 = var.region
  bucket                 = "${var.project}-exports${module.names.bucket_suffix}"
  access_log_bucket      = module.access_logs.bucket
  vpc_id                 = module.vpc.vpc_id
  subnet_ids             = module.vpc.subnet_ids.private
  client_security_groups = local.clients
  kms_key_arn            = module.keys.arns.documents
  secrets_kms_key_arn    = module.keys.arns.secrets
  tags                   = local.tags
}

module "search" {
  source = "../opensearch"
  count  = var.opensearch_admin_role_arn == null ? 0 : 1

  name                   = local.name
  account_id             = var.account_id
  partition              = local.partition
  region                 = var.region
  vpc_id                 = module.vpc.vpc_id
  subnet_ids             = module.vpc.subnet_ids.data
  client_security_groups = local.clients
  admin_role_arn         = var.opensearch_admin_role_arn
  kms_key_arn            = module.keys.arns.logs
  tags                   = local.tags
}

# What it costs, as it is and for other numbers of people.
module "tier" {
  source   = "../sizing"
  for_each = toset([for users in [10000, 100000] : tostring(users)])

  users             = tonumber(each.key)
  high_availability = var.high_availability
}

module "cost" {
  source = "../cost"
  for_each = merge(
    { "as it is" = { users = var.users, sizes = { nodes = module.sizing.nodes, database = module.sizing.database, cache = module.sizing.cache, kafka = module.sizing.kafka } } },
    { for users, tier in module.tier : users => { users = tonumber(users), sizes = { nodes = tier.nodes, database = tier.database, cache = tier.cache, kafka = tier.kafka } } },
  )

  users             = each.value.users
  sizes             = each.value.sizes
  high_availability = var.high_availability
  two_regions       = local.two_region
  endpoints         = var.interface_endpoints
  nat_gateways      = var.nat == "per_zone" ? 3 : 1
  read_replicas     = var.features.read_replicas
  edge              = local.cdn
}

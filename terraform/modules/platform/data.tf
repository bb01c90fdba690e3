# Where state is: PostgreSQL, Kafka, Valkey, queues.

locals {
  clients          = { cluster = module.eks.security_group_id }
  database_clients = merge(local.clients, { for proxy in module.database_proxy : "proxy" => proxy.security_group_id })
  alarms           = [module.observability.topic_arns.critical]
}

module "database" {
  source = "../rds"

  name                   = local.name
  account_id             = var.account_id
  partition              = local.partition
  region                 = var.region
  replica_region         = var.replica_region
  vpc_id                 = module.vpc.vpc_id
  subnet_ids             = module.vpc.subnet_ids.data
  client_security_groups = local.database_clients
  kms_key_arns = {
    database         = module.keys.arns.database
    secrets          = module.keys.arns.secrets
    database_replica = lookup(module.keys.replica_arns, "database", null)
  }
  engine_version      = var.versions.postgresql
  instance_class      = module.sizing.database.instance_class
  storage_gib         = module.sizing.database.storage_gib
  storage_max_gib     = module.sizing.database.storage_max_gib
  multi_az            = var.high_availability
  replicas            = var.features.read_replicas
  backup_days         = var.backup_days
  deletion_protection = var.protected
  alarm_topic_arns    = local.alarms
  tags                = local.tags
}

module "kafka" {
  source = "../msk"

  name                   = local.name
  region                 = var.region
  vpc_id                 = module.vpc.vpc_id
  subnet_ids             = module.vpc.subnet_ids.data
  client_security_groups = local.clients
  kms_key_arns           = { events = module.keys.arns.events, logs = module.keys.arns.logs, secrets = module.keys.arns.secrets }
  kafka_version          = var.versions.kafka
  instance_type          = module.sizing.kafka.instance_type
  brokers                = module.sizing.kafka.brokers
  storage_gib            = module.sizing.kafka.storage_gib
  storage_max_gib        = module.sizing.kafka.storage_max_gib
  scram                  = length(var.kafka_scram_users) > 0
  scram_users            = var.kafka_scram_users
  alarm_topic_arns       = local.alarms
  tags                   = local.tags
}

module "cache" {
  source = "../elasticache"

  name                   = local.name
  region                 = var.region
  vpc_id                 = module.vpc.vpc_id
  subnet_ids             = module.vpc.subnet_ids.data
  client_security_groups = local.clients
  kms_key_arns           = { cache = module.keys.arns.cache, logs = module.keys.arns.logs }
  engine_version         = var.versions.valkey
  node_type              = module.sizing.cache.node_type
  nodes                  = module.sizing.cache.nodes
  alarm_topic_arns       = local.alarms
  tags                   = local.tags
}

module "queues" {
  source = "../sqs"

  prefix           = module.names.queue_prefix
  region           = var.region
  queues           = module.topology.queues
  kms_key_arn      = module.keys.arns.messages
  alarm_topic_arns = local.alarms
  tags             = local.tags
}

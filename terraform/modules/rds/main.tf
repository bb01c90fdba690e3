# One PostgreSQL for the services' databases: Multi-AZ, restorable to any second of its retention, with copies of the
# backups in a second region.

locals {
  major = split(".", var.engine_version)[0]

  parameters = merge({
    "rds.force_ssl" = "1"
    # `vector` is pgvector.
    "rds.allowed_extensions"   = "btree_gist,pg_stat_statements,pg_trgm,pgcrypto,vector"
    "shared_preload_libraries" = "pg_stat_statements"
    "password_encryption"      = "scram-sha-256"
    # Row-level security is the second wall between tenants: a dump or tool must not switch it off unseen.
    "row_security" = "1"
    # A transaction that forgot to end would hold back vacuum, and with it the outbox's dead rows.
    "idle_in_transaction_session_timeout" = "60000"
    "autovacuum_naptime"                  = "10"
    "autovacuum_vacuum_scale_factor"      = "0.02"
    "autovacuum_vacuum_cost_limit"        = "2000"
    # Statements are logged, what is in them is not: values are personal data.
    "log_min_duration_statement"        = "1000"
    "log_parameter_max_length"          = "0"
    "log_parameter_max_length_on_error" = "0"
    "log_lock_waits"                    = "1"
    "log_statement"                     = "ddl"
  }, var.parameters)

  # The server reads these when it starts.
  at_start = ["shared_preload_libraries"]
}

resource "aws_db_subnet_group" "this" {
  region      = var.region
  name        = var.name
  description = "Data subnets of ${var.name}"
  subnet_ids  = var.subnet_ids
  tags        = merge(var.tags, { Name = var.name })
}

resource "aws_security_group" "this" {
  region      = var.region
  name        = "${var.name}-postgres"
  description = "PostgreSQL from the cluster; nothing out"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-postgres" })
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = var.client_security_groups

  region                       = var.region
  security_group_id            = aws_security_group.this.id
  description                  = "PostgreSQL from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  tags                         = var.tags
}

resource "aws_db_parameter_group" "this" {
  region      = var.region
  name        = "${var.name}-postgres${local.major}"
  family      = "postgres${local.major}"
  description = "What the outbox, row-level security and privacy need"
  tags        = merge(var.tags, { Name = "${var.name}-postgres${local.major}" })

  dynamic "parameter" {
    for_each = local.parameters

    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = contains(local.at_start, parameter.key) ? "pending-reboot" : "immediate"
    }
  }

  lifecycle {
    create_before_destroy = true # a major upgrade needs the old and the new group
  }
}

resource "aws_iam_role" "monitoring" {
  name = "${var.name}-rds-monitoring"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${var.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

# A name that is taken would stop the last snapshot, and with it the deletion, of a database that was made again.
resource "random_id" "final_snapshot" {
  byte_length = 4
  keepers     = { name = var.name }
}

resource "aws_db_instance" "this" {
  region         = var.region
  identifier     = var.name
  engine         = "postgres"
  engine_version = var.engine_version
  instance_class = var.instance_class
  port           = 5432

  username                      = "guildhall_admin"
  manage_master_user_password   = true
  master_user_secret_kms_key_id = var.kms_key_arns.secrets

  storage_type          = "gp3"
  allocated_storage     = var.storage_gib
  max_allocated_storage = var.storage_max_gib
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arns.database

  multi_az               = var.multi_az
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  publicly_accessible    = false
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  parameter_group_name        = aws_db_parameter_group.this.name
  allow_major_version_upgrade = false
  auto_minor_version_upgrade  = true
  apply_immediately           = false
  maintenance_window          = "sun:02:00-sun:03:00"

  backup_retention_period   = var.backup_days
  backup_window             = "00:30-01:30"
  copy_tags_to_snapshot     = true
  delete_automated_backups  = false
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = false
  final_snapshot_identifier = "${var.name}-final-${random_id.final_snapshot.hex}"

  iam_database_authentication_enabled   = true
  enabled_cloudwatch_logs_exports       = ["postgresql", "upgrade"]
  monitoring_interval                   = 30
  monitoring_role_arn                   = aws_iam_role.monitoring.arn
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = var.kms_key_arns.database
  performance_insights_retention_period = 7

  tags = merge(var.tags, { Name = var.name, data-class = "database", backup = "daily" })
}

# For reports and reads that decide nothing; see docs/choices.md.
resource "aws_db_instance" "replica" {
  #checkov:skip=CKV_AWS_157: a replica is a copy already; its source is Multi-AZ
  count = var.replicas

  region                                = var.region
  identifier                            = "${var.name}-replica-${count.index + 1}"
  replicate_source_db                   = aws_db_instance.this.identifier
  instance_class                        = coalesce(var.replica_instance_class, var.instance_class)
  storage_encrypted                     = true
  kms_key_id                            = var.kms_key_arns.database
  vpc_security_group_ids                = [aws_security_group.this.id]
  parameter_group_name                  = aws_db_parameter_group.this.name
  publicly_accessible                   = false
  multi_az                              = false
  ca_cert_identifier                    = "rds-ca-rsa2048-g1"
  auto_minor_version_upgrade            = true
  copy_tags_to_snapshot                 = true
  deletion_protection                   = var.deletion_protection
  skip_final_snapshot                   = true # everything in it is in its source
  iam_database_authentication_enabled   = true
  enabled_cloudwatch_logs_exports       = ["postgresql", "upgrade"]
  monitoring_interval                   = 30
  monitoring_role_arn                   = aws_iam_role.monitoring.arn
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = var.kms_key_arns.database
  performance_insights_retention_period = 7
  tags                                  = merge(var.tags, { Name = "${var.name}-replica-${count.index + 1}", data-class = "database" })
}

# Snapshots and transaction logs in the second region: a restore there loses what RDS had not copied yet.
resource "aws_db_instance_automated_backups_replication" "this" {
  count = var.replica_region == null ? 0 : 1

  region                 = var.replica_region
  source_db_instance_arn = aws_db_instance.this.arn
  kms_key_id             = var.kms_key_arns.database_replica
  retention_period       = var.backup_days
}

locals {
  alarms = {
    cpu         = { metric = "CPUUtilization", above = true, threshold = 85, minutes = 15, says = "CPU above 85 % for 15 minutes" }
    memory      = { metric = "FreeableMemory", above = false, threshold = 256 * 1024 * 1024, minutes = 10, says = "less than 256 MiB of memory free" }
    storage     = { metric = "FreeStorageSpace", above = false, threshold = var.storage_gib * 1024 * 1024 * 1024 / 10, minutes = 5, says = "less than a tenth of the disk free" }
    transaction = { metric = "MaximumUsedTransactionIDs", above = true, threshold = 1000000000, minutes = 5, says = "a billion transaction ids unfrozen: vacuum is held back" }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  region              = var.region
  alarm_name          = "${var.name}-postgres-${each.key}"
  alarm_description   = "PostgreSQL ${var.name}: ${each.value.says}."
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  dimensions          = { DBInstanceIdentifier = var.name }
  statistic           = each.value.above ? "Maximum" : "Minimum"
  period              = 60
  evaluation_periods  = each.value.minutes
  comparison_operator = each.value.above ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = each.value.threshold
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

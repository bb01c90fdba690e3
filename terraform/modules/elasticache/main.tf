# Valkey for sessions and rate limits: nothing in it is kept for good, so that it may be lost; see invariant 6.

resource "aws_elasticache_subnet_group" "this" {
  region      = var.region
  name        = var.name
  description = "Data subnets of ${var.name}"
  subnet_ids  = var.subnet_ids
  tags        = var.tags
}

resource "aws_security_group" "this" {
  region      = var.region
  name        = "${var.name}-valkey"
  description = "Valkey from the cluster; nothing out"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-valkey" })
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = var.client_security_groups

  region                       = var.region
  security_group_id            = aws_security_group.this.id
  description                  = "Valkey from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
  tags                         = var.tags
}

resource "aws_elasticache_parameter_group" "this" {
  region      = var.region
  name        = "${var.name}-valkey${split(".", var.engine_version)[0]}"
  family      = "valkey${split(".", var.engine_version)[0]}"
  description = "Everything has an end; when memory is short the nearest end goes first"
  tags        = var.tags

  parameter {
    name  = "maxmemory-policy"
    value = "volatile-ttl"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  region            = var.region
  name              = "/guildhall/${var.name}/valkey"
  retention_in_days = 365
  kms_key_id        = var.kms_key_arns.logs
  tags              = merge(var.tags, { data-class = "logs" })
}

resource "random_password" "auth" {
  length  = 64
  special = false # it is part of a URL
  keepers = { rotation = var.auth_rotation }
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV2_AWS_50: three nodes fail over; development has one and nothing to fail over to
  region               = var.region
  replication_group_id = var.name
  description          = "Sessions and rate limits of ${var.name}"
  engine               = "valkey"
  engine_version       = var.engine_version
  node_type            = var.node_type
  port                 = 6379

  num_cache_clusters         = var.nodes
  automatic_failover_enabled = var.nodes > 1
  multi_az_enabled           = var.nodes > 1

  subnet_group_name    = aws_elasticache_subnet_group.this.name
  security_group_ids   = [aws_security_group.this.id]
  parameter_group_name = aws_elasticache_parameter_group.this.name

  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arns.cache
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  auth_token                 = random_password.auth.result
  auth_token_update_strategy = "ROTATE"

  auto_minor_version_upgrade = true
  maintenance_window         = "sun:03:00-sun:04:00"
  snapshot_retention_limit   = 0 # nothing in it is worth restoring
  notification_topic_arn     = try(var.alarm_topic_arns[0], null)

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.this.name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "slow-log"
  }

  tags = merge(var.tags, { Name = var.name, data-class = "cache" })
}

locals {
  alarms = {
    memory    = { metric = "DatabaseMemoryUsagePercentage", threshold = 80, says = "memory is used to 80 %" }
    evictions = { metric = "Evictions", threshold = 0, says = "sessions are thrown out before their end" }
    cpu       = { metric = "EngineCPUUtilization", threshold = 80, says = "CPU above 80 %" }
  }
  # ElastiCache names the nodes of a group so.
  members = [for node in range(var.nodes) : format("%s-%03d", var.name, node + 1)]
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = merge([for member in local.members : { for what, alarm in local.alarms : "${member}-${what}" => merge(alarm, { member = member }) }]...)

  region              = var.region
  alarm_name          = "${each.key}-valkey"
  alarm_description   = "Valkey ${each.value.member}: ${each.value.says}."
  namespace           = "AWS/ElastiCache"
  metric_name         = each.value.metric
  dimensions          = { CacheClusterId = each.value.member }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

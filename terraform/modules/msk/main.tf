# Kafka: a broker per zone, three copies of every event. Topics are made by the bootstrap Job from proto/topology.toml, not
# here: a partition count is part of the code's contract, and Terraform would happily recreate a topic.

resource "aws_security_group" "this" {
  region      = var.region
  name        = "${var.name}-kafka"
  description = "Kafka from the cluster, and between brokers"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-kafka" })
}

locals {
  ports = merge({ iam = 9098 }, var.scram ? { scram = 9096 } : {}, { jmx = 11001, node = 11002 })
  rules = merge([for client, group in var.client_security_groups : { for what, port in local.ports : "${client}-${what}" => { group = group, port = port } }]...)
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = local.rules

  region                       = var.region
  security_group_id            = aws_security_group.this.id
  description                  = "Kafka: ${each.key}"
  referenced_security_group_id = each.value.group
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  tags                         = var.tags
}

resource "aws_cloudwatch_log_group" "this" {
  region            = var.region
  name              = "/guildhall/${var.name}/kafka"
  retention_in_days = 365
  kms_key_id        = var.kms_key_arns.logs
  tags              = merge(var.tags, { data-class = "logs" })
}

resource "aws_msk_configuration" "this" {
  region         = var.region
  name           = var.name
  description    = "An acknowledged event is on two brokers, and no topic appears by a typing mistake"
  kafka_versions = [var.kafka_version]

  server_properties = <<-EOT
    auto.create.topics.enable=false
    default.replication.factor=3
    min.insync.replicas=2
    unclean.leader.election.enable=false
    delete.topic.enable=false
    offsets.topic.replication.factor=3
    transaction.state.log.replication.factor=3
    transaction.state.log.min.isr=2
    offsets.retention.minutes=43200
    message.max.bytes=1048588
    group.min.session.timeout.ms=6000
  EOT
}

resource "aws_msk_cluster" "this" {
  region                 = var.region
  cluster_name           = var.name
  kafka_version          = var.kafka_version
  number_of_broker_nodes = var.brokers
  enhanced_monitoring    = "PER_TOPIC_PER_BROKER"

  broker_node_group_info {
    instance_type   = var.instance_type
    client_subnets  = var.subnet_ids
    security_groups = [aws_security_group.this.id]

    connectivity_info {
      public_access {
        type = "DISABLED"
      }
    }

    storage_info {
      ebs_storage_info {
        volume_size = var.storage_gib
      }
    }
  }

  client_authentication {
    unauthenticated = false

    sasl {
      iam   = true
      scram = var.scram
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = var.kms_key_arns.events

    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.this.arn
    revision = aws_msk_configuration.this.latest_revision
  }

  open_monitoring {
    prometheus {
      jmx_exporter {
        enabled_in_broker = true
      }

      node_exporter {
        enabled_in_broker = true
      }
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.this.name
      }
    }
  }

  tags = merge(var.tags, { Name = var.name, data-class = "events" })

  lifecycle {
    ignore_changes = [broker_node_group_info[0].storage_info[0].ebs_storage_info[0].volume_size] # grows by itself
  }
}

resource "aws_appautoscaling_target" "storage" {
  region             = var.region
  service_namespace  = "kafka"
  scalable_dimension = "kafka:broker-storage:VolumeSize"
  resource_id        = aws_msk_cluster.this.arn
  min_capacity       = 1
  max_capacity       = var.storage_max_gib
  tags               = var.tags
}

resource "aws_appautoscaling_policy" "storage" {
  region             = var.region
  name               = "${var.name}-kafka-storage"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.storage.service_namespace
  scalable_dimension = aws_appautoscaling_target.storage.scalable_dimension
  resource_id        = aws_appautoscaling_target.storage.resource_id

  target_tracking_scaling_policy_configuration {
    target_value     = 60
    disable_scale_in = true # a disk does not shrink

    predefined_metric_specification {
      predefined_metric_type = "KafkaBrokerStorageUtilization"
    }
  }
}

# SCRAM is for clients outside of AWS's identities: a secret per user, by MSK's rules named AmazonMSK_…
resource "random_password" "scram" {
  for_each = var.scram ? toset(var.scram_users) : toset([])

  length  = 48
  special = false
}

resource "aws_secretsmanager_secret" "scram" {
  #checkov:skip=CKV2_AWS_57: a client outside has to be told first; docs/runbooks/rotate-keys.md
  for_each = var.scram ? toset(var.scram_users) : toset([])

  region                  = var.region
  name                    = "AmazonMSK_${var.name}/${each.key}"
  description             = "SCRAM user ${each.key} of Kafka ${var.name}"
  kms_key_id              = var.kms_key_arns.secrets
  recovery_window_in_days = 30
  tags                    = merge(var.tags, { data-class = "secrets" })
}

resource "aws_secretsmanager_secret_version" "scram" {
  for_each = aws_secretsmanager_secret.scram

  region                   = var.region
  secret_id                = each.value.id
  secret_string_wo         = jsonencode({ username = each.key, password = random_password.scram[each.key].result })
  secret_string_wo_version = 1
}

resource "aws_msk_scram_secret_association" "this" {
  count = var.scram && length(var.scram_users) > 0 ? 1 : 0

  region          = var.region
  cluster_arn     = aws_msk_cluster.this.arn
  secret_arn_list = [for user, secret in aws_secretsmanager_secret.scram : secret.arn]

  depends_on = [aws_secretsmanager_secret_version.scram]
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = {
    controller = { metric = "ActiveControllerCount", statistic = "Maximum", comparison = "LessThanThreshold", threshold = 1, says = "no controller" }
    offline    = { metric = "OfflinePartitionsCount", statistic = "Maximum", comparison = "GreaterThanThreshold", threshold = 0, says = "partitions without a leader: events wait in the outboxes" }
  }

  region              = var.region
  alarm_name          = "${var.name}-kafka-${each.key}"
  alarm_description   = "Kafka ${var.name}: ${each.value.says}."
  namespace           = "AWS/Kafka"
  metric_name         = each.value.metric
  dimensions          = { "Cluster Name" = var.name }
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = 5
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

# Backups that whoever may delete the database may not delete: a vault of its own, locked. Everything that has the tag
# `backup = daily` goes there each night, and on to the second region.
#
# Retention is bounded (35 days): an erasure is complete when the last backup from before it is gone.

locals {
  vaults = merge({ here = { region = var.region, key = var.kms_key_arns.here } },
    var.replica_region == null ? {} : { there = { region = var.replica_region, key = var.kms_key_arns.there } },
  )
}

resource "aws_backup_vault" "this" {
  for_each = local.vaults

  region        = each.value.region
  name          = var.name
  kms_key_arn   = each.value.key
  force_destroy = false
  tags          = merge(var.tags, { Name = var.name, data-class = "backup" })
}

resource "aws_backup_vault_lock_configuration" "this" {
  for_each = var.locked ? aws_backup_vault.this : {}

  region             = each.value.region
  backup_vault_name  = each.value.name
  min_retention_days = 7
  max_retention_days = 35
}

resource "aws_backup_plan" "this" {
  region = var.region
  name   = var.name
  tags   = var.tags

  rule {
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.this["here"].name
    schedule          = "cron(0 3 * * ? *)"
    start_window      = 60
    completion_window = 360

    lifecycle {
      delete_after = var.keep_days
    }

    dynamic "copy_action" {
      for_each = var.replica_region == null ? [] : ["there"]

      content {
        destination_vault_arn = aws_backup_vault.this[copy_action.value].arn

        lifecycle {
          delete_after = var.keep_days
        }
      }
    }
  }
}

resource "aws_iam_role" "this" {
  name = "${var.name}-backup"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "backup.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = toset(["AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"])

  role       = aws_iam_role.this.name
  policy_arn = "arn:${var.partition}:iam::aws:policy/service-role/${each.key}"
}

resource "aws_backup_selection" "this" {
  region       = var.region
  name         = "by-tag"
  plan_id      = aws_backup_plan.this.id
  iam_role_arn = aws_iam_role.this.arn

  selection_tag {
    type  = "STRINGEQUALS"
    key   = "backup"
    value = "daily"
  }
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  region              = var.region
  alarm_name          = "${var.name}-backup-failed"
  alarm_description   = "A backup of ${var.name} has failed. Look into AWS Backup's jobs; the database's own backups go on beside it."
  namespace           = "AWS/Backup"
  metric_name         = "NumberOfBackupJobsFailed"
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  tags                = var.tags
}

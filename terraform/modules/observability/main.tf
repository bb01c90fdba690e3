# Where alarms go, who did what (CloudTrail), and managed Prometheus and Grafana where somebody wants them.

locals {
  severities = ["critical", "warning"]
  trail_arn  = "arn:${var.partition}:cloudtrail:${var.region}:${var.account_id}:trail/${var.name}"

  # What nobody should do unseen: a metric filter and an alarm each.
  watched = {
    root-used     = { pattern = "{ $.userIdentity.type = \"Root\" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != \"AwsServiceEvent\" }", says = "the account's root user was used" }
    key-deletion  = { pattern = "{ $.eventSource = \"kms.amazonaws.com\" && ($.eventName = \"ScheduleKeyDeletion\" || $.eventName = \"DisableKey\") }", says = "a key is to be deleted or was disabled" }
    trail-changed = { pattern = "{ $.eventName = \"StopLogging\" || $.eventName = \"DeleteTrail\" || $.eventName = \"UpdateTrail\" }", says = "the trail was stopped or changed" }
    bucket-opened = { pattern = "{ $.eventSource = \"s3.amazonaws.com\" && ($.eventName = \"PutBucketPolicy\" || $.eventName = \"DeleteBucketPublicAccessBlock\" || $.eventName = \"PutBucketPublicAccessBlock\" || $.eventName = \"DeletePublicAccessBlock\") }", says = "a bucket's policy or its block of public access was changed" }
    lock-bypassed = { pattern = "{ $.eventSource = \"s3.amazonaws.com\" && $.eventName = \"PutBucketObjectLockConfiguration\" }", says = "object lock of a bucket was changed" }
  }
}

resource "aws_sns_topic" "this" {
  for_each = toset(local.severities)

  region            = var.region
  name              = "${var.name}-${each.key}"
  kms_master_key_id = var.kms_key_arns.messages
  tags              = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_sns_topic_policy" "this" {
  for_each = aws_sns_topic.this

  region = var.region
  arn    = each.value.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AlarmsOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = ["backup.amazonaws.com", "cloudwatch.amazonaws.com", "elasticache.amazonaws.com", "events.amazonaws.com"] }
      Action    = "sns:Publish"
      Resource  = each.value.arn
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_sns_topic_subscription" "this" {
  for_each = merge([for severity, targets in var.subscribers : { for target in targets : "${severity} ${target}" => { severity = severity, target = target } }]...)

  region                 = var.region
  topic_arn              = aws_sns_topic.this[each.value.severity].arn
  protocol               = startswith(each.value.target, "https://") ? "https" : "email"
  endpoint               = each.value.target
  endpoint_auto_confirms = startswith(each.value.target, "https://")
}

resource "aws_cloudwatch_log_group" "trail" {
  region            = var.region
  name              = "/guildhall/${var.name}/trail"
  retention_in_days = 365
  kms_key_id        = var.kms_key_arns.logs
  tags              = merge(var.tags, { data-class = "logs" })
}

resource "aws_iam_role" "trail" {
  name = "${var.name}-trail"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "trail" {
  name = "write"
  role = aws_iam_role.trail.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.trail.arn}:*"]
    }]
  })
}

resource "aws_cloudtrail" "this" {
  region                        = var.region
  name                          = var.name
  s3_bucket_name                = var.trail_bucket
  kms_key_id                    = var.kms_key_arns.logs
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.trail.arn}:*"
  cloud_watch_logs_role_arn     = aws_iam_role.trail.arn
  sns_topic_name                = aws_sns_topic.trail.name
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  tags                          = merge(var.tags, { Name = var.name })

  advanced_event_selector {
    name = "management"

    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
  }

  # Who read or removed which document, beside the services' own access log.
  advanced_event_selector {
    name = "documents"

    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }

    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }

    field_selector {
      field       = "resources.ARN"
      starts_with = [for arn in var.watched_bucket_arns : "${arn}/"]
    }
  }
}

# CloudTrail says here that it delivered; a topic of its own, since the alarms' readers do not want to know.
resource "aws_sns_topic" "trail" {
  region            = var.region
  name              = "${var.name}-trail"
  kms_master_key_id = var.kms_key_arns.messages
  tags              = merge(var.tags, { Name = "${var.name}-trail" })
}

resource "aws_sns_topic_policy" "trail" {
  region = var.region
  arn    = aws_sns_topic.trail.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Trail"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.trail.arn
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
    }]
  })
}

resource "aws_cloudwatch_log_metric_filter" "watched" {
  for_each = local.watched

  region         = var.region
  name           = "${var.name}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.trail.name
  pattern        = each.value.pattern

  metric_transformation {
    name      = each.key
    namespace = "Guildhall/${var.name}"
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "watched" {
  for_each = local.watched

  region              = var.region
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "Account of ${var.name}: ${each.value.says}."
  namespace           = "Guildhall/${var.name}"
  metric_name         = each.key
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this["critical"].arn]
  tags                = var.tags
}

resource "aws_prometheus_workspace" "this" {
  count = var.managed_prometheus ? 1 : 0

  region      = var.region
  alias       = var.name
  kms_key_arn = var.kms_key_arns.logs
  tags        = merge(var.tags, { Name = var.name, data-class = "logs" })
}

resource "aws_iam_role" "grafana" {
  count = var.managed_grafana ? 1 : 0

  name = "${var.name}-grafana"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "grafana.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "grafana" {
  count = var.managed_grafana && var.managed_prometheus ? 1 : 0

  name = "read"
  role = aws_iam_role.grafana[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["aps:GetLabels", "aps:GetMetricMetadata", "aps:GetSeries", "aps:QueryMetrics"]
      Resource = [aws_prometheus_workspace.this[0].arn]
    }]
  })
}

resource "aws_grafana_workspace" "this" {
  count = var.managed_grafana ? 1 : 0

  region                   = var.region
  name                     = var.name
  account_access_type      = "CURRENT_ACCOUNT"
  authentication_providers = ["AWS_SSO"]
  permission_type          = "CUSTOMER_MANAGED"
  data_sources             = ["CLOUDWATCH", "PROMETHEUS"]
  role_arn                 = aws_iam_role.grafana[0].arn
  tags                     = merge(var.tags, { Name = var.name })
}

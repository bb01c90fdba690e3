# A second copy of a bucket in another region, within 15 minutes.
#
# S3 replicates new versions and delete markers, but never the deletion of a version. Left at that, whoever is erased would
# live on in the copy. So deletions of versions are forwarded: EventBridge here → EventBridge there → a state machine that
# deletes the same version. What cannot be forwarded ends in a dead-letter queue and an alarm.

locals {
  erased = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Deleted"]
    detail        = { bucket = { name = [var.source_bucket] }, "deletion-type" = ["Permanently Deleted"] }
  })
  bus_there = "arn:${var.partition}:events:${var.replica_region}:${var.account_id}:event-bus/default"
}

module "bucket" {
  source = "../s3"

  bucket            = var.replica_bucket
  region            = var.replica_region
  account_id        = var.account_id
  data_class        = var.data_class
  kms_key_arn       = var.kms_key_arns.replica
  versioned         = true
  object_lock       = var.object_lock
  access_log_bucket = null
  lifecycle_days    = { archive = 1 }
  tags              = merge(var.tags, { replica-of = var.source_bucket })
}

resource "aws_iam_role" "replication" {
  name = "${var.name}-replication"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "replication" {
  name = "replicate"
  role = aws_iam_role.replication.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Bucket"
        Effect   = "Allow"
        Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
        Resource = [var.source_arn]
      },
      {
        Sid    = "Versions"
        Effect = "Allow"
        Action = [
          "s3:GetObjectLegalHold", "s3:GetObjectRetention", "s3:GetObjectVersionAcl",
          "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging",
        ]
        Resource = ["${var.source_arn}/*"]
      },
      {
        Sid      = "Copies"
        Effect   = "Allow"
        Action   = ["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"]
        Resource = ["${module.bucket.arn}/*"]
      },
      {
        Sid       = "ReadKey"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = [var.kms_key_arns.source]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
      },
      {
        Sid       = "WriteKey"
        Effect    = "Allow"
        Action    = ["kms:Encrypt", "kms:GenerateDataKey"]
        Resource  = [var.kms_key_arns.replica]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.replica_region}.amazonaws.com" } }
      },
    ]
  })
}

resource "aws_s3_bucket_replication_configuration" "this" {
  region = var.region
  bucket = var.source_bucket
  role   = aws_iam_role.replication.arn

  rule {
    id       = "everything"
    status   = "Enabled"
    priority = 0

    filter {}

    delete_marker_replication {
      status = "Enabled"
    }

    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }

    destination {
      bucket        = module.bucket.arn
      storage_class = "STANDARD"

      encryption_configuration {
        replica_kms_key_id = var.kms_key_arns.replica
      }

      replication_time {
        status = "Enabled"

        time {
          minutes = 15
        }
      }

      metrics {
        status = "Enabled"

        event_threshold {
          minutes = 15
        }
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "late" {
  region              = var.region
  alarm_name          = "${var.name}-replication-late"
  alarm_description   = "Copies of ${var.source_bucket} are more than 15 minutes behind: the promised recovery point is not kept."
  namespace           = "AWS/S3"
  metric_name         = "ReplicationLatency"
  dimensions          = { SourceBucket = var.source_bucket, DestinationBucket = var.replica_bucket, RuleId = "everything" }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 900
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

# --- erasure follows ---

resource "aws_sqs_queue" "undelivered" {
  for_each = { here = var.region, there = var.replica_region }

  region                    = each.value
  name                      = "${var.name}-erasure-undelivered"
  message_retention_seconds = 14 * 86400
  sqs_managed_sse_enabled   = true # ids of objects only, and EventBridge needs no key then
  tags                      = merge(var.tags, { Name = "${var.name}-erasure-undelivered", data-class = "messages" })
}

resource "aws_sqs_queue_policy" "undelivered" {
  for_each = aws_sqs_queue.undelivered

  region    = each.value.region
  queue_url = each.value.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EventBridgeOfThisAccount"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = each.value.arn
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role" "events" {
  name = "${var.name}-erasure-events"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "events" {
  name = "forward"
  role = aws_iam_role.events.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "There", Effect = "Allow", Action = ["events:PutEvents"], Resource = [local.bus_there] },
      { Sid = "Start", Effect = "Allow", Action = ["states:StartExecution"], Resource = [aws_sfn_state_machine.erase.arn] },
    ]
  })
}

resource "aws_cloudwatch_event_rule" "here" {
  region        = var.region
  name          = "${var.name}-erased"
  description   = "Versions that were deleted from ${var.source_bucket} are deleted from its copy"
  event_pattern = local.erased
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "here" {
  region   = var.region
  rule     = aws_cloudwatch_event_rule.here.name
  arn      = local.bus_there
  role_arn = aws_iam_role.events.arn

  dead_letter_config {
    arn = aws_sqs_queue.undelivered["here"].arn
  }
}

resource "aws_cloudwatch_event_rule" "there" {
  region        = var.replica_region
  name          = "${var.name}-erased"
  description   = "Versions that were deleted from ${var.source_bucket} are deleted from its copy"
  event_pattern = local.erased
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "there" {
  region   = var.replica_region
  rule     = aws_cloudwatch_event_rule.there.name
  arn      = aws_sfn_state_machine.erase.arn
  role_arn = aws_iam_role.events.arn

  dead_letter_config {
    arn = aws_sqs_queue.undelivered["there"].arn
  }
}

resource "aws_iam_role" "erase" {
  name = "${var.name}-erase"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "erase" {
  name = "delete-versions"
  role = aws_iam_role.erase.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "DeleteVersions"
      Effect   = "Allow"
      Action   = ["s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"]
      Resource = ["${module.bucket.arn}/*"]
    }]
  })
}

resource "aws_sfn_state_machine" "erase" {
  #checkov:skip=CKV_AWS_284: two states without branches; X-Ray would show nothing that the history does not
  #checkov:skip=CKV_AWS_285: Step Functions keeps the history for 90 days; a log group needs rights on every log delivery
  region   = var.replica_region
  name     = "${var.name}-erase"
  role_arn = aws_iam_role.erase.arn
  tags     = merge(var.tags, { Name = "${var.name}-erase" })

  definition = jsonencode({
    Comment = "Deletes from the copy what was deleted from its source."
    StartAt = "Replicated"
    States = {
      # A version that is deleted right after it was written may still be on its way.
      Replicated = { Type = "Wait", Seconds = 1200, Next = "Delete" }
      Delete = {
        Type     = "Task"
        Resource = "arn:${var.partition}:states:::aws-sdk:s3:deleteObject"
        Parameters = {
          Bucket                    = var.replica_bucket
          "Key.$"                   = "$.detail.object.key"
          "VersionId.$"             = "$.detail.object['version-id']"
          BypassGovernanceRetention = true
        }
        Retry = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 60, MaxAttempts = 10, BackoffRate = 2, MaxDelaySeconds = 14400 }]
        End   = true
      }
    }
  })
}

# An alarm can only speak to a topic of its own region.
resource "aws_sns_topic" "there" {
  region            = var.replica_region
  name              = "${var.name}-replica"
  kms_master_key_id = var.kms_key_arns.messages_replica
  tags              = merge(var.tags, { Name = "${var.name}-replica" })
}

resource "aws_sns_topic_subscription" "there" {
  for_each = toset(var.subscribers)

  region                 = var.replica_region
  topic_arn              = aws_sns_topic.there.arn
  protocol               = startswith(each.key, "https://") ? "https" : "email"
  endpoint               = each.key
  endpoint_auto_confirms = startswith(each.key, "https://")
}

resource "aws_cloudwatch_metric_alarm" "erase" {
  region              = var.replica_region
  alarm_name          = "${var.name}-erase-failed"
  alarm_description   = "A version that was erased from ${var.source_bucket} is still in ${var.replica_bucket}. See docs/runbooks/erasure.md."
  namespace           = "AWS/States"
  metric_name         = "ExecutionsFailed"
  dimensions          = { StateMachineArn = aws_sfn_state_machine.erase.arn }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.there.arn]
  ok_actions          = [aws_sns_topic.there.arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  for_each = { here = { region = var.region, topics = var.alarm_topic_arns }, there = { region = var.replica_region, topics = [aws_sns_topic.there.arn] } }

  region              = each.value.region
  alarm_name          = "${var.name}-erasure-undelivered"
  alarm_description   = "An erasure of ${var.source_bucket} could not be forwarded to ${var.replica_bucket}."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.undelivered[each.key].name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = each.value.topics
  ok_actions          = each.value.topics
  tags                = var.tags
}

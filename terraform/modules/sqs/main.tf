# Every queue with its dead-letter queue. Only poison gets there, so that one message is an alarm.

locals {
  names        = { for queue in keys(var.queues) : queue => "${var.prefix}${queue}" }
  dead_letters = { for queue in keys(var.queues) : queue => "${var.prefix}${queue}-dlq" }
}

resource "aws_sqs_queue" "this" {
  for_each = var.queues

  region                            = var.region
  name                              = local.names[each.key]
  visibility_timeout_seconds        = each.value.visibility_seconds
  message_retention_seconds         = each.value.retention_days * 86400
  receive_wait_time_seconds         = 20
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = 300
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[each.key].arn
    maxReceiveCount     = each.value.max_receive_count
  })
  tags = merge(var.tags, { Name = local.names[each.key], data-class = "messages" })
}

resource "aws_sqs_queue" "dead_letters" {
  for_each = var.queues

  region                            = var.region
  name                              = local.dead_letters[each.key]
  message_retention_seconds         = 14 * 86400 # SQS's longest; it counts from the first sending
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = 300
  tags                              = merge(var.tags, { Name = local.dead_letters[each.key], data-class = "messages" })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  for_each = var.queues

  region    = var.region
  queue_url = aws_sqs_queue.dead_letters[each.key].url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this[each.key].arn]
  })
}

resource "aws_sqs_queue_policy" "this" {
  for_each = merge(
    { for queue, resource in aws_sqs_queue.this : local.names[queue] => { arn = resource.arn, url = resource.url } },
    { for queue, resource in aws_sqs_queue.dead_letters : local.dead_letters[queue] => { arn = resource.arn, url = resource.url } },
  )

  region    = var.region
  queue_url = each.value.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = each.value.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = var.queues

  region              = var.region
  alarm_name          = "${local.dead_letters[each.key]}-not-empty"
  alarm_description   = "A job that nobody can do lies in ${local.dead_letters[each.key]}. See docs/runbooks/dead-letters.md."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = local.dead_letters[each.key] }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "age" {
  for_each = var.queues

  region              = var.region
  alarm_name          = "${local.names[each.key]}-waits"
  alarm_description   = "A job of ${local.names[each.key]} has waited for ${var.alarm_age_seconds} s: its workers are down, or too few."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = local.names[each.key] }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_age_seconds
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}

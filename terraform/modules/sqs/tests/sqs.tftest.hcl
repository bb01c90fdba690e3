mock_provider "aws" {
  source = "../../mocks"
}

variables {
  prefix           = "test-"
  region           = "eu-central-1"
  kms_key_arn      = "arn:aws:kms:eu-central-1:111122223333:key/1"
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:111122223333:critical"]
  tags             = { project = "guildhall" }
  queues = {
    guildhall-scan = { visibility_seconds = 120, max_receive_count = 5, retention_days = 14 }
    guildhall-mail = { visibility_seconds = 60, max_receive_count = 5, retention_days = 14 }
  }
}

run "every_queue_has_its_dead_letter_queue" {
  assert {
    condition = alltrue([
      for queue, resource in aws_sqs_queue.this :
      jsondecode(resource.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead_letters[queue].arn, maxReceiveCount = 5 } &&
      aws_sqs_queue.dead_letters[queue].name == "${resource.name}-dlq"
    ])
    error_message = "what cannot be done goes to <queue>-dlq after five receives"
  }
  assert {
    condition = alltrue([
      for queue, allow in aws_sqs_queue_redrive_allow_policy.dead_letters :
      jsondecode(allow.redrive_allow_policy).sourceQueueArns == [aws_sqs_queue.this[queue].arn]
    ])
    error_message = "a dead-letter queue takes from its own queue only"
  }
  assert {
    condition     = alltrue([for queue in concat(values(aws_sqs_queue.this), values(aws_sqs_queue.dead_letters)) : queue.kms_master_key_id == var.kms_key_arn])
    error_message = "messages are encrypted"
  }
  assert {
    condition     = aws_sqs_queue.this["guildhall-scan"].name == "test-guildhall-scan" && aws_sqs_queue.this["guildhall-scan"].message_retention_seconds == 1209600
    error_message = "name and retention"
  }
  assert {
    condition     = length(aws_sqs_queue_policy.this) == 4 && length(aws_cloudwatch_metric_alarm.dead_letters) == 2 && length(aws_cloudwatch_metric_alarm.age) == 2
    error_message = "TLS only, and two alarms per queue"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    prefix            = "Prod "
    alarm_age_seconds = 1
    queues            = { "Guildhall Scan" = { visibility_seconds = 0, max_receive_count = 0, retention_days = 15 } }
  }
  expect_failures = [var.prefix, var.queues, var.alarm_age_seconds]
}

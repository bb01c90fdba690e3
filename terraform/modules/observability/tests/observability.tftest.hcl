mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                = "guildhall-test"
  account_id          = "111122223333"
  region              = "eu-central-1"
  kms_key_arns        = { messages = "arn:aws:kms:eu-central-1:111122223333:key/m", logs = "arn:aws:kms:eu-central-1:111122223333:key/l" }
  trail_bucket        = "guildhall-trail-test-111122223333"
  watched_bucket_arns = ["arn:aws:s3:::guildhall-evidence-test-111122223333"]
  tags                = { project = "guildhall" }
}

run "somebody_is_told_and_everything_is_recorded" {
  variables {
    subscribers = { critical = ["https://events.pagerduty.example/x", "oncall@example.org"], warning = ["team@example.org"] }
  }
  assert {
    condition     = length(aws_sns_topic_subscription.this) == 3 && aws_sns_topic_subscription.this["critical oncall@example.org"].protocol == "email"
    error_message = "by severity"
  }
  assert {
    condition     = aws_cloudtrail.this.is_multi_region_trail && aws_cloudtrail.this.enable_log_file_validation && aws_cloudtrail.this.kms_key_id == var.kms_key_arns.logs
    error_message = "every region, provable, encrypted"
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.watched) == 5 && length(aws_prometheus_workspace.this) == 0
    error_message = "what nobody should do unseen; nothing that was not asked for"
  }
}

run "managed_prometheus_and_grafana_on_request" {
  command = plan
  variables {
    managed_prometheus = true
    managed_grafana    = true
  }
  assert {
    condition     = length(aws_prometheus_workspace.this) == 1 && aws_grafana_workspace.this[0].permission_type == "CUSTOMER_MANAGED"
    error_message = "both, with a role of ours"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    subscribers         = { urgent = ["somebody"] }
    watched_bucket_arns = []
  }
  expect_failures = [var.subscribers, var.watched_bucket_arns]
}

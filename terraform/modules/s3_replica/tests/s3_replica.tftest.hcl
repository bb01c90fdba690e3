mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name           = "guildhall-test-evidence"
  account_id     = "111122223333"
  region         = "eu-central-1"
  replica_region = "eu-west-1"
  source_bucket  = "guildhall-evidence-test-111122223333"
  source_arn     = "arn:aws:s3:::guildhall-evidence-test-111122223333"
  replica_bucket = "guildhall-evidence-replica-test-111122223333"
  data_class     = "documents"
  object_lock    = true
  kms_key_arns = {
    source           = "arn:aws:kms:eu-central-1:111122223333:key/mrk-d"
    replica          = "arn:aws:kms:eu-west-1:111122223333:key/mrk-d"
    messages_replica = "arn:aws:kms:eu-west-1:111122223333:key/mrk-m"
  }
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:111122223333:critical"]
  subscribers      = ["oncall@example.org"]
  tags             = { project = "guildhall" }
}

run "copies_follow_within_minutes_and_so_do_erasures" {
  assert {
    condition     = aws_s3_bucket_replication_configuration.this.rule[0].destination[0].replication_time[0].time[0].minutes == 15
    error_message = "replication with a time limit"
  }
  assert {
    condition     = aws_s3_bucket_replication_configuration.this.rule[0].destination[0].encryption_configuration[0].replica_kms_key_id == var.kms_key_arns.replica
    error_message = "copies are encrypted by a key of their region"
  }
  assert {
    condition     = jsondecode(aws_sfn_state_machine.erase.definition).States.Delete.Parameters["VersionId.$"] == "$.detail.object['version-id']" && aws_sfn_state_machine.erase.region == "eu-west-1"
    error_message = "the same version is deleted, over there"
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.here.event_pattern).detail["deletion-type"][0] == "Permanently Deleted" && aws_cloudwatch_event_target.here.arn == "arn:aws:events:eu-west-1:111122223333:event-bus/default"
    error_message = "deletions of versions only; a delete marker is replicated by S3"
  }
  assert {
    condition     = one(one(jsondecode(aws_iam_role_policy.erase.policy).Statement).Resource) == "${module.bucket.arn}/*"
    error_message = "it may delete from the copy alone"
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.undelivered) == 2 && length(aws_sns_topic_subscription.there) == 1
    error_message = "somebody is told"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    replica_region = "eu-central-1"
  }
  expect_failures = [var.replica_region]
}

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name           = "guildhall-test"
  account_id     = "111122223333"
  region         = "eu-central-1"
  replica_region = "eu-west-1"
  tags           = { project = "guildhall" }
  keys = {
    documents = { description = "documents", replicated = true }
    messages  = { description = "queues", aws_services = ["events", "sns"] }
    logs      = { description = "logs", logs = true }
  }
}

run "a_key_per_class_rotates_and_is_replicated_where_asked" {
  assert {
    condition     = length(output.arns) == 3 && keys(output.replica_arns) == ["documents"]
    error_message = "three keys, one replica"
  }
  assert {
    condition     = alltrue([for key in aws_kms_key.this : key.enable_key_rotation && key.deletion_window_in_days == 30])
    error_message = "keys rotate, and are not gone before somebody notices"
  }
  assert {
    condition     = aws_kms_replica_key.this["documents"].region == "eu-west-1" && aws_kms_key.this["documents"].multi_region
    error_message = "the replica is in the second region"
  }
  assert {
    condition = alltrue([for class, key in aws_kms_key.this : alltrue([
      for statement in jsondecode(key.policy).Statement :
      statement.Sid == "AccountByIam" || can(statement.Condition)
    ])])
    error_message = "a service of AWS uses a key for this account only"
  }
  assert {
    condition     = [for s in jsondecode(aws_kms_key.this["messages"].policy).Statement : s.Sid] == ["AccountByIam", "AwsEvents", "AwsSns"]
    error_message = "only the services that were named"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    keys           = { "Big Data" = { description = "x" } }
    rotation_days  = 7
    replica_region = "eu-central-1"
  }
  expect_failures = [var.keys, var.rotation_days, var.replica_region]
}

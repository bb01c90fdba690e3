mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name             = "guildhall-test"
  account_id       = "111122223333"
  region           = "eu-central-1"
  kms_key_arns     = { here = "arn:aws:kms:eu-central-1:111122223333:key/mrk-b", there = "arn:aws:kms:eu-west-1:111122223333:key/mrk-b" }
  locked           = true
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:111122223333:critical"]
  tags             = { project = "guildhall" }
}

run "locked_here_and_there" {
  variables {
    replica_region = "eu-west-1"
  }
  assert {
    condition     = length(aws_backup_vault_lock_configuration.this) == 2 && aws_backup_vault.this["there"].region == "eu-west-1"
    error_message = "two vaults, both locked"
  }
  assert {
    condition     = one(one(aws_backup_plan.this.rule).copy_action).lifecycle[0].delete_after == 35
    error_message = "copies are kept as long, and not longer"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    replica_region = "eu-central-1"
    keep_days      = 365
  }
  expect_failures = [var.replica_region, var.keep_days]
}

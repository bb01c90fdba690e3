mock_provider "aws" {
  source = "../mocks"
}

variables {
  environment = "prod"
  owner       = "platform"
  account_id  = "111122223333"
  region      = "eu-central-1"
  github      = { repository = "example/guildhall", repository_id = "123456789" }
}

run "state_is_kept_and_workflows_are_known_by_id" {
  assert {
    condition     = output.state_bucket == "guildhall-state-111122223333" && length(aws_dynamodb_table.lock) == 0
    error_message = "a bucket, and no table unless asked for"
  }
  assert {
    condition = alltrue([for role in aws_iam_role.github :
      one(jsondecode(role.assume_role_policy).Statement).Condition.StringEquals["token.actions.githubusercontent.com:repository_id"] == "123456789"
    ])
    error_message = "by repository id"
  }
  assert {
    condition     = one(jsondecode(aws_iam_role.github["apply"].assume_role_policy).Statement).Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:example/guildhall:environment:prod"
    error_message = "applying waits for the reviewers of the environment"
  }
  assert {
    condition     = aws_iam_role_policy_attachment.github["plan-ReadOnlyAccess"].policy_arn == "arn:aws:iam::aws:policy/ReadOnlyAccess"
    error_message = "planning reads"
  }
}

run "a_table_for_locks_on_request" {
  command = plan
  variables {
    dynamodb_lock = true
  }
  assert {
    condition     = aws_dynamodb_table.lock[0].deletion_protection_enabled && aws_dynamodb_table.lock[0].point_in_time_recovery[0].enabled
    error_message = "protected, restorable"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    environment = "Production"
    account_id  = "1"
    github      = { repository = "example/*", repository_id = "any" }
  }
  expect_failures = [var.environment, var.account_id, var.github]
}

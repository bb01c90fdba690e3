mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name        = "guildhall-test"
  account_id  = "111122223333"
  region      = "eu-central-1"
  kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/mrk-s"
  secrets     = { "document/db-url" = "login of the app", "worker/smtp-url" = "mail server" }
  known       = ["document/db-url"]
  values      = { "document/db-url" = "postgres://…" }
  tags        = { project = "guildhall" }
}

run "known_values_are_written_and_others_left_to_people" {
  variables {
    replica = { region = "eu-west-1", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/mrk-s" }
  }
  assert {
    condition     = length(aws_secretsmanager_secret.this) == 2 && keys(aws_secretsmanager_secret_version.this) == ["document/db-url"]
    error_message = "two secrets, one value"
  }
  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.this : secret.kms_key_id == var.kms_key_arn && one(secret.replica).region == "eu-west-1"])
    error_message = "encrypted, and in the second region"
  }
  assert {
    condition     = aws_secretsmanager_secret_version.this["document/db-url"].secret_string == null
    error_message = "the state does not have the value"
  }
  assert {
    condition     = output.names["worker/smtp-url"] == "guildhall-test/worker/smtp-url"
    error_message = "names"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    replica = { region = "eu-central-1", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/x" }
    secrets = { "SMTP" = "x" }
    known   = []
  }
  expect_failures = [var.replica, var.secrets]
}

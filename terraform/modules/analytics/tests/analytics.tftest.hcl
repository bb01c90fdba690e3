mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                   = "guildhall-test"
  account_id             = "111122223333"
  region                 = "eu-central-1"
  bucket                 = "guildhall-exports-test-111122223333"
  access_log_bucket      = "guildhall-access-logs-test-111122223333"
  vpc_id                 = "vpc-1"
  subnet_ids             = ["subnet-a", "subnet-b", "subnet-c"]
  client_security_groups = { cluster = "sg-cluster" }
  kms_key_arn            = "arn:aws:kms:eu-central-1:111122223333:key/e"
  secrets_kms_key_arn    = "arn:aws:kms:eu-central-1:111122223333:key/s"
  tags                   = { project = "guildhall" }
}

run "private_bounded_and_reading_exports_alone" {
  assert {
    condition     = !aws_redshiftserverless_workgroup.this.publicly_accessible && aws_redshiftserverless_workgroup.this.max_capacity == 32
    error_message = "private, and a mistake costs a bounded sum"
  }
  assert {
    condition     = aws_redshiftserverless_namespace.this.manage_admin_password && aws_redshiftserverless_namespace.this.kms_key_id == var.kms_key_arn
    error_message = "Redshift keeps the password; data is encrypted"
  }
  assert {
    condition     = one(jsondecode(aws_iam_role_policy.this.policy).Statement[0].Resource) == "${module.exports.arn}/*"
    error_message = "it reads exports and nothing else"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    subnet_ids   = ["subnet-a"]
    max_capacity = 4
  }
  expect_failures = [var.subnet_ids, var.max_capacity]
}

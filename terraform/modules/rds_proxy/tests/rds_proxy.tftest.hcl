mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                       = "guildhall-test"
  account_id                 = "111122223333"
  region                     = "eu-central-1"
  vpc_id                     = "vpc-1"
  subnet_ids                 = ["subnet-a", "subnet-b"]
  client_security_groups     = { cluster = "sg-cluster" }
  database_identifier        = "guildhall-test"
  database_security_group_id = "sg-db"
  login_secret_arns          = { document_app = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:a" }
  secrets_kms_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/s"
  tags                       = { project = "guildhall" }
}

run "tls_scram_and_just_the_logins" {
  assert {
    condition     = aws_db_proxy.this.require_tls && one(aws_db_proxy.this.auth).client_password_auth_type == "POSTGRES_SCRAM_SHA_256" && !aws_db_proxy.this.debug_logging
    error_message = "TLS, SCRAM, no statements in logs"
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy).Statement[0].Resource[0] == var.login_secret_arns.document_app
    error_message = "it reads the logins' secrets and no others"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    subnet_ids        = ["subnet-a"]
    login_secret_arns = {}
  }
  expect_failures = [var.subnet_ids, var.login_secret_arns]
}

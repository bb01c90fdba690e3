mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                   = "guildhall-test"
  account_id             = "111122223333"
  region                 = "eu-central-1"
  vpc_id                 = "vpc-1"
  subnet_ids             = ["subnet-a", "subnet-b", "subnet-c"]
  client_security_groups = { cluster = "sg-cluster" }
  admin_role_arn         = "arn:aws:iam::111122223333:role/sre"
  kms_key_arn            = "arn:aws:kms:eu-central-1:111122223333:key/l"
  tags                   = { project = "guildhall" }
}

run "private_encrypted_and_over_three_zones" {
  assert {
    condition     = aws_opensearch_domain.this.encrypt_at_rest[0].enabled && aws_opensearch_domain.this.node_to_node_encryption[0].enabled && aws_opensearch_domain.this.domain_endpoint_options[0].enforce_https
    error_message = "encrypted at rest, between nodes and to clients"
  }
  assert {
    condition     = length(aws_opensearch_domain.this.vpc_options[0].subnet_ids) == 3 && !aws_opensearch_domain.this.advanced_security_options[0].internal_user_database_enabled
    error_message = "in the VPC, without passwords"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    name           = "Search"
    subnet_ids     = ["subnet-a"]
    engine_version = "Elasticsearch_7.10"
  }
  expect_failures = [var.name, var.subnet_ids, var.engine_version]
}

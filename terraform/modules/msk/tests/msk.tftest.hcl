mock_provider "aws" {
  source = "../../mocks"
}

mock_provider "random" {}

variables {
  name                   = "guildhall-test"
  region                 = "eu-central-1"
  vpc_id                 = "vpc-1"
  subnet_ids             = ["subnet-a", "subnet-b", "subnet-c"]
  client_security_groups = { cluster = "sg-cluster" }
  kms_key_arns = {
    events  = "arn:aws:kms:eu-central-1:111122223333:key/e"
    logs    = "arn:aws:kms:eu-central-1:111122223333:key/l"
    secrets = "arn:aws:kms:eu-central-1:111122223333:key/s"
  }
  instance_type    = "kafka.t3.small"
  storage_gib      = 50
  storage_max_gib  = 500
  alarm_topic_arns = ["arn:aws:sns:eu-central-1:111122223333:critical"]
  tags             = { project = "guildhall" }
}

run "iam_over_tls_and_nothing_is_lost_with_a_broker" {
  assert {
    condition     = aws_msk_cluster.this.client_authentication[0].sasl[0].iam && !aws_msk_cluster.this.client_authentication[0].unauthenticated
    error_message = "nobody without an identity"
  }
  assert {
    condition     = aws_msk_cluster.this.encryption_info[0].encryption_in_transit[0].client_broker == "TLS" && aws_msk_cluster.this.broker_node_group_info[0].connectivity_info[0].public_access[0].type == "DISABLED"
    error_message = "TLS, private"
  }
  assert {
    condition = alltrue([for line in ["min.insync.replicas=2", "default.replication.factor=3", "unclean.leader.election.enable=false", "auto.create.topics.enable=false"] :
      strcontains(aws_msk_configuration.this.server_properties, line)
    ])
    error_message = "what keeps acknowledged events"
  }
  assert {
    condition     = length(aws_secretsmanager_secret.scram) == 0 && toset(keys(aws_vpc_security_group_ingress_rule.this)) == toset(["cluster-iam", "cluster-jmx", "cluster-node"])
    error_message = "no SCRAM, and its port closed"
  }
}

run "scram_users_have_a_secret_each" {
  variables {
    scram       = true
    scram_users = ["partner"]
  }
  assert {
    condition     = aws_secretsmanager_secret.scram["partner"].name == "AmazonMSK_guildhall-test/partner" && length(aws_msk_scram_secret_association.this) == 1
    error_message = "by MSK's rules"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    brokers       = 2
    instance_type = "t3.small"
    kafka_version = "2.8"
    subnet_ids    = ["subnet-a"]
    storage_gib   = 0
  }
  expect_failures = [var.brokers, var.instance_type, var.kafka_version, var.subnet_ids, var.storage_gib]
}

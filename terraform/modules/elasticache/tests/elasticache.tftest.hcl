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
  kms_key_arns           = { cache = "arn:aws:kms:eu-central-1:111122223333:key/c", logs = "arn:aws:kms:eu-central-1:111122223333:key/l" }
  node_type              = "cache.t4g.small"
  alarm_topic_arns       = ["arn:aws:sns:eu-central-1:111122223333:critical"]
  tags                   = { project = "guildhall" }
}

run "three_nodes_fail_over_and_speak_tls_with_a_password" {
  assert {
    condition     = aws_elasticache_replication_group.this.num_cache_clusters == 3 && aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "three nodes over zones"
  }
  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_mode == "required" && aws_elasticache_replication_group.this.at_rest_encryption_enabled
    error_message = "encrypted in flight and at rest"
  }
  assert {
    condition     = startswith(nonsensitive(output.url), "rediss://:") && random_password.auth.special == false
    error_message = "a URL that is not in need of quoting"
  }
  assert {
    condition     = aws_elasticache_parameter_group.this.family == "valkey8" && length(aws_cloudwatch_metric_alarm.this) == 9
    error_message = "the family of the version, and alarms"
  }
}

run "one_node_has_nothing_to_fail_over_to" {
  command = plan
  variables {
    nodes = 1
  }
  assert {
    condition     = !aws_elasticache_replication_group.this.automatic_failover_enabled && !aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "for development"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    nodes          = 2
    node_type      = "t4g.small"
    engine_version = "8"
  }
  expect_failures = [var.nodes, var.node_type, var.engine_version]
}

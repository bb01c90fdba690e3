mock_provider "aws" {
  source = "../../mocks"
}

mock_provider "random" {}

variables {
  name                   = "guildhall-test"
  account_id             = "111122223333"
  region                 = "eu-central-1"
  vpc_id                 = "vpc-1"
  subnet_ids             = ["subnet-a", "subnet-b", "subnet-c"]
  client_security_groups = { cluster = "sg-cluster" }
  kms_key_arns = {
    database         = "arn:aws:kms:eu-central-1:111122223333:key/mrk-d"
    secrets          = "arn:aws:kms:eu-central-1:111122223333:key/mrk-s"
    database_replica = "arn:aws:kms:eu-west-1:111122223333:key/mrk-d"
  }
  engine_version      = "17.6"
  instance_class      = "db.t4g.medium"
  multi_az            = true
  storage_gib         = 50
  storage_max_gib     = 500
  deletion_protection = true
  alarm_topic_arns    = ["arn:aws:sns:eu-central-1:111122223333:critical"]
  tags                = { project = "guildhall" }
}

run "safe_from_loss_of_a_zone_and_of_the_region" {
  variables {
    replica_region = "eu-west-1"
    replicas       = 1
  }
  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.backup_retention_period == 30 && aws_db_instance.this.deletion_protection
    error_message = "Multi-AZ, 30 days, protected"
  }
  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.replica[0].storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "encrypted, private"
  }
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "RDS keeps the administrator's password; the state does not know it"
  }
  assert {
    condition     = startswith(aws_db_instance.this.final_snapshot_identifier, "guildhall-test-final-") && length(aws_db_instance.this.final_snapshot_identifier) > 21
    error_message = "the last snapshot has a name of its own"
  }
  assert {
    condition     = aws_db_instance_automated_backups_replication.this[0].region == "eu-west-1" && aws_db_instance_automated_backups_replication.this[0].kms_key_id == var.kms_key_arns.database_replica
    error_message = "backups are in the second region, under its key"
  }
  assert {
    condition = alltrue([for name, value in { "rds.force_ssl" = "1", "log_parameter_max_length" = "0", "row_security" = "1" } :
      one([for parameter in aws_db_parameter_group.this.parameter : parameter.value if parameter.name == name]) == value
    ])
    error_message = "TLS, no values in logs, row-level security"
  }
  assert {
    condition     = strcontains(one([for parameter in aws_db_parameter_group.this.parameter : parameter.value if parameter.name == "rds.allowed_extensions"]), "vector")
    error_message = "pgvector can be created"
  }
  assert {
    condition     = aws_db_parameter_group.this.family == "postgres17" && length(aws_cloudwatch_metric_alarm.this) == 4
    error_message = "the family of the version, and alarms"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    replica_region  = "eu-central-1"
    engine_version  = "14.9"
    instance_class  = "t4g.medium"
    storage_max_gib = 10
    backup_days     = 1
    replicas        = 20
    parameters      = { "rds.force_ssl" = "0" }
  }
  expect_failures = [
    var.replica_region, var.engine_version, var.instance_class, var.storage_max_gib, var.backup_days,
    var.replicas, var.parameters,
  ]
}

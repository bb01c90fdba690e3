# What the provider would compute, where something reads it: ARNs where ARNs are needed, lists that are not empty.

mock_resource "aws_kms_key" {
  defaults = {
    arn    = "arn:aws:kms:eu-central-1:111122223333:key/mrk-0123"
    key_id = "mrk-0123"
  }
}

mock_resource "aws_kms_replica_key" {
  defaults = {
    arn    = "arn:aws:kms:eu-west-1:111122223333:key/mrk-0123"
    key_id = "mrk-0123"
  }
}

mock_resource "aws_s3_bucket" {
  defaults = {
    arn                         = "arn:aws:s3:::mock-bucket"
    bucket_regional_domain_name = "mock-bucket.s3.eu-central-1.amazonaws.com"
  }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:eu-central-1:111122223333:mock-queue"
    url = "https://sqs.eu-central-1.amazonaws.com/111122223333/mock-queue"
  }
}

mock_resource "aws_sns_topic" {
  defaults = {
    arn = "arn:aws:sns:eu-central-1:111122223333:mock-topic"
  }
}

mock_resource "aws_iam_role" {
  defaults = {
    arn = "arn:aws:iam::111122223333:role/mock-role"
  }
}

mock_resource "aws_iam_policy" {
  defaults = {
    arn = "arn:aws:iam::111122223333:policy/mock-policy"
  }
}

mock_resource "aws_iam_openid_connect_provider" {
  defaults = {
    arn = "arn:aws:iam::111122223333:oidc-provider/mock"
  }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = {
    arn = "arn:aws:logs:eu-central-1:111122223333:log-group:mock"
  }
}

mock_resource "aws_eks_cluster" {
  defaults = {
    arn      = "arn:aws:eks:eu-central-1:111122223333:cluster/mock"
    endpoint = "https://MOCK.gr7.eu-central-1.eks.amazonaws.com"
    identity = [{ oidc = [{ issuer = "https://oidc.eks.eu-central-1.amazonaws.com/id/MOCK" }] }]
  }
}

mock_resource "aws_db_instance" {
  defaults = {
    arn                = "arn:aws:rds:eu-central-1:111122223333:db:mock"
    address            = "mock.cluster.eu-central-1.rds.amazonaws.com"
    master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:rds!db-mock" }]
  }
}

mock_resource "aws_elasticache_replication_group" {
  defaults = {
    arn                      = "arn:aws:elasticache:eu-central-1:111122223333:replicationgroup:mock"
    primary_endpoint_address = "master.mock.euc1.cache.amazonaws.com"
  }
}

mock_resource "aws_msk_cluster" {
  defaults = {
    arn                          = "arn:aws:kafka:eu-central-1:111122223333:cluster/mock/01234567-89ab-cdef-0123-456789abcdef-1"
    bootstrap_brokers_sasl_iam   = "b-1.mock.kafka.eu-central-1.amazonaws.com:9098,b-2.mock.kafka.eu-central-1.amazonaws.com:9098"
    bootstrap_brokers_sasl_scram = "b-1.mock.kafka.eu-central-1.amazonaws.com:9096,b-2.mock.kafka.eu-central-1.amazonaws.com:9096"
  }
}

mock_resource "aws_msk_configuration" {
  defaults = {
    arn             = "arn:aws:kafka:eu-central-1:111122223333:configuration/mock/01234567-89ab-cdef-0123-456789abcdef-1"
    latest_revision = 1
  }
}

mock_resource "aws_secretsmanager_secret" {
  defaults = {
    arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:mock"
    id  = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:mock"
  }
}

mock_resource "aws_sfn_state_machine" {
  defaults = {
    arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:mock"
  }
}

mock_resource "aws_acm_certificate" {
  defaults = {
    arn = "arn:aws:acm:eu-central-1:111122223333:certificate/mock"
  }
}

mock_resource "aws_wafv2_web_acl" {
  defaults = {
    arn = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/mock/1"
  }
}

mock_resource "aws_backup_vault" {
  defaults = {
    arn = "arn:aws:backup:eu-central-1:111122223333:backup-vault:mock"
  }
}

mock_resource "aws_route53_zone" {
  defaults = {
    arn     = "arn:aws:route53:::hostedzone/Z0MOCK"
    zone_id = "Z0MOCK"
  }
}

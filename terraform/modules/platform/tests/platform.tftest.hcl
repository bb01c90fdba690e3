mock_provider "aws" {
  source = "../../mocks"
}

mock_provider "random" {}

variables {
  environment       = "test"
  owner             = "platform"
  account_id        = "111122223333"
  residency         = ["eu-central-1", "eu-west-1"]
  region            = "eu-central-1"
  zones             = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  portal_origins    = ["https://portal.example.org"]
  users             = 10000
  high_availability = true
  protected         = true
  objectives        = { rpo_minutes = 60, rto_minutes = 240 }
}

run "data_stays_where_it_may_be" {
  command = plan
  variables {
    region         = "us-east-1"
    zones          = ["us-east-1a", "us-east-1b", "us-east-1c"]
    replica_region = "us-west-2"
    portal_origins = []
  }
  expect_failures = [var.region, var.replica_region, var.portal_origins]
}

run "a_promise_without_what_gives_it_is_refused" {
  command = plan
  variables {
    objectives = { rpo_minutes = 15, rto_minutes = 60 }
  }
  expect_failures = [output.contract]
}

run "everything_that_is_off_can_be_on" {
  command = plan
  variables {
    replica_region            = "eu-west-1"
    identity_mode             = "irsa"
    dns                       = { zone = "test.guildhall.example", failover = { api = { primary = "a.example", secondary = "b.example" } } }
    cdn                       = { aliases = ["portal.test.guildhall.example"] }
    registry                  = {}
    kafka_scram_users         = ["partner"]
    opensearch_admin_role_arn = "arn:aws:iam::111122223333:role/sre"
    features                  = { analytics = true, rds_proxy = true, managed_grafana = true, managed_prometheus = true, read_replicas = 1 }
  }
  assert {
    condition     = length(output.contract.images) == length(output.contract.services) && output.contract.zone == "test.guildhall.example"
    error_message = "the contract tells of it"
  }
  assert {
    condition     = contains(keys(output.contract.components), "external-dns") && output.contract.cluster.identity_mode == "irsa"
    error_message = "components for the zone"
  }
}

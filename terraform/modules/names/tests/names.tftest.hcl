variables {
  environment = "prod"
  account_id  = "111122223333"
  region      = "eu-central-1"
  owner       = "platform"
}

run "names_carry_the_environment_and_the_account" {
  assert {
    condition     = output.prefix == "guildhall-prod" && output.queue_prefix == "prod-" && output.bucket_suffix == "-prod-111122223333"
    error_message = "names are built from project, environment and account"
  }
  assert {
    condition     = output.partition == "aws" && output.tags.environment == "prod" && length(output.tags) == 4
    error_message = "partition and tags"
  }
}

run "the_region_tells_the_partition" {
  variables {
    region = "us-gov-west-1"
  }
  assert {
    condition     = output.partition == "aws-us-gov"
    error_message = "GovCloud is a partition of its own"
  }
}

run "bad_names_are_refused" {
  command = plan
  variables {
    project     = "G"
    environment = "Production"
    account_id  = "1234"
    region      = "Frankfurt"
  }
  expect_failures = [var.project, var.environment, var.account_id, var.region]
}

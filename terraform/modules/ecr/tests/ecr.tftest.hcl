mock_provider "aws" {
  source = "../../mocks"
}

variables {
  project      = "guildhall"
  account_id   = "333333333333"
  region       = "eu-central-1"
  repositories = ["bff", "document"]
  kms_key_arn  = "arn:aws:kms:eu-central-1:333333333333:key/c"
  tags         = { project = "guildhall" }
}

run "tags_cannot_be_moved_and_images_are_scanned" {
  variables {
    replica_region      = "eu-west-1"
    pulling_account_ids = ["111111111111"]
  }
  assert {
    condition     = alltrue([for r in aws_ecr_repository.this : r.image_tag_mutability == "IMMUTABLE" && r.image_scanning_configuration[0].scan_on_push])
    error_message = "immutable, scanned"
  }
  assert {
    condition     = aws_ecr_replication_configuration.this[0].replication_configuration[0].rule[0].destination[0].region == "eu-west-1"
    error_message = "in the second region too"
  }
  assert {
    condition     = one(one(jsondecode(aws_ecr_repository_policy.this["bff"].policy).Statement).Principal.AWS) == "arn:aws:iam::111111111111:root"
    error_message = "the other environment pulls, and nobody else"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    replica_region      = "eu-central-1"
    repositories        = ["BFF"]
    pulling_account_ids = ["*"]
    keep_images         = 1
  }
  expect_failures = [var.replica_region, var.repositories, var.pulling_account_ids, var.keep_images]
}

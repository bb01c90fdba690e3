terraform {
  required_version = ">= 1.11"

  # The bucket is bootstrap's; `init -backend-config=backend.hcl` says which.
  backend "s3" {}

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.25.0"
    }
    # For the modules: pinned here, and the tests' mock is found by it.
    # tflint-ignore: terraform_unused_required_providers
    random = {
      source  = "hashicorp/random"
      version = "3.7.2"
    }
  }
}

provider "aws" {
  region              = local.region
  allowed_account_ids = [local.account_id]
}

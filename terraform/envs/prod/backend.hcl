bucket       = "guildhall-state-333333333333"
key          = "prod/terraform.tfstate"
region       = "eu-central-1"
encrypt      = true
use_lockfile = true

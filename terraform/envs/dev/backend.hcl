bucket       = "guildhall-state-111111111111"
key          = "dev/terraform.tfstate"
region       = "eu-central-1"
encrypt      = true
use_lockfile = true

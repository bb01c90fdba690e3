bucket       = "guildhall-state-222222222222"
key          = "staging/terraform.tfstate"
region       = "eu-central-1"
encrypt      = true
use_lockfile = true

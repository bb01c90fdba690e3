# Development: one zone's loss is noticed, everything can be thrown away.

locals {
  account_id = "111111111111" # yours
  region     = "eu-central-1"
}

module "platform" {
  source = "../../modules/platform"

  environment         = "dev"
  owner               = "platform"
  account_id          = local.account_id
  region              = local.region
  residency           = ["eu-central-1"]
  zones               = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  cidr                = "10.10.0.0/16"
  nat                 = "single"
  interface_endpoints = false
  portal_origins      = ["https://portal.dev.guildhall.example"]
  users               = 1000
  high_availability   = false
  protected           = false
  objectives          = { rpo_minutes = 1440, rto_minutes = 1440 }
  backup_days         = 7
}

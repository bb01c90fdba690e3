# Staging: as production, smaller.

locals {
  account_id = "222222222222" # yours
  region     = "eu-central-1"
}

module "platform" {
  source = "../../modules/platform"

  environment       = "staging"
  owner             = "platform"
  account_id        = local.account_id
  region            = local.region
  residency         = ["eu-central-1"]
  zones             = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  cidr              = "10.20.0.0/16"
  nat               = "single"
  portal_origins    = ["https://portal.staging.guildhall.example"]
  users             = 10000
  high_availability = true
  protected         = false
  objectives        = { rpo_minutes = 60, rto_minutes = 240 }
  dns               = { zone = "staging.guildhall.example" }
  alarm_subscribers = { critical = ["oncall@guildhall.example"], warning = ["oncall@guildhall.example"] }
}

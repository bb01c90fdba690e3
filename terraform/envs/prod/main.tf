# Production: survives a zone unnoticed and a region within its objectives.

locals {
  account_id = "333333333333" # yours
  region     = "eu-central-1"
}

module "platform" {
  source = "../../modules/platform"

  environment       = "prod"
  owner             = "platform"
  account_id        = local.account_id
  region            = local.region
  replica_region    = "eu-west-1"
  residency         = ["eu-central-1", "eu-west-1"]
  zones             = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  cidr              = "10.30.0.0/16"
  nat               = "per_zone"
  portal_origins    = ["https://portal.guildhall.example"]
  users             = 100000
  high_availability = true
  protected         = true
  objectives        = { rpo_minutes = 15, rto_minutes = 60 }
  alarm_subscribers = { critical = ["https://events.pagerduty.com/integration/yours/enqueue"], warning = ["oncall@guildhall.example"] }
  registry          = { pulling_account_ids = ["111111111111", "222222222222"] }
  dns               = { zone = "guildhall.example" }
  cdn               = { aliases = ["portal.guildhall.example"] }
  features          = { read_replicas = 1 }
}

# Names, certificates, the CDN and its firewall: for environments that have a zone of their own.

module "dns" {
  source = "../route53"
  count  = var.dns == null ? 0 : 1

  name     = local.name
  zone     = var.dns.zone
  failover = var.dns.failover
  tags     = local.tags
}

# For load balancers in the region; what is inside the cluster is cert-manager's.
module "certificate" {
  source = "../acm"
  count  = var.dns == null ? 0 : 1

  region            = var.region
  domain            = var.dns.zone
  alternative_names = ["*.${var.dns.zone}"]
  zone_id           = module.dns[0].zone_id
  tags              = local.tags
}

module "cdn_certificate" {
  source = "../acm"
  count  = local.cdn ? 1 : 0

  region            = "us-east-1" # CloudFront reads certificates there only
  domain            = var.dns.zone
  alternative_names = ["*.${var.dns.zone}"]
  zone_id           = module.dns[0].zone_id
  tags              = local.tags
}

module "firewall" {
  source = "../waf"
  count  = local.cdn ? 1 : 0

  name   = local.name
  region = var.region
  scope  = "CLOUDFRONT"
  tags   = local.tags
}

module "cdn" {
  source = "../cloudfront"
  count  = local.cdn ? 1 : 0

  name            = local.name
  aliases         = var.cdn.aliases
  origin          = "${var.cdn.origin}.${var.dns.zone}"
  zone_id         = module.dns[0].zone_id
  certificate_arn = module.cdn_certificate[0].arn
  web_acl_arn     = module.firewall[0].arn
  tags            = local.tags
}

locals {
  cdn = var.dns != null && var.cdn != null
}

# A certificate that renews itself, proven by records in the zone.

resource "aws_acm_certificate" "this" {
  #checkov:skip=CKV2_AWS_71: names below the environment's own zone come and go with charts
  region                    = var.region
  domain_name               = var.domain
  subject_alternative_names = var.alternative_names
  validation_method         = "DNS"
  key_algorithm             = "EC_prime256v1"
  tags                      = merge(var.tags, { Name = var.domain })

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  # A name and its wildcard are proven by the same record.
  proven = toset([for name in concat([var.domain], var.alternative_names) : trimprefix(name, "*.")])
  proofs = { for name in local.proven : name => one([
    for option in aws_acm_certificate.this.domain_validation_options : option if option.domain_name == name
  ]) }
}

resource "aws_route53_record" "proof" {
  for_each = local.proven

  zone_id         = var.zone_id
  name            = try(local.proofs[each.key].resource_record_name, null)
  type            = try(local.proofs[each.key].resource_record_type, null)
  records         = [try(local.proofs[each.key].resource_record_value, null)]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  region                  = var.region
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

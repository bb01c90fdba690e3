# The zone of an environment. external-dns writes what runs in the cluster; here is what must answer when the cluster does
# not: names that fail over to a second region when their health check says so.

resource "aws_route53_zone" "this" {
  #checkov:skip=CKV2_AWS_38: DNSSEC needs a key in us-east-1 and the parent's consent; docs/choices.md
  #checkov:skip=CKV2_AWS_39: who asks for which name is personal data that nobody needs
  name          = var.zone
  comment       = "Names of ${var.name}"
  force_destroy = false
  tags          = merge(var.tags, { Name = var.zone })
}

# Only Amazon's authority and Let's Encrypt may issue for it.
resource "aws_route53_record" "caa" {
  zone_id = aws_route53_zone.this.zone_id
  name    = var.zone
  type    = "CAA"
  ttl     = 3600
  records = [for authority in var.certificate_authorities : "0 issue \"${authority}\""]
}

resource "aws_route53_health_check" "this" {
  for_each = var.failover

  type              = "HTTPS"
  fqdn              = each.value.primary
  port              = 443
  resource_path     = each.value.health_path
  request_interval  = 10
  failure_threshold = 3
  measure_latency   = true
  tags              = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_route53_record" "primary" {
  for_each = var.failover

  zone_id         = aws_route53_zone.this.zone_id
  name            = "${each.key}.${var.zone}"
  type            = "CNAME"
  ttl             = 30
  records         = [each.value.primary]
  set_identifier  = "primary"
  health_check_id = aws_route53_health_check.this[each.key].id

  failover_routing_policy {
    type = "PRIMARY"
  }
}

resource "aws_route53_record" "secondary" {
  for_each = var.failover

  zone_id        = aws_route53_zone.this.zone_id
  name           = "${each.key}.${var.zone}"
  type           = "CNAME"
  ttl            = 30
  records        = [each.value.secondary]
  set_identifier = "secondary"

  failover_routing_policy {
    type = "SECONDARY"
  }
}

# The edge in front of bff: TLS near people, the firewall, and nothing in a cache but what says of itself that it may be.
# WebSocket and SSE pass through. Uploads and downloads go to S3 directly and never come by here.

locals {
  # AWS's own policies, by their well-known ids.
  caching_disabled     = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  use_origin_headers   = "83da9c7e-98b4-4e11-a168-04f0df8e2c65"
  all_viewer_to_origin = "216adef6-5c7f-47e4-b989-5492eafa07d3"
}

resource "random_password" "origin" {
  length  = 40
  special = false
}

resource "aws_cloudfront_response_headers_policy" "this" {
  #checkov:skip=CKV_AWS_259: all but `preload`, which binds the whole domain for years and is its owner's to ask for
  name    = var.name
  comment = "For answers that do not say it themselves"

  security_headers_config {
    content_type_options {
      override = true
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      override                   = true
    }

    referrer_policy {
      referrer_policy = "strict-origin-when-cross-origin"
      override        = false
    }

    frame_options {
      frame_option = "DENY"
      override     = false
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_86: its logs hold addresses of people; bff logs requests without
  #checkov:skip=CKV_AWS_305: bff serves `/`
  #checkov:skip=CKV_AWS_310: where there is a second region, the origin's name fails over by its health check (module route53)
  #checkov:skip=CKV_AWS_374: people of a town travel
  #checkov:skip=CKV2_AWS_47: the firewall has AWSManagedRulesKnownBadInputsRuleSet; checkov does not follow the ARN
  enabled         = true
  comment         = var.name
  aliases         = var.aliases
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = var.price_class
  web_acl_id      = var.web_acl_arn
  tags            = merge(var.tags, { Name = var.name })

  origin {
    origin_id   = "bff"
    domain_name = var.origin

    custom_origin_config {
      http_port                = 80
      https_port               = 443
      origin_protocol_policy   = "https-only"
      origin_ssl_protocols     = ["TLSv1.2"]
      origin_read_timeout      = 60
      origin_keepalive_timeout = 60
    }

    # The gateway refuses what does not have it: nobody goes round the firewall.
    custom_header {
      name  = "x-origin-secret"
      value = random_password.origin.result
    }
  }

  default_cache_behavior {
    target_origin_id           = "bff"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = false # bff's streams must not be held back
    cache_policy_id            = local.caching_disabled
    origin_request_policy_id   = local.all_viewer_to_origin
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
  }

  dynamic "ordered_cache_behavior" {
    for_each = var.cached_paths

    content {
      path_pattern               = ordered_cache_behavior.value
      target_origin_id           = "bff"
      viewer_protocol_policy     = "redirect-to-https"
      allowed_methods            = ["GET", "HEAD"]
      cached_methods             = ["GET", "HEAD"]
      compress                   = true
      cache_policy_id            = local.use_origin_headers
      response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

resource "aws_route53_record" "this" {
  for_each = merge([for alias in var.aliases : { for type in ["A", "AAAA"] : "${alias}-${type}" => { alias = alias, type = type } }]...)

  zone_id = var.zone_id
  name    = each.value.alias
  type    = each.value.type

  alias {
    name                   = aws_cloudfront_distribution.this.domain_name
    zone_id                = aws_cloudfront_distribution.this.hosted_zone_id
    evaluate_target_health = false
  }
}

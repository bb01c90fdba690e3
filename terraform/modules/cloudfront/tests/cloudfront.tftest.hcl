mock_provider "aws" {
  source = "../../mocks"
}

mock_provider "random" {}

variables {
  name            = "guildhall-test"
  aliases         = ["portal.guildhall.example"]
  origin          = "origin.guildhall.example"
  zone_id         = "Z1"
  certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/x"
  web_acl_arn     = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/x/1"
  tags            = { project = "guildhall" }
}

run "nothing_is_kept_that_does_not_say_so" {
  assert {
    condition     = aws_cloudfront_distribution.this.default_cache_behavior[0].cache_policy_id == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    error_message = "no caching by default: answers are somebody's"
  }
  assert {
    condition     = aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021" && aws_cloudfront_distribution.this.default_cache_behavior[0].viewer_protocol_policy == "redirect-to-https"
    error_message = "TLS only"
  }
  assert {
    condition     = aws_cloudfront_distribution.this.web_acl_id == var.web_acl_arn && length(aws_route53_record.this) == 2
    error_message = "behind the firewall, IPv4 and IPv6"
  }
  assert {
    condition     = one(one(aws_cloudfront_distribution.this.origin).custom_header).name == "x-origin-secret"
    error_message = "the gateway can refuse others"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    origin      = "portal.guildhall.example"
    price_class = "Cheap"
  }
  expect_failures = [var.origin, var.price_class]
}

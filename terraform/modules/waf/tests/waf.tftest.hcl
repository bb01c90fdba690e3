mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name   = "guildhall-test"
  region = "eu-central-1"
  scope  = "CLOUDFRONT"
  tags   = { project = "guildhall" }
}

run "known_attacks_and_floods_are_refused" {
  assert {
    condition     = length(aws_wafv2_web_acl.this.rule) == 5 && aws_wafv2_web_acl.this.region == "us-east-1"
    error_message = "four groups of AWS's and a limit per address, where CloudFront looks"
  }
  assert {
    condition     = length(distinct([for rule in aws_wafv2_web_acl.this.rule : rule.priority])) == 5
    error_message = "priorities differ"
  }
}

run "a_load_balancer_s_is_in_its_region" {
  command = plan
  variables {
    scope = "REGIONAL"
  }
  assert {
    condition     = aws_wafv2_web_acl.this.region == "eu-central-1"
    error_message = "beside the load balancer"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    scope                = "GLOBAL"
    requests_per_address = 1
  }
  expect_failures = [var.scope, var.requests_per_address]
}

# The firewall in front of what the internet reaches: AWS's rules for known attacks, and a limit per address.

locals {
  # Name, priority by position; `count` lists rules that only count, because they refuse what is rightful here.
  managed = {
    AWSManagedRulesAmazonIpReputationList = { priority = 10, count = [] }
    # Bodies of more than 8 KiB are rightful: the API takes up to 64 KiB, and says itself what is too much.
    AWSManagedRulesCommonRuleSet         = { priority = 20, count = ["SizeRestrictions_BODY"] }
    AWSManagedRulesKnownBadInputsRuleSet = { priority = 30, count = [] }
    AWSManagedRulesSQLiRuleSet           = { priority = 40, count = [] }
  }
}

resource "aws_wafv2_web_acl" "this" {
  #checkov:skip=CKV_AWS_192: AWSManagedRulesKnownBadInputsRuleSet is one of the groups; checkov does not unroll the block
  #checkov:skip=CKV2_AWS_31: its logs hold addresses of people and, for CloudFront, would lie in us-east-1; counts and samples are enough, bff logs requests
  region      = var.scope == "CLOUDFRONT" ? "us-east-1" : var.region
  name        = var.name
  description = "In front of ${var.name}"
  scope       = var.scope
  tags        = merge(var.tags, { Name = var.name })

  default_action {
    allow {}
  }

  rule {
    name     = "per-address"
    priority = 0

    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }

    statement {
      rate_based_statement {
        limit                 = var.requests_per_address
        evaluation_window_sec = 300
        aggregate_key_type    = "IP"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "per-address"
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = local.managed

    content {
      name     = rule.key
      priority = rule.value.priority

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          name        = rule.key
          vendor_name = "AWS"

          dynamic "rule_action_override" {
            for_each = rule.value.count

            content {
              name = rule_action_override.value

              action_to_use {
                count {}
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = rule.key
        sampled_requests_enabled   = true
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }
}

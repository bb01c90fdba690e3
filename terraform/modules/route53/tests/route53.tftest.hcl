mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name     = "guildhall-test"
  zone     = "test.guildhall.example"
  failover = { api = { primary = "a.elb.eu-central-1.amazonaws.com", secondary = "b.elb.eu-west-1.amazonaws.com" } }
  tags     = { project = "guildhall" }
}

run "a_name_leads_elsewhere_when_its_check_fails" {
  assert {
    condition     = aws_route53_record.primary["api"].failover_routing_policy[0].type == "PRIMARY" && aws_route53_record.primary["api"].health_check_id == aws_route53_health_check.this["api"].id
    error_message = "the primary is checked"
  }
  assert {
    condition     = aws_route53_record.secondary["api"].failover_routing_policy[0].type == "SECONDARY" && aws_route53_record.secondary["api"].ttl == 30
    error_message = "the other takes over within half a minute and three checks"
  }
  assert {
    condition     = contains(aws_route53_record.caa.records, "0 issue \"amazon.com\"")
    error_message = "not every authority may issue"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    zone     = "localhost"
    failover = { api = { primary = "a", secondary = "a", health_path = "health" } }
  }
  expect_failures = [var.zone, var.failover]
}

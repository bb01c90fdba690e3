mock_provider "aws" {
  source = "../../mocks"

  override_resource {
    target = aws_acm_certificate.this
    values = {
      arn = "arn:aws:acm:eu-central-1:111122223333:certificate/mock"
      domain_validation_options = [
        { domain_name = "guildhall.example", resource_record_name = "_a.guildhall.example", resource_record_type = "CNAME", resource_record_value = "_b.acm.aws" },
        { domain_name = "*.guildhall.example", resource_record_name = "_a.guildhall.example", resource_record_type = "CNAME", resource_record_value = "_b.acm.aws" },
      ]
    }
  }
}

variables {
  region            = "eu-central-1"
  domain            = "guildhall.example"
  alternative_names = ["*.guildhall.example"]
  zone_id           = "Z1"
  tags              = { project = "guildhall" }
}

run "a_name_and_its_wildcard_are_proven_by_one_record" {
  assert {
    condition     = length(aws_route53_record.proof) == 1 && aws_route53_record.proof["guildhall.example"].name == "_a.guildhall.example"
    error_message = "one record"
  }
  assert {
    condition     = aws_acm_certificate.this.validation_method == "DNS" && output.arn == "arn:aws:acm:eu-central-1:111122223333:certificate/mock"
    error_message = "proven by DNS, so that it renews itself"
  }
}

run "a_wildcard_of_somebody_else_is_refused" {
  command = plan
  variables {
    alternative_names = ["*.other.example"]
  }
  expect_failures = [var.alternative_names]
}

run "a_wildcard_alone_is_refused" {
  command = plan
  variables {
    domain = "*.guildhall.example"
  }
  expect_failures = [var.domain]
}

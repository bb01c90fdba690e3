mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name        = "guildhall-test"
  account_id  = "111122223333"
  region      = "eu-central-1"
  zones       = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/l"
  tags        = { project = "guildhall" }
}

run "three_zones_of_three_kinds" {
  assert {
    condition     = length(aws_subnet.this) == 9 && length(distinct([for subnet in aws_subnet.this : subnet.cidr_block])) == 9
    error_message = "nine subnets that do not overlap"
  }
  assert {
    condition     = aws_subnet.this["private-eu-central-1b"].cidr_block == "10.0.16.0/20" && aws_subnet.this["data-eu-central-1a"].cidr_block == "10.0.80.0/22"
    error_message = "large ones for pods"
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 3 && !anytrue([for subnet in aws_subnet.this : subnet.map_public_ip_on_launch])
    error_message = "a NAT gateway per zone, no public addresses"
  }
  assert {
    condition     = toset([for key, endpoint in aws_vpc_endpoint.interface : key]) == toset(["ecr.api", "ecr.dkr", "kms", "logs", "sqs", "sts"])
    error_message = "AWS's services without the internet"
  }
  assert {
    condition     = length(aws_route.private) == 3 && length(aws_route.public) == 3 && length(aws_vpc_endpoint.s3.route_table_ids) > 0
    error_message = "data subnets have no way out"
  }
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flows.kms_key_id == var.kms_key_arn
    error_message = "what flows is logged, encrypted"
  }
}

run "a_single_nat_gateway_is_shared" {
  variables {
    nat                 = "single"
    interface_endpoints = false
  }
  assert {
    condition     = keys(aws_nat_gateway.this) == ["eu-central-1a"] && length(aws_route.private) == 3 && length(aws_vpc_endpoint.interface) == 0
    error_message = "one, in the first zone, which AWS's services are reached by"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    zones = ["eu-west-1a", "eu-west-1b"]
    cidr  = "10.0.0.0/24"
    nat   = "none"
  }
  expect_failures = [var.zones, var.cidr, var.nat]
}

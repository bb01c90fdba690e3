# Three zones, three kinds of subnets: public (load balancers, NAT), private (the cluster), data (databases, brokers: no
# route to the internet in either direction). AWS's own services are reached without the internet.

locals {
  zones = { for index, zone in var.zones : zone => index }

  # A /16 gives /20 for each of the private subnets, /22 for the others.
  blocks = { for zone, index in local.zones : zone => {
    private = cidrsubnet(var.cidr, 4, index)
    public  = cidrsubnet(var.cidr, 6, 16 + index)
    data    = cidrsubnet(var.cidr, 6, 20 + index)
  } }

  subnets   = merge([for zone, blocks in local.blocks : { for kind, block in blocks : "${kind}-${zone}" => { kind = kind, zone = zone, block = block } }]...)
  nat_zones = var.nat == "per_zone" ? var.zones : slice(var.zones, 0, 1)

  interface_endpoints = toset(var.interface_endpoints ? ["ecr.api", "ecr.dkr", "kms", "logs", "sqs", "sts"] : [])
}

resource "aws_vpc" "this" {
  region               = var.region
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = merge(var.tags, { Name = var.name })
}

# Nothing uses it; it lets nothing through.
resource "aws_default_security_group" "this" {
  region  = var.region
  vpc_id  = aws_vpc.this.id
  ingress = []
  egress  = []
  tags    = merge(var.tags, { Name = "${var.name}-default-closed" })
}

resource "aws_internet_gateway" "this" {
  region = var.region
  vpc_id = aws_vpc.this.id
  tags   = merge(var.tags, { Name = var.name })
}

resource "aws_subnet" "this" {
  for_each = local.subnets

  region                  = var.region
  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.value.zone
  cidr_block              = each.value.block
  map_public_ip_on_launch = false
  tags = merge(var.tags, { Name = "${var.name}-${each.key}" },
    each.value.kind == "public" ? { "kubernetes.io/role/elb" = "1" } : {},
    each.value.kind == "private" ? { "kubernetes.io/role/internal-elb" = "1" } : {},
  )
}

resource "aws_eip" "nat" {
  for_each = toset(local.nat_zones)

  region = var.region
  domain = "vpc"
  tags   = merge(var.tags, { Name = "${var.name}-nat-${each.key}" })
}

resource "aws_nat_gateway" "this" {
  for_each = toset(local.nat_zones)

  region        = var.region
  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.this["public-${each.key}"].id
  tags          = merge(var.tags, { Name = "${var.name}-${each.key}" })

  depends_on = [aws_internet_gateway.this]
}

resource "aws_route_table" "this" {
  for_each = local.subnets

  region = var.region
  vpc_id = aws_vpc.this.id
  tags   = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_route_table_association" "this" {
  for_each = local.subnets

  region         = var.region
  subnet_id      = aws_subnet.this[each.key].id
  route_table_id = aws_route_table.this[each.key].id
}

resource "aws_route" "public" {
  for_each = local.zones

  region                 = var.region
  route_table_id         = aws_route_table.this["public-${each.key}"].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route" "private" {
  for_each = local.zones

  region                 = var.region
  route_table_id         = aws_route_table.this["private-${each.key}"].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[var.nat == "per_zone" ? each.key : var.zones[0]].id
}

resource "aws_vpc_endpoint" "s3" {
  region            = var.region
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for key, subnet in local.subnets : aws_route_table.this[key].id if subnet.kind != "public"]
  tags              = merge(var.tags, { Name = "${var.name}-s3" })
}

resource "aws_security_group" "endpoints" {
  region      = var.region
  name        = "${var.name}-endpoints"
  description = "HTTPS from the VPC to the endpoints of AWS's services"
  vpc_id      = aws_vpc.this.id
  tags        = merge(var.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  region            = var.region
  security_group_id = aws_security_group.endpoints.id
  description       = "HTTPS from the VPC"
  cidr_ipv4         = var.cidr
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.tags
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interface_endpoints

  region              = var.region
  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for key, subnet in local.subnets : aws_subnet.this[key].id if subnet.kind == "private"]
  security_group_ids  = [aws_security_group.endpoints.id]
  tags                = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_cloudwatch_log_group" "flows" {
  region            = var.region
  name              = "/guildhall/${var.name}/flows"
  retention_in_days = var.flow_log_days
  kms_key_id        = var.kms_key_arn
  tags              = merge(var.tags, { data-class = "logs" })
}

resource "aws_iam_role" "flows" {
  name = "${var.name}-flow-logs"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "flows" {
  name = "write"
  role = aws_iam_role.flows.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.flows.arn}:*"]
    }]
  })
}

resource "aws_flow_log" "this" {
  region               = var.region
  vpc_id               = aws_vpc.this.id
  traffic_type         = "ALL"
  log_destination_type = "cloud-watch-logs"
  log_destination      = aws_cloudwatch_log_group.flows.arn
  iam_role_arn         = aws_iam_role.flows.arn
  tags                 = merge(var.tags, { Name = var.name })
}

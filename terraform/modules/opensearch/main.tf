# OpenSearch, for those who want logs there instead of in Loki. Off unless asked for.

resource "aws_security_group" "this" {
  region      = var.region
  name        = "${var.name}-opensearch"
  description = "HTTPS from the cluster"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-opensearch" })
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = var.client_security_groups

  region                       = var.region
  security_group_id            = aws_security_group.this.id
  description                  = "HTTPS from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  tags                         = var.tags
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(["AUDIT_LOGS", "ES_APPLICATION_LOGS"])

  region            = var.region
  name              = "/guildhall/${var.name}/opensearch/${lower(each.key)}"
  retention_in_days = 365
  kms_key_id        = var.kms_key_arn
  tags              = merge(var.tags, { data-class = "logs" })
}

resource "aws_cloudwatch_log_resource_policy" "this" {
  region      = var.region
  policy_name = "${var.name}-opensearch"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "es.amazonaws.com" }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = [for group in aws_cloudwatch_log_group.this : "${group.arn}:*"]
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_opensearch_domain" "this" {
  #checkov:skip=CKV_AWS_317: AUDIT_LOGS are published; checkov does not unroll the block
  region         = var.region
  domain_name    = var.name
  engine_version = var.engine_version
  tags           = merge(var.tags, { Name = var.name, data-class = "logs" })

  cluster_config {
    instance_type            = var.instance_type
    instance_count           = 3
    dedicated_master_enabled = true
    dedicated_master_type    = var.master_type
    dedicated_master_count   = 3
    zone_awareness_enabled   = true

    zone_awareness_config {
      availability_zone_count = 3
    }
  }

  ebs_options {
    ebs_enabled = true
    volume_type = "gp3"
    volume_size = var.storage_gib
  }

  vpc_options {
    subnet_ids         = var.subnet_ids
    security_group_ids = [aws_security_group.this.id]
  }

  encrypt_at_rest {
    enabled    = true
    kms_key_id = var.kms_key_arn
  }

  node_to_node_encryption {
    enabled = true
  }

  domain_endpoint_options {
    enforce_https       = true
    tls_security_policy = "Policy-Min-TLS-1-2-PFS-2023-10"
  }

  # Who is known by IAM: writers are given by their roles.
  advanced_security_options {
    enabled                        = true
    internal_user_database_enabled = false

    master_user_options {
      master_user_arn = var.admin_role_arn
    }
  }

  access_policies = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ThisAccount"
      Effect    = "Allow"
      Principal = { AWS = "arn:${var.partition}:iam::${var.account_id}:root" }
      Action    = "es:ESHttp*"
      Resource  = "arn:${var.partition}:es:${var.region}:${var.account_id}:domain/${var.name}/*"
    }]
  })

  dynamic "log_publishing_options" {
    for_each = aws_cloudwatch_log_group.this

    content {
      log_type                 = log_publishing_options.key
      cloudwatch_log_group_arn = log_publishing_options.value.arn
    }
  }

  depends_on = [aws_cloudwatch_log_resource_policy.this]
}

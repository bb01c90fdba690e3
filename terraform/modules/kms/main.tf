# One key per class of data, so that whoever may read one class cannot read another, and a class can be made unreadable
# by one key. Use is granted by IAM in this account (the first statement); services of AWS that act for themselves are
# named per key.

locals {
  root     = "arn:${var.partition}:iam::${var.account_id}:root"
  replicas = { for class, key in var.keys : class => key if key.replicated && var.replica_region != null }

  statements = { for region in compact([var.region, var.replica_region]) : region => {
    for class, key in var.keys : class => concat(
      [{
        Sid       = "AccountByIam"
        Effect    = "Allow"
        Principal = { AWS = local.root }
        Action    = "kms:*"
        Resource  = "*" # in a key's policy: this key
      }],
      [for service in key.aws_services : merge({
        Sid       = "Aws${replace(title(replace(service, "/[^a-z]/", " ")), " ", "")}"
        Effect    = "Allow"
        Principal = { Service = "${service}.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"]
        Resource  = "*"
        },
        # An alarm's action tells the key no account; the topic's own policy does the telling apart.
        service == "cloudwatch" ? null : { Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } } },
      )],
      # CloudWatch Logs sends no source account; what it encrypts names the log group.
      [for logs in key.logs ? ["logs"] : [] : {
        Sid       = "CloudWatchLogs"
        Effect    = "Allow"
        Principal = { Service = "logs.${region}.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${var.partition}:logs:${region}:${var.account_id}:*" } }
      }],
      [for role in key.aws_roles : {
        Sid       = "Role${replace(title(replace(basename(role), "/[^A-Za-z]/", " ")), " ", "")}"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.partition}:iam::${var.account_id}:role/${role}" }
        Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
      }],
    )
  } }
}

resource "aws_kms_key" "this" {
  for_each = var.keys

  region                  = var.region
  description             = "${var.name}: ${each.value.description}"
  multi_region            = each.value.replicated
  enable_key_rotation     = true
  rotation_period_in_days = var.rotation_days
  deletion_window_in_days = 30
  policy                  = jsonencode({ Version = "2012-10-17", Statement = local.statements[var.region][each.key] })
  tags                    = merge(var.tags, { Name = "${var.name}-${each.key}", data-class = each.key })
}

resource "aws_kms_alias" "this" {
  for_each = var.keys

  region        = var.region
  name          = "alias/${var.name}/${each.key}"
  target_key_id = aws_kms_key.this[each.key].key_id
}

resource "aws_kms_replica_key" "this" {
  for_each = local.replicas

  region                  = var.replica_region
  description             = "${var.name}: ${each.value.description}"
  primary_key_arn         = aws_kms_key.this[each.key].arn
  deletion_window_in_days = 30
  policy                  = jsonencode({ Version = "2012-10-17", Statement = local.statements[var.replica_region][each.key] })
  tags                    = merge(var.tags, { Name = "${var.name}-${each.key}", data-class = each.key })
}

resource "aws_kms_alias" "replica" {
  for_each = local.replicas

  region        = var.replica_region
  name          = "alias/${var.name}/${each.key}"
  target_key_id = aws_kms_replica_key.this[each.key].key_id
}

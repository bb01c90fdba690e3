# Reports over what the worker's role `export` writes: a bucket of exported events, and Redshift Serverless that reads it.
# It is paid by the second of queries. Exports hold ids and codes, as events do; nothing is joined with contact data.

module "exports" {
  source = "../s3"

  bucket            = var.bucket
  region            = var.region
  account_id        = var.account_id
  data_class        = "exports"
  kms_key_arn       = var.kms_key_arn
  versioned         = true
  access_log_bucket = var.access_log_bucket
  lifecycle_days    = { archive = 30, noncurrent = 30 }
  tags              = var.tags
}

resource "aws_iam_role" "this" {
  name = "${var.name}-redshift"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "redshift.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "this" {
  name = "read-exports"
  role = aws_iam_role.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Objects", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["${module.exports.arn}/*"] },
      { Sid = "List", Effect = "Allow", Action = ["s3:GetBucketLocation", "s3:ListBucket"], Resource = [module.exports.arn] },
      { Sid = "Key", Effect = "Allow", Action = ["kms:Decrypt"], Resource = [var.kms_key_arn], Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } } },
    ]
  })
}

resource "aws_security_group" "this" {
  region      = var.region
  name        = "${var.name}-redshift"
  description = "Redshift from whom it is opened to"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-redshift" })
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = var.client_security_groups

  region                       = var.region
  security_group_id            = aws_security_group.this.id
  description                  = "Redshift from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 5439
  to_port                      = 5439
  tags                         = var.tags
}

resource "aws_redshiftserverless_namespace" "this" {
  region                           = var.region
  namespace_name                   = var.name
  db_name                          = "reports"
  kms_key_id                       = var.kms_key_arn
  manage_admin_password            = true
  admin_password_secret_kms_key_id = var.secrets_kms_key_arn
  iam_roles                        = [aws_iam_role.this.arn]
  default_iam_role_arn             = aws_iam_role.this.arn
  log_exports                      = ["connectionlog", "useractivitylog", "userlog"]
  tags                             = merge(var.tags, { Name = var.name, data-class = "exports" })
}

resource "aws_redshiftserverless_workgroup" "this" {
  region               = var.region
  workgroup_name       = var.name
  namespace_name       = aws_redshiftserverless_namespace.this.namespace_name
  base_capacity        = 8
  max_capacity         = var.max_capacity
  enhanced_vpc_routing = true
  publicly_accessible  = false
  subnet_ids           = var.subnet_ids
  security_group_ids   = [aws_security_group.this.id]
  tags                 = merge(var.tags, { Name = var.name })

  config_parameter {
    parameter_key   = "require_ssl"
    parameter_value = "true"
  }
}

# A pool of connections in front of PostgreSQL, for the services' app logins only: session locks, LISTEN and migrations go
# to the database directly (`DB__SYSTEM_URL`, `DB__OWNER_URL`). Services need `DB__POOLER=true` behind it.

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5: it is the proxy's; checkov loses it behind the caller's `count`
  region      = var.region
  name        = "${var.name}-proxy"
  description = "PostgreSQL from the cluster, and on to the database"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-proxy" })
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = var.client_security_groups

  region                       = var.region
  security_group_id            = aws_security_group.this.id
  description                  = "PostgreSQL from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "this" {
  region                       = var.region
  security_group_id            = aws_security_group.this.id
  description                  = "On to the database"
  referenced_security_group_id = var.database_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  tags                         = var.tags
}

resource "aws_iam_role" "this" {
  name = "${var.name}-rds-proxy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "rds.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "this" {
  name = "read-logins"
  role = aws_iam_role.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Logins", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = values(var.login_secret_arns) },
      {
        Sid       = "KeyOfSecrets"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = [var.secrets_kms_key_arn]
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" } }
      },
    ]
  })
}

resource "aws_db_proxy" "this" {
  region                 = var.region
  name                   = var.name
  engine_family          = "POSTGRESQL"
  require_tls            = true
  role_arn               = aws_iam_role.this.arn
  vpc_subnet_ids         = var.subnet_ids
  vpc_security_group_ids = [aws_security_group.this.id]
  idle_client_timeout    = 1800
  debug_logging          = false # it would log statements with their values
  tags                   = merge(var.tags, { Name = var.name })

  dynamic "auth" {
    for_each = var.login_secret_arns

    content {
      auth_scheme               = "SECRETS"
      client_password_auth_type = "POSTGRES_SCRAM_SHA_256"
      description               = auth.key
      iam_auth                  = "DISABLED"
      secret_arn                = auth.value
    }
  }
}

resource "aws_db_proxy_default_target_group" "this" {
  region        = var.region
  db_proxy_name = aws_db_proxy.this.name

  connection_pool_config {
    max_connections_percent      = 80 # the rest is the system logins'
    max_idle_connections_percent = 20
    connection_borrow_timeout    = 3 # as long as a service waits for a connection
  }
}

resource "aws_db_proxy_target" "this" {
  region                 = var.region
  db_proxy_name          = aws_db_proxy.this.name
  target_group_name      = aws_db_proxy_default_target_group.this.name
  db_instance_identifier = var.database_identifier
}

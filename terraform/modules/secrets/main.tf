# Secrets by name. Values that Terraform knows are passed write-only: neither a plan nor the state shows them here. The
# others are put in by people; until then the secret is empty, and External Secrets says so.

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57: a login has to change in the database too; docs/runbooks/rotate-keys.md does both
  for_each = var.secrets

  region                  = var.region
  name                    = "${var.name}/${each.key}"
  description             = each.value
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = 30
  tags                    = merge(var.tags, { Name = "${var.name}/${each.key}", data-class = "secrets" })

  dynamic "replica" {
    for_each = var.replica == null ? [] : [var.replica]

    content {
      region     = replica.value.region
      kms_key_id = replica.value.kms_key_arn
    }
  }
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each = var.known

  region                   = var.region
  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = var.values[each.key]
  secret_string_wo_version = var.generation
}

resource "aws_secretsmanager_secret_policy" "this" {
  for_each = var.secrets

  region     = var.region
  secret_arn = aws_secretsmanager_secret.this[each.key].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ThisAccountOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "secretsmanager:GetSecretValue"
      Resource  = aws_secretsmanager_secret.this[each.key].arn
      Condition = { StringNotEquals = { "aws:PrincipalAccount" = var.account_id } }
    }]
  })
}

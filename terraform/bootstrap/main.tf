# Once per account, before any environment: the bucket that keeps Terraform's state, and the roles that GitHub's workflows
# may take without a stored key. docs/runbooks/first-apply.md says how its own state gets into that bucket.

locals {
  name      = "${var.project}-state-${var.account_id}"
  partition = startswith(var.region, "us-gov-") ? "aws-us-gov" : startswith(var.region, "cn-") ? "aws-cn" : "aws"
  root      = "arn:${local.partition}:iam::${var.account_id}:root"
  github    = "token.actions.githubusercontent.com"
  tags = {
    project     = var.project
    environment = "bootstrap"
    owner       = var.owner
    managed-by  = "terraform"
  }

  # What a workflow may take: planning reads, applying is behind an environment of GitHub's with its reviewers.
  roles = {
    plan  = { environment = "${var.environment}-plan", policies = ["ReadOnlyAccess"] }
    apply = { environment = var.environment, policies = ["PowerUserAccess"] }
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]
}

resource "aws_kms_key" "state" {
  region                  = var.region
  description             = "State of Terraform"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AccountByIam"
      Effect    = "Allow"
      Principal = { AWS = local.root }
      Action    = "kms:*"
      Resource  = "*" # in a key's policy: this key
    }]
  })
  tags = merge(local.tags, { Name = local.name, data-class = "state" })
}

resource "aws_kms_alias" "state" {
  region        = var.region
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.state.key_id
}

module "state" {
  source = "../modules/s3"

  bucket            = local.name
  region            = var.region
  account_id        = var.account_id
  data_class        = "state"
  kms_key_arn       = aws_kms_key.state.arn
  versioned         = true
  access_log_bucket = null
  lifecycle_days    = { noncurrent = 365 }
  tags              = local.tags
}

# Locks are objects beside the state (`use_lockfile`). The table is for those whose Terraform is older than 1.10.
resource "aws_dynamodb_table" "lock" {
  count = var.dynamodb_lock ? 1 : 0

  region                      = var.region
  name                        = local.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "LockID"
  deletion_protection_enabled = true
  tags                        = merge(local.tags, { Name = local.name, data-class = "state" })

  attribute {
    name = "LockID"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.state.arn
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://${local.github}"
  client_id_list = ["sts.amazonaws.com"]
  tags           = local.tags
}

resource "aws_iam_role" "github" {
  for_each = local.roles

  name                 = "${var.project}-github-${each.key}"
  description          = "GitHub's workflows of repository ${var.github.repository} in environment ${each.value.environment}"
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = aws_iam_openid_connect_provider.github.arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      # By id as well: whoever takes over a name that was given up has another one.
      Condition = { StringEquals = {
        "${local.github}:aud"           = "sts.amazonaws.com"
        "${local.github}:repository_id" = var.github.repository_id
        "${local.github}:sub"           = "repo:${var.github.repository}:environment:${each.value.environment}"
      } }
    }]
  })
  tags = local.tags
}

resource "aws_iam_role_policy_attachment" "github" {
  #checkov:skip=CKV2_AWS_56: neither is administrator's; applying may change IAM below the project's names only
  for_each = merge([for role, of in local.roles : { for policy in of.policies : "${role}-${policy}" => { role = role, policy = policy } }]...)

  role       = aws_iam_role.github[each.value.role].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/${each.value.policy}"
}

# What ReadOnlyAccess leaves out: the state is encrypted.
resource "aws_iam_role_policy" "plan" {
  name = "state"
  role = aws_iam_role.github["plan"].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "State"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = [aws_kms_key.state.arn]
    }]
  })
}

# What PowerUserAccess leaves out, for the project's own roles alone.
resource "aws_iam_role_policy" "apply" {
  #checkov:skip=CKV_AWS_286: it makes roles, so it could make one with more; the names' prefix and the boundary of the organisation bound it
  #checkov:skip=CKV_AWS_287: no action of it shows a credential
  #checkov:skip=CKV_AWS_289: managing the project's roles is what it is for
  #checkov:skip=CKV_AWS_355: making a service-linked role has no resource to name; its condition names the services
  name = "iam-of-the-project"
  role = aws_iam_role.github["apply"].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "OwnRoles"
        Effect = "Allow"
        Action = [
          "iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:GetRole",
          "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:PassRole",
          "iam:PutRolePolicy", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
        ]
        Resource = ["arn:${local.partition}:iam::${var.account_id}:role/${var.project}-${var.environment}-*"]
      },
      {
        Sid    = "ClusterIssuers"
        Effect = "Allow"
        Action = [
          "iam:CreateOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider", "iam:GetOpenIDConnectProvider",
          "iam:TagOpenIDConnectProvider", "iam:UpdateOpenIDConnectProviderThumbprint",
        ]
        Resource = ["arn:${local.partition}:iam::${var.account_id}:oidc-provider/oidc.eks.*"]
      },
      {
        Sid      = "ServiceLinkedRoles"
        Effect   = "Allow"
        Action   = ["iam:CreateServiceLinkedRole"]
        Resource = ["arn:${local.partition}:iam::${var.account_id}:role/aws-service-role/*"]
      },
    ]
  })
}

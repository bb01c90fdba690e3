# A role per workload of the cluster. The trust names one service account of one namespace, whichever way pods prove who
# they are.

locals {
  issuer = trimprefix(var.oidc_issuer, "https://")

  trust = { for workload, of in var.workloads : workload => merge(
    { Effect = "Allow" },
    var.identity_mode != "pod_identity" ? null : {
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        ArnEquals = { "aws:SourceArn" = var.cluster_arn }
        StringEquals = {
          "aws:SourceAccount"                         = var.account_id
          "aws:RequestTag/kubernetes-namespace"       = of.namespace
          "aws:RequestTag/kubernetes-service-account" = of.service_account
        }
      }
    },
    var.identity_mode != "irsa" ? null : {
      Principal = { Federated = var.oidc_provider_arn }
      Action    = ["sts:AssumeRoleWithWebIdentity"]
      Condition = { StringEquals = {
        "${local.issuer}:aud" = "sts.amazonaws.com"
        "${local.issuer}:sub" = "system:serviceaccount:${of.namespace}:${of.service_account}"
      } }
    },
  ) }
}

resource "aws_iam_role" "this" {
  for_each = var.workloads

  name                 = "${var.name}-${each.key}"
  description          = "What ${each.value.namespace}/${each.value.service_account} may do in AWS"
  assume_role_policy   = jsonencode({ Version = "2012-10-17", Statement = [local.trust[each.key]] })
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary_arn
  tags                 = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_iam_role_policy" "this" {
  for_each = var.workloads

  name   = "own"
  role   = aws_iam_role.this[each.key].name
  policy = jsonencode({ Version = "2012-10-17", Statement = jsondecode(each.value.statements) })
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = var.identity_mode == "pod_identity" ? var.workloads : {}

  region          = var.region
  cluster_name    = var.cluster_name
  namespace       = each.value.namespace
  service_account = each.value.service_account
  role_arn        = aws_iam_role.this[each.key].arn
  tags            = var.tags
}

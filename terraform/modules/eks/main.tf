# The cluster: managed node groups on Graviton, or Auto Mode, and Fargate profiles beside them.

locals {
  logs = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

  # Auto Mode brings its own network, storage and identity agents.
  addons = { for addon, version in var.addons : addon => version if !var.auto_mode && (addon != "eks-pod-identity-agent" || var.identity_mode == "pod_identity") }

  policy = "arn:${var.partition}:iam::aws:policy"
  cluster_policies = concat(["AmazonEKSClusterPolicy"], var.auto_mode ? [
    "AmazonEKSBlockStoragePolicy", "AmazonEKSComputePolicy", "AmazonEKSLoadBalancingPolicy", "AmazonEKSNetworkingPolicy",
  ] : [])
  node_policies = var.auto_mode ? ["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodeMinimalPolicy"] : [
    "AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonSSMManagedInstanceCore",
  ]
}

resource "aws_cloudwatch_log_group" "this" {
  region            = var.region
  name              = "/aws/eks/${var.name}/cluster"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arns.logs
  tags              = merge(var.tags, { data-class = "logs" })
}

resource "aws_iam_role" "cluster" {
  name = "${var.name}-cluster"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "cluster" {
  for_each = toset(local.cluster_policies)

  role       = aws_iam_role.cluster.name
  policy_arn = "${local.policy}/${each.key}"
}

resource "aws_iam_role" "nodes" {
  name = "${var.name}-nodes"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "nodes" {
  for_each = toset(local.node_policies)

  role       = aws_iam_role.nodes.name
  policy_arn = "${local.policy}/${each.key}"
}

resource "aws_eks_cluster" "this" {
  #checkov:skip=CKV_AWS_39: the module's default is a private endpoint; an environment that opens it names who may call
  #checkov:skip=CKV_AWS_339: checkov knows no version after its own release
  #checkov:skip=CKV_AWS_38: var.public_access_cidrs refuses 0.0.0.0/0
  region                        = var.region
  name                          = var.name
  version                       = var.kubernetes_version
  role_arn                      = aws_iam_role.cluster.arn
  deletion_protection           = var.deletion_protection
  bootstrap_self_managed_addons = !var.auto_mode
  enabled_cluster_log_types     = local.logs
  tags                          = merge(var.tags, { Name = var.name })

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = false
  }

  vpc_config {
    subnet_ids              = var.subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = length(var.public_access_cidrs) > 0
    public_access_cidrs     = length(var.public_access_cidrs) > 0 ? var.public_access_cidrs : null
  }

  encryption_config {
    resources = ["secrets"]

    provider {
      key_arn = var.kms_key_arns.cluster
    }
  }

  upgrade_policy {
    support_type = "STANDARD"
  }

  compute_config {
    enabled       = var.auto_mode
    node_pools    = var.auto_mode ? ["general-purpose", "system"] : null
    node_role_arn = var.auto_mode ? aws_iam_role.nodes.arn : null
  }

  kubernetes_network_config {
    elastic_load_balancing {
      enabled = var.auto_mode
    }
  }

  storage_config {
    block_storage {
      enabled = var.auto_mode
    }
  }

  zonal_shift_config {
    enabled = true
  }

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy_attachment.cluster]
}

resource "aws_launch_template" "nodes" {
  for_each = var.auto_mode ? {} : var.node_groups

  region                 = var.region
  name                   = "${var.name}-${each.key}"
  update_default_version = true
  tags                   = merge(var.tags, { Name = "${var.name}-${each.key}" })

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1 # pods do not reach the node's identity
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = each.value.disk_gib
      volume_type           = "gp3"
      encrypted             = true
      kms_key_id            = var.kms_key_arns.cluster
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = merge(var.tags, { Name = "${var.name}-${each.key}" })
  }

  tag_specifications {
    resource_type = "volume"
    tags          = merge(var.tags, { Name = "${var.name}-${each.key}" })
  }
}

resource "aws_eks_node_group" "this" {
  for_each = var.auto_mode ? {} : var.node_groups

  region          = var.region
  cluster_name    = aws_eks_cluster.this.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.nodes.arn
  subnet_ids      = var.subnet_ids
  version         = var.kubernetes_version
  ami_type        = each.value.architecture == "arm64" ? "AL2023_ARM_64_STANDARD" : "AL2023_x86_64_STANDARD"
  instance_types  = each.value.instance_types
  capacity_type   = each.value.spot ? "SPOT" : "ON_DEMAND"
  labels          = each.value.labels
  tags            = merge(var.tags, { Name = "${var.name}-${each.key}" })

  launch_template {
    id      = aws_launch_template.nodes[each.key].id
    version = aws_launch_template.nodes[each.key].latest_version
  }

  scaling_config {
    min_size     = each.value.min
    desired_size = each.value.min
    max_size     = each.value.max
  }

  update_config {
    max_unavailable_percentage = 33
  }

  node_repair_config {
    enabled = true
  }

  dynamic "taint" {
    for_each = each.value.taints

    content {
      key    = taint.value.key
      value  = taint.value.value
      effect = taint.value.effect
    }
  }

  lifecycle {
    ignore_changes = [scaling_config[0].desired_size] # the autoscaler's
  }

  depends_on = [aws_iam_role_policy_attachment.nodes]
}

resource "aws_iam_role" "fargate" {
  count = length(var.fargate_profiles) > 0 ? 1 : 0

  name = "${var.name}-fargate"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "eks-fargate-pods.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { ArnLike = { "aws:SourceArn" = "arn:${var.partition}:eks:${var.region}:${var.account_id}:fargateprofile/${var.name}/*" } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "fargate" {
  count = length(var.fargate_profiles) > 0 ? 1 : 0

  role       = aws_iam_role.fargate[0].name
  policy_arn = "${local.policy}/AmazonEKSFargatePodExecutionRolePolicy"
}

resource "aws_eks_fargate_profile" "this" {
  for_each = var.fargate_profiles

  region                 = var.region
  cluster_name           = aws_eks_cluster.this.name
  fargate_profile_name   = each.key
  pod_execution_role_arn = aws_iam_role.fargate[0].arn
  subnet_ids             = var.subnet_ids
  tags                   = var.tags

  dynamic "selector" {
    for_each = each.value

    content {
      namespace = selector.value
    }
  }
}

resource "aws_eks_access_entry" "this" {
  for_each = var.access

  region        = var.region
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value.principal_arn
  type          = "STANDARD"
  tags          = var.tags
}

resource "aws_eks_access_policy_association" "this" {
  for_each = var.access

  region        = var.region
  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_eks_access_entry.this[each.key].principal_arn
  policy_arn    = "arn:${var.partition}:eks::aws:cluster-access-policy/AmazonEKS${each.value.may}Policy"

  access_scope {
    type       = length(each.value.namespaces) > 0 ? "namespace" : "cluster"
    namespaces = each.value.namespaces
  }
}

resource "aws_iam_openid_connect_provider" "this" {
  count = var.identity_mode == "irsa" ? 1 : 0

  url            = aws_eks_cluster.this.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}

resource "aws_eks_addon" "this" {
  for_each = local.addons

  region                      = var.region
  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = each.value
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"
  tags                        = var.tags

  dynamic "pod_identity_association" {
    for_each = each.key == "aws-ebs-csi-driver" && var.identity_mode == "pod_identity" ? ["ebs-csi-controller-sa"] : []

    content {
      role_arn        = aws_iam_role.ebs_csi[0].arn
      service_account = pod_identity_association.value
    }
  }
  service_account_role_arn = each.key == "aws-ebs-csi-driver" && var.identity_mode == "irsa" ? aws_iam_role.ebs_csi[0].arn : null

  depends_on = [aws_eks_node_group.this]
}

resource "aws_iam_role" "ebs_csi" {
  count = contains(keys(local.addons), "aws-ebs-csi-driver") ? 1 : 0

  name = "${var.name}-ebs-csi"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for way in [var.identity_mode] : merge(
      { Effect = "Allow" },
      way == "irsa" ? null : {
        Principal = { Service = "pods.eks.amazonaws.com" }
        Action    = ["sts:AssumeRole", "sts:TagSession"]
        Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
      },
      way != "irsa" ? null : {
        Principal = { Federated = aws_iam_openid_connect_provider.this[0].arn }
        Action    = ["sts:AssumeRoleWithWebIdentity"]
        Condition = { StringEquals = {
          "${trimprefix(aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://")}:sub" = "system:serviceaccount:kube-system:ebs-csi-controller-sa"
        } }
      },
    )]
  })
  tags = var.tags
}

resource "aws_iam_role_policy_attachment" "ebs_csi" {
  count = length(aws_iam_role.ebs_csi)

  role       = aws_iam_role.ebs_csi[0].name
  policy_arn = "${local.policy}/service-role/AmazonEBSCSIDriverPolicy"
}

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                = "guildhall-test"
  account_id          = "111122223333"
  region              = "eu-central-1"
  kubernetes_version  = "1.34"
  subnet_ids          = ["subnet-a", "subnet-b", "subnet-c"]
  kms_key_arns        = { cluster = "arn:aws:kms:eu-central-1:111122223333:key/c", logs = "arn:aws:kms:eu-central-1:111122223333:key/l" }
  deletion_protection = true
  tags                = { project = "guildhall" }
  node_groups         = { general = { instance_types = ["m7g.large"], min = 3, max = 9 } }
  addons              = { "vpc-cni" = "v1.20.4-eksbuild.2", "aws-ebs-csi-driver" = "v1.53.0-eksbuild.1", "eks-pod-identity-agent" = "v1.3.9-eksbuild.3" }
  access              = { sre = { principal_arn = "arn:aws:iam::111122223333:role/sre", may = "ClusterAdmin" }, devs = { principal_arn = "arn:aws:iam::111122223333:role/devs", may = "View", namespaces = ["document"] } }
}

run "private_encrypted_on_graviton" {
  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "the API server is private"
  }
  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].resources == toset(["secrets"]) && length(aws_eks_cluster.this.enabled_cluster_log_types) == 5
    error_message = "secrets are encrypted, everything is logged"
  }
  assert {
    condition     = aws_eks_node_group.this["general"].ami_type == "AL2023_ARM_64_STANDARD" && aws_launch_template.nodes["general"].metadata_options[0].http_tokens == "required"
    error_message = "Graviton, IMDSv2"
  }
  assert {
    condition     = length(aws_eks_addon.this) == 3 && length(aws_iam_openid_connect_provider.this) == 0
    error_message = "pod identity by its agent"
  }
  assert {
    condition     = aws_eks_access_policy_association.this["devs"].access_scope[0].type == "namespace" && aws_eks_access_policy_association.this["sre"].access_scope[0].type == "cluster"
    error_message = "developers see their namespaces"
  }
}

run "irsa_fargate_and_a_public_endpoint_for_some" {
  variables {
    identity_mode       = "irsa"
    fargate_profiles    = { batch = ["batch"] }
    public_access_cidrs = ["203.0.113.0/24"]
  }
  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 1 && toset(keys(aws_eks_addon.this)) == toset(["vpc-cni", "aws-ebs-csi-driver"])
    error_message = "an OIDC provider instead of the agent"
  }
  assert {
    condition     = one(jsondecode(aws_iam_role.ebs_csi[0].assume_role_policy).Statement).Action[0] == "sts:AssumeRoleWithWebIdentity"
    error_message = "the CSI driver by web identity"
  }
  assert {
    condition     = length(aws_eks_fargate_profile.this["batch"].selector) == 1 && aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "what was asked for"
  }
}

run "auto_mode_has_no_node_groups" {
  command = plan
  variables {
    auto_mode = true
  }
  assert {
    condition     = length(aws_eks_node_group.this) == 0 && length(aws_eks_addon.this) == 0 && aws_eks_cluster.this.compute_config[0].enabled
    error_message = "AWS chooses nodes"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    kubernetes_version  = "latest"
    identity_mode       = "keys"
    public_access_cidrs = ["0.0.0.0/0"]
    addons              = { "vpc-cni" = "latest" }
    node_groups         = { general = { instance_types = ["m7g.large"], min = 3, max = 1, architecture = "mips" } }
    access              = { all = { principal_arn = "arn:aws:iam::111122223333:role/x", may = "Everything" } }
    subnet_ids          = ["one"]
  }
  expect_failures = [var.kubernetes_version, var.identity_mode, var.public_access_cidrs, var.addons, var.node_groups, var.access, var.subnet_ids]
}

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name         = "guildhall-test"
  account_id   = "111122223333"
  region       = "eu-central-1"
  cluster_name = "guildhall-test"
  cluster_arn  = "arn:aws:eks:eu-central-1:111122223333:cluster/guildhall-test"
  tags         = { project = "guildhall" }
  workloads = {
    document = {
      namespace       = "document"
      service_account = "document"
      statements      = "[{\"Sid\":\"Q\",\"Effect\":\"Allow\",\"Action\":[\"sqs:SendMessage\"],\"Resource\":[\"arn:aws:sqs:eu-central-1:111122223333:q\"]}]"
    }
    bff = { namespace = "bff", service_account = "bff", statements = "[{\"Sid\":\"Q\",\"Effect\":\"Deny\",\"Action\":[\"sqs:*\"],\"Resource\":[\"*\"]}]" }
  }
}

run "pod_identity_trusts_one_service_account_of_one_cluster" {
  assert {
    condition = alltrue([
      for workload, role in aws_iam_role.this :
      one(jsondecode(role.assume_role_policy).Statement).Condition.StringEquals["aws:RequestTag/kubernetes-service-account"] == workload &&
      one(jsondecode(role.assume_role_policy).Statement).Condition.ArnEquals["aws:SourceArn"] == var.cluster_arn
    ])
    error_message = "the pod's namespace and service account, in this cluster"
  }
  assert {
    condition     = length(aws_iam_role_policy.this) == 2 && length(aws_eks_pod_identity_association.this) == 2
    error_message = "a policy and an association each"
  }
}

run "irsa_trusts_one_service_account_of_one_issuer" {
  variables {
    identity_mode     = "irsa"
    oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"
    oidc_issuer       = "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC"
  }
  assert {
    condition = (
      one(jsondecode(aws_iam_role.this["document"].assume_role_policy).Statement).Condition.StringEquals
      == { "oidc.eks.eu-central-1.amazonaws.com/id/ABC:aud" = "sts.amazonaws.com", "oidc.eks.eu-central-1.amazonaws.com/id/ABC:sub" = "system:serviceaccount:document:document" }
    )
    error_message = "audience and subject"
  }
  assert {
    condition     = length(aws_eks_pod_identity_association.this) == 0
    error_message = "one way or the other"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    identity_mode = "irsa"
    workloads     = { all = { namespace = "*", service_account = "x", statements = "{}" } }
  }
  expect_failures = [var.identity_mode, var.workloads]
}

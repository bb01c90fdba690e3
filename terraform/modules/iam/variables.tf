variable "name" {
  description = "Before every role's name."
  type        = string
}

variable "account_id" {
  description = "The account of the cluster."
  type        = string
}

variable "region" {
  description = "Region of the cluster."
  type        = string
}

variable "identity_mode" {
  description = "How pods prove who they are: `pod_identity` (the agent add-on) or `irsa` (the cluster's OIDC provider)."
  type        = string
  default     = "pod_identity"

  validation {
    condition     = contains(["pod_identity", "irsa"], var.identity_mode)
    error_message = "identity_mode must be pod_identity or irsa."
  }
  validation {
    condition     = var.identity_mode != "irsa" || (var.oidc_provider_arn != null && var.oidc_issuer != "")
    error_message = "identity_mode irsa needs oidc_provider_arn and oidc_issuer."
  }
}

variable "cluster_name" {
  description = "Name of the cluster."
  type        = string
}

variable "cluster_arn" {
  description = "ARN of the cluster: with pod identity no other cluster's pods get the roles."
  type        = string
}

variable "oidc_provider_arn" {
  description = "For `irsa`: ARN of the cluster's OIDC provider."
  type        = string
  default     = null
}

variable "oidc_issuer" {
  description = "For `irsa`: URL of the cluster's OIDC issuer."
  type        = string
  default     = ""
}

variable "workloads" {
  description = "By name: the namespace and service account that get the role, and its statements as JSON (they differ in shape)."
  type = map(object({
    namespace       = string
    service_account = string
    statements      = string
  }))

  validation {
    condition     = alltrue([for of in values(var.workloads) : can(jsondecode(of.statements)[0])])
    error_message = "statements must be a JSON list of one or more."
  }
  validation {
    condition     = alltrue([for of in values(var.workloads) : !strcontains(of.namespace, "*") && !strcontains(of.service_account, "*")])
    error_message = "namespace and service_account must be names, not patterns."
  }
}

variable "permissions_boundary_arn" {
  description = "A boundary for every role, where the organisation has one."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

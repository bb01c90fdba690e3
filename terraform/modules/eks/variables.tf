variable "name" {
  description = "Name of the cluster."
  type        = string
}

variable "account_id" {
  description = "The account of the cluster."
  type        = string
}

variable "partition" {
  description = "Partition of ARNs."
  type        = string
  default     = "aws"
}

variable "region" {
  description = "Where it is."
  type        = string
}

variable "kubernetes_version" {
  description = "Minor version; how to raise it: docs/runbooks/upgrade-eks.md."
  type        = string

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version must be a minor version, for example 1.34."
  }
}

variable "subnet_ids" {
  description = "Private subnets, one per zone."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must be of two zones or more."
  }
}

variable "kms_key_arns" {
  description = "The keys of the cluster's secrets and disks, and of logs."
  type = object({
    cluster = string
    logs    = string
  })
}

variable "identity_mode" {
  description = "How pods prove who they are: `pod_identity` or `irsa`."
  type        = string
  default     = "pod_identity"

  validation {
    condition     = contains(["pod_identity", "irsa"], var.identity_mode)
    error_message = "identity_mode must be pod_identity or irsa."
  }
}

variable "public_access_cidrs" {
  description = "Who may reach the API server from outside the VPC; none for a private endpoint only."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "public_access_cidrs must be address blocks, and not everybody's."
  }
}

variable "auto_mode" {
  description = "EKS Auto Mode: AWS chooses and replaces nodes. Node groups and add-ons are then left out."
  type        = bool
  default     = false
}

variable "node_groups" {
  description = "Managed node groups by name."
  type = map(object({
    instance_types = list(string)
    architecture   = optional(string, "arm64")
    min            = number
    max            = number
    disk_gib       = optional(number, 50)
    spot           = optional(bool, false)
    labels         = optional(map(string), {})
    taints         = optional(list(object({ key = string, value = string, effect = string })), [])
  }))
  default = {}

  validation {
    condition     = alltrue([for group in values(var.node_groups) : group.min >= 1 && group.max >= group.min])
    error_message = "node_groups must have a min of 1 or more, and a max not below it."
  }
  validation {
    condition     = alltrue([for group in values(var.node_groups) : contains(["arm64", "amd64"], group.architecture)])
    error_message = "architecture must be arm64 or amd64."
  }
}

variable "fargate_profiles" {
  description = "Fargate profiles by name: the namespaces whose pods run there."
  type        = map(list(string))
  default     = {}
}

variable "addons" {
  description = "Add-ons and their exact versions."
  type        = map(string)

  validation {
    condition     = alltrue([for version in values(var.addons) : can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+-eksbuild\\.[0-9]+$", version))])
    error_message = "addons must be pinned, for example v1.20.4-eksbuild.2."
  }
}

variable "access" {
  description = "Who may do what in the cluster, by name: a role's ARN, what it `may` (`ClusterAdmin`, `Admin`, `Edit`, `View`), and in which namespaces (none for all)."
  type = map(object({
    principal_arn = string
    may           = string
    namespaces    = optional(list(string), [])
  }))
  default = {}

  validation {
    condition     = alltrue([for entry in values(var.access) : contains(["ClusterAdmin", "Admin", "Edit", "View"], entry.may)])
    error_message = "may must be ClusterAdmin, Admin, Edit or View."
  }
}

variable "log_days" {
  description = "How long the control plane's logs are kept, in days."
  type        = number
  default     = 365
}

variable "deletion_protection" {
  description = "Whether the cluster cannot be deleted."
  type        = bool
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

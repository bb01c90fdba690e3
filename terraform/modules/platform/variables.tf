variable "project" {
  description = "First part of every name."
  type        = string
  default     = "guildhall"
}

variable "environment" {
  description = "Name of the environment."
  type        = string
}

variable "owner" {
  description = "Who answers for it, as a tag."
  type        = string
}

variable "account_id" {
  description = "Account of the environment."
  type        = string
}

variable "residency" {
  description = "Regions that data may be in; every other is refused."
  type        = list(string)

  validation {
    condition     = length(var.residency) > 0
    error_message = "residency must name at least one region."
  }
}

variable "region" {
  description = "Where the environment is."
  type        = string

  validation {
    condition     = contains(var.residency, var.region)
    error_message = "region must be one of residency: data may not be anywhere else."
  }
}

variable "replica_region" {
  description = "Where copies of documents, audit, secrets and backups are; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.replica_region == null ? true : contains(var.residency, var.replica_region)
    error_message = "replica_region must be one of residency: data may not be anywhere else."
  }
}

variable "zones" {
  description = "Three availability zones of the region."
  type        = list(string)
}

variable "cidr" {
  description = "Address block of the VPC."
  type        = string
  default     = "10.0.0.0/16"
}

variable "nat" {
  description = "`single` or `per_zone`."
  type        = string
  default     = "per_zone"
}

variable "interface_endpoints" {
  description = "Whether AWS's services are reached without the internet; see the module vpc."
  type        = bool
  default     = true
}

variable "portal_origins" {
  description = "Origins of the portals, whose pages upload and download directly."
  type        = list(string)

  validation {
    condition     = length(var.portal_origins) > 0
    error_message = "portal_origins must have at least one: browsers could upload nothing."
  }
}

variable "users" {
  description = "How many people are registered; sizes follow from it."
  type        = number
}

variable "sizes" {
  description = "Sizes that differ from what follows from `users`; see the module sizing."
  type = object({
    nodes    = optional(object({ instance_types = optional(list(string)), min = optional(number), max = optional(number) }), {})
    database = optional(object({ instance_class = optional(string), storage_gib = optional(number), storage_max_gib = optional(number) }), {})
    cache    = optional(object({ node_type = optional(string), nodes = optional(number) }), {})
    kafka    = optional(object({ instance_type = optional(string), brokers = optional(number), storage_gib = optional(number), storage_max_gib = optional(number) }), {})
  })
  default = {}
}

variable "high_availability" {
  description = "Whether the loss of a zone must not be noticed: Multi-AZ database, three cache nodes."
  type        = bool
}

variable "protected" {
  description = "Whether databases and cluster cannot be deleted."
  type        = bool
}

variable "objectives" {
  description = <<-EOT
    What is promised: at most so many minutes of acknowledged work are lost (`rpo_minutes`), and it runs again within so
    many (`rto_minutes`), when the region is lost where there is a `replica_region`, else when a zone is. Settings that
    do not give what is promised are refused.
  EOT
  type = object({
    rpo_minutes = number
    rto_minutes = number
  })
}

variable "backup_days" {
  description = "To how many days back the database can be restored."
  type        = number
  default     = 30
}

variable "versions" {
  description = "Versions of what AWS runs, pinned."
  type = object({
    kubernetes = optional(string, "1.35")
    postgresql = optional(string, "17.6")
    kafka      = optional(string, "3.9.x")
    valkey     = optional(string, "8.1")
    addons = optional(map(string), {
      aws-ebs-csi-driver     = "v1.53.0-eksbuild.1"
      coredns                = "v1.12.4-eksbuild.1"
      eks-pod-identity-agent = "v1.3.9-eksbuild.3"
      kube-proxy             = "v1.35.0-eksbuild.2"
      vpc-cni                = "v1.20.4-eksbuild.2"
    })
  })
  default = {}
}

variable "identity_mode" {
  description = "How pods prove who they are: `pod_identity` or `irsa`."
  type        = string
  default     = "pod_identity"
}

variable "public_access_cidrs" {
  description = "Who may reach the cluster's API from outside the VPC; none for a private endpoint only."
  type        = list(string)
  default     = []
}

variable "cluster_access" {
  description = "Who may do what in the cluster; see the module eks."
  type = map(object({
    principal_arn = string
    may           = string
    namespaces    = optional(list(string), [])
  }))
  default = {}
}

variable "fargate_profiles" {
  description = "Fargate profiles by name: the namespaces whose pods run there."
  type        = map(list(string))
  default     = {}
}

variable "permissions_boundary_arn" {
  description = "A boundary for every workload's role, where the organisation has one."
  type        = string
  default     = null
}

variable "kafka_scram_users" {
  description = "Users of Kafka outside of AWS's identities; none switches SCRAM off."
  type        = list(string)
  default     = []
}

variable "alarm_subscribers" {
  description = "Who is told of `critical` and `warning` alarms: addresses or https URLs."
  type        = map(list(string))
  default     = {}
}

variable "secrets_rotation" {
  description = "A higher number makes all passwords anew; see docs/runbooks/rotate-keys.md."
  type        = string
  default     = "1"

  validation {
    condition     = can(regex("^[0-9]+$", var.secrets_rotation))
    error_message = "secrets_rotation must be a number."
  }
}

variable "dns" {
  description = "The environment's zone, and names in it that fail over to a second region; null for a zone that somebody else has. See the module route53."
  type = object({
    zone = string
    failover = optional(map(object({
      primary     = string
      secondary   = string
      health_path = optional(string, "/health")
    })), {})
  })
  default = null
}

variable "cdn" {
  description = "CloudFront and its firewall: the names that people use, and the name below the zone at which the cluster's load balancer is (external-dns writes it). Null for none."
  type = object({
    aliases = list(string)
    origin  = optional(string, "origin")
  })
  default = null

  validation {
    condition     = var.cdn == null || var.dns != null
    error_message = "cdn needs dns: its certificate is proven in the zone."
  }
}

variable "registry" {
  description = "Whether this environment owns the registry of images, and which accounts pull from it; null for another's."
  type = object({
    pulling_account_ids = optional(list(string), [])
  })
  default = null
}

variable "opensearch_admin_role_arn" {
  description = "Role that administers an OpenSearch domain; null for no domain."
  type        = string
  default     = null
}

variable "features" {
  description = "What is off unless asked for."
  type = object({
    analytics          = optional(bool, false)
    rds_proxy          = optional(bool, false)
    eks_auto_mode      = optional(bool, false)
    managed_grafana    = optional(bool, false)
    managed_prometheus = optional(bool, false)
    read_replicas      = optional(number, 0)
  })
  default = {}
}

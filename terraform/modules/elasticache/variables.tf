variable "name" {
  description = "Id of the replication group, and before every name."
  type        = string

  validation {
    condition     = length(var.name) <= 40
    error_message = "name must be 40 characters or less."
  }
}

variable "region" {
  description = "Where the data is."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Data subnets, one per zone."
  type        = list(string)
}

variable "client_security_groups" {
  description = "Who may connect: security groups by a name that says whose they are."
  type        = map(string)
}

variable "kms_key_arns" {
  description = "The keys of the cache and of logs."
  type = object({
    cache = string
    logs  = string
  })
}

variable "engine_version" {
  description = "Valkey's version."
  type        = string
  default     = "8.1"

  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+$", var.engine_version))
    error_message = "engine_version must be major and minor, for example 8.1."
  }
}

variable "node_type" {
  description = "Node type."
  type        = string

  validation {
    condition     = startswith(var.node_type, "cache.")
    error_message = "node_type must begin with cache."
  }
}

variable "nodes" {
  description = "One, or three over the zones with automatic failover."
  type        = number
  default     = 3

  validation {
    condition     = contains([1, 3], var.nodes)
    error_message = "nodes must be 1 or 3."
  }
}

variable "auth_rotation" {
  description = "Any text; another one makes a new password. The old one is accepted until the next rotation."
  type        = string
  default     = "1"
}

variable "alarm_topic_arns" {
  description = "SNS topics that alarms go to."
  type        = list(string)
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

variable "name" {
  description = "Name of the domain."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,27}$", var.name))
    error_message = "name must be 3 to 28 of a-z, 0-9 and '-'."
  }
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "partition" {
  description = "Partition of ARNs."
  type        = string
  default     = "aws"
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
  description = "Data subnets, three."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "subnet_ids must be three, one per zone."
  }
}

variable "client_security_groups" {
  description = "Who may connect: security groups by a name that says whose they are."
  type        = map(string)
}

variable "engine_version" {
  description = "OpenSearch's version."
  type        = string
  default     = "OpenSearch_2.19"

  validation {
    condition     = can(regex("^OpenSearch_[0-9]+\\.[0-9]+$", var.engine_version))
    error_message = "engine_version must be OpenSearch_<major>.<minor>."
  }
}

variable "instance_type" {
  description = "Type of the three data nodes."
  type        = string
  default     = "m7g.medium.search"
}

variable "master_type" {
  description = "Type of the three nodes that only keep order."
  type        = string
  default     = "m7g.medium.search"
}

variable "storage_gib" {
  description = "Disk of each data node, in GiB."
  type        = number
  default     = 100
}

variable "admin_role_arn" {
  description = "Role that administers the domain."
  type        = string
}

variable "kms_key_arn" {
  description = "The key of logs."
  type        = string
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

variable "name" {
  description = "Identifier of the instance, and before every name."
  type        = string
}

variable "account_id" {
  description = "The account of the instance."
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

variable "replica_region" {
  description = "Where backups are copied to; null for nowhere."
  type        = string
  default     = null

  validation {
    condition     = var.replica_region != var.region
    error_message = "replica_region must be another region than region."
  }
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
  description = "The keys of the database, of secrets, and of the database in the second region (needed with `replica_region`)."
  type = object({
    database         = string
    secrets          = string
    database_replica = optional(string)
  })

  validation {
    condition     = var.replica_region == null || var.kms_key_arns.database_replica != null
    error_message = "kms_key_arns.database_replica is needed with replica_region."
  }
}

variable "engine_version" {
  description = "PostgreSQL's version, 15 or later; how to raise the major one: docs/runbooks/upgrade-postgresql.md."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{2}(\\.[0-9]+)?$", var.engine_version)) && tonumber(split(".", var.engine_version)[0]) >= 15
    error_message = "engine_version must be 15 or later, for example 17.6."
  }
}

variable "instance_class" {
  description = "Instance class."
  type        = string

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "instance_class must begin with db."
  }
}

variable "multi_az" {
  description = "Whether a standby in another zone takes over by itself."
  type        = bool
}

variable "replicas" {
  description = "How many read replicas."
  type        = number
  default     = 0

  validation {
    condition     = var.replicas >= 0 && var.replicas <= 15
    error_message = "replicas must be 0 to 15."
  }
}

variable "replica_instance_class" {
  description = "Instance class of replicas; null for the source's."
  type        = string
  default     = null
}

variable "storage_gib" {
  description = "Disk, in GiB."
  type        = number

  validation {
    condition     = var.storage_gib >= 20
    error_message = "storage_gib must be 20 or more."
  }
}

variable "storage_max_gib" {
  description = "Up to where the disk grows by itself, in GiB."
  type        = number

  validation {
    condition     = var.storage_max_gib > var.storage_gib
    error_message = "storage_max_gib must be more than storage_gib: a full disk stops the database."
  }
}

variable "backup_days" {
  description = "To how many days back the database can be restored, to the second."
  type        = number
  default     = 30

  validation {
    condition     = var.backup_days >= 7 && var.backup_days <= 35
    error_message = "backup_days must be 7 to 35."
  }
}

variable "deletion_protection" {
  description = "Whether the instance cannot be deleted."
  type        = bool
}

variable "parameters" {
  description = "Further parameters, or other values."
  type        = map(string)
  default     = {}

  validation {
    condition     = lookup(var.parameters, "rds.force_ssl", "1") == "1" && lookup(var.parameters, "log_parameter_max_length", "0") == "0"
    error_message = "parameters must not switch off TLS, nor log statements' values: they are personal data."
  }
}

variable "alarm_topic_arns" {
  description = "SNS topics that alarms go to."
  type        = list(string)
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

variable "name" {
  description = "Name of the cluster, and before every name."
  type        = string
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

  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "subnet_ids must be of three zones: two copies must be left when one is lost."
  }
}

variable "client_security_groups" {
  description = "Who may connect: security groups by a name that says whose they are."
  type        = map(string)
}

variable "kms_key_arns" {
  description = "The keys of events, logs and secrets."
  type = object({
    events  = string
    logs    = string
    secrets = string
  })
}

variable "kafka_version" {
  description = "Kafka's version."
  type        = string
  default     = "3.9.x"

  validation {
    condition     = can(regex("^[34]\\.[0-9]+\\.(x|[0-9]+)(\\.kraft)?$", var.kafka_version))
    error_message = "kafka_version must be a version that MSK offers, for example 3.9.x."
  }
}

variable "instance_type" {
  description = "Broker type."
  type        = string

  validation {
    condition     = startswith(var.instance_type, "kafka.")
    error_message = "instance_type must begin with kafka."
  }
}

variable "brokers" {
  description = "How many brokers, a multiple of three."
  type        = number
  default     = 3

  validation {
    condition     = var.brokers >= 3 && var.brokers % 3 == 0
    error_message = "brokers must be a multiple of three, one or more per zone."
  }
}

variable "storage_gib" {
  description = "Disk of each broker at the beginning, in GiB."
  type        = number

  validation {
    condition     = var.storage_gib >= 1 && var.storage_gib <= 16384
    error_message = "storage_gib must be 1 to 16384."
  }
}

variable "storage_max_gib" {
  description = "Up to where it grows by itself, in GiB."
  type        = number
}

variable "scram" {
  description = "Whether SCRAM-SHA-512 is accepted beside IAM."
  type        = bool
  default     = false
}

variable "scram_users" {
  description = "SCRAM users; each gets a secret."
  type        = list(string)
  default     = []
}

variable "alarm_topic_arns" {
  description = "SNS topics that alarms go to."
  type        = list(string)
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

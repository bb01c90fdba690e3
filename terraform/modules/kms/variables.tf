variable "name" {
  description = "Before every alias."
  type        = string
}

variable "account_id" {
  description = "The account whose IAM grants the use of keys."
  type        = string
}

variable "partition" {
  description = "Partition of ARNs."
  type        = string
  default     = "aws"
}

variable "region" {
  description = "Where keys are."
  type        = string
}

variable "replica_region" {
  description = "Where replicated keys are too; null for nowhere."
  type        = string
  default     = null

  validation {
    condition     = var.replica_region != var.region
    error_message = "replica_region must be another region than region."
  }
}

variable "keys" {
  description = <<-EOT
    A key per class of data: what it is for; whether it has a replica in the second region, without which copies there
    could not be read once this region is lost; which services of AWS use it for themselves (`sns`, `events`); whether
    CloudWatch Logs does; which roles of this account that AWS made do (`aws-service-role/…`).
  EOT
  type = map(object({
    description  = string
    replicated   = optional(bool, false)
    aws_services = optional(list(string), [])
    logs         = optional(bool, false)
    aws_roles    = optional(list(string), [])
  }))

  validation {
    condition     = length(var.keys) > 0 && alltrue([for class in keys(var.keys) : can(regex("^[a-z][a-z-]*$", class))])
    error_message = "keys must have at least one class; a class is of a-z and '-'."
  }
}

variable "rotation_days" {
  description = "After how many days AWS makes new key material; what was encrypted stays readable."
  type        = number
  default     = 365

  validation {
    condition     = var.rotation_days >= 90 && var.rotation_days <= 2560
    error_message = "rotation_days must be 90 to 2560."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

variable "project" {
  description = "Before every repository: `<project>/<name>`."
  type        = string
}

variable "account_id" {
  description = "The account of the registry."
  type        = string
}

variable "partition" {
  description = "Partition of ARNs."
  type        = string
  default     = "aws"
}

variable "region" {
  description = "Where images are."
  type        = string
}

variable "replica_region" {
  description = "Where images are copied to; null for nowhere."
  type        = string
  default     = null

  validation {
    condition     = var.replica_region != var.region
    error_message = "replica_region must be another region than region."
  }
}

variable "repositories" {
  description = "Names, one per image."
  type        = list(string)

  validation {
    condition     = length(var.repositories) > 0 && alltrue([for name in var.repositories : can(regex("^[a-z0-9-]+$", name))])
    error_message = "repositories must be one or more, of a-z, 0-9 and '-'."
  }
}

variable "pulling_account_ids" {
  description = "Accounts of other environments, which pull."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.pulling_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "pulling_account_ids must be 12 digits each."
  }
}

variable "keep_images" {
  description = "How many images of each repository are kept."
  type        = number
  default     = 100

  validation {
    condition     = var.keep_images >= 10
    error_message = "keep_images must be 10 or more: there must be something to go back to."
  }
}

variable "kms_key_arn" {
  description = "The key of the cluster."
  type        = string
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

variable "project" {
  description = "First part of every name."
  type        = string
  default     = "guildhall"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.project))
    error_message = "project must be 3 to 16 of a-z, 0-9 and '-', beginning with a letter: bucket names have to fit 63 characters."
  }
}

variable "environment" {
  description = "Second part of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "environment must be 2 to 10 of a-z and 0-9, beginning with a letter."
  }
}

variable "account_id" {
  description = "The account, 12 digits. Part of bucket names, which are one namespace for everybody."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits."
  }
}

variable "region" {
  description = "Region, for example `eu-central-1`; it tells the partition."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region's name, for example eu-central-1."
  }
}

variable "owner" {
  description = "Who answers for it, as a tag."
  type        = string
}

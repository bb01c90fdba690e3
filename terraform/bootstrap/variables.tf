variable "project" {
  description = "First part of every name."
  type        = string
  default     = "guildhall"
}

variable "environment" {
  description = "The environment that this account is for; also the environment in GitHub whose reviewers let an apply through."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "environment must be 2 to 10 of a-z and 0-9, beginning with a letter."
  }
}

variable "owner" {
  description = "Who answers for it, as a tag."
  type        = string
}

variable "account_id" {
  description = "The account, 12 digits."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits."
  }
}

variable "region" {
  description = "Where the state is."
  type        = string
}

variable "github" {
  description = "The repository: `owner/name`, and its id (`gh api repos/<owner>/<name> --jq .id`), which no other ever gets."
  type = object({
    repository    = string
    repository_id = string
  })

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github.repository)) && can(regex("^[0-9]+$", var.github.repository_id))
    error_message = "github must be a repository as owner/name and its id as a number: no patterns."
  }
}

variable "dynamodb_lock" {
  description = "Whether there is a table for locks too, for Terraform before 1.10."
  type        = bool
  default     = false
}

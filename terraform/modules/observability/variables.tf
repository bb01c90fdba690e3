variable "name" {
  description = "Before every name."
  type        = string
}

variable "account_id" {
  description = "The account that is watched."
  type        = string
}

variable "partition" {
  description = "Partition of ARNs."
  type        = string
  default     = "aws"
}

variable "region" {
  description = "Where alarms and logs are."
  type        = string
}

variable "kms_key_arns" {
  description = "The keys of messages (alarms) and logs."
  type = object({
    messages = string
    logs     = string
  })
}

variable "subscribers" {
  description = "Who is told of `critical` and `warning`: addresses, or https URLs (PagerDuty, Slack by its integration)."
  type        = map(list(string))
  default     = {}

  validation {
    condition     = alltrue([for severity in keys(var.subscribers) : contains(["critical", "warning"], severity)])
    error_message = "subscribers must be of critical or warning."
  }
  validation {
    condition     = alltrue([for target in flatten(values(var.subscribers)) : can(regex("^https://|^[^@ ]+@[^@ ]+$", target))])
    error_message = "subscribers must be addresses or https URLs."
  }
}

variable "trail_bucket" {
  description = "Bucket that CloudTrail delivers to; its policy permits it."
  type        = string
}

variable "watched_bucket_arns" {
  description = "Buckets of which every access to an object is recorded."
  type        = list(string)

  validation {
    condition     = length(var.watched_bucket_arns) > 0
    error_message = "watched_bucket_arns must have at least one."
  }
}

variable "managed_prometheus" {
  description = "Whether there is an Amazon Managed Prometheus workspace."
  type        = bool
  default     = false
}

variable "managed_grafana" {
  description = "Whether there is an Amazon Managed Grafana workspace; people sign in by IAM Identity Center."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

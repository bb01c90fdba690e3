variable "prefix" {
  description = "Before every queue's name; the services' `SQS__QUEUE_PREFIX`."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]{1,15})?$", var.prefix))
    error_message = "prefix must be at most 15 of a-z, 0-9 and '-': SQS allows 80 characters in all."
  }
}

variable "region" {
  description = "Where messages are."
  type        = string
}

variable "queues" {
  description = "Queues by name without prefix, as in proto/topology.toml."
  type = map(object({
    visibility_seconds = number
    max_receive_count  = number
    retention_days     = number
  }))

  validation {
    condition     = length(var.queues) > 0 && alltrue([for name in keys(var.queues) : can(regex("^[a-z0-9_-]{3,60}$", name))])
    error_message = "queues must have at least one; names are 3 to 60 of a-z, 0-9, '-' and '_'."
  }
  validation {
    condition     = alltrue([for q in values(var.queues) : q.visibility_seconds >= 1 && q.visibility_seconds <= 43200])
    error_message = "visibility_seconds must be 1 to 43200."
  }
  validation {
    condition     = alltrue([for q in values(var.queues) : q.max_receive_count >= 1 && q.max_receive_count <= 1000])
    error_message = "max_receive_count must be 1 to 1000."
  }
  validation {
    condition     = alltrue([for q in values(var.queues) : q.retention_days >= 1 && q.retention_days <= 14])
    error_message = "retention_days must be 1 to 14."
  }
}

variable "kms_key_arn" {
  description = "The key of messages."
  type        = string
}

variable "alarm_topic_arns" {
  description = "SNS topics that alarms go to."
  type        = list(string)
}

variable "alarm_age_seconds" {
  description = "How long a job may wait before it is an alarm."
  type        = number
  default     = 900

  validation {
    condition     = var.alarm_age_seconds >= 60
    error_message = "alarm_age_seconds must be 60 or more: SQS measures once a minute."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

variable "name" {
  description = "Before every secret's name."
  type        = string
}

variable "account_id" {
  description = "The only account that may read them."
  type        = string
}

variable "region" {
  description = "Where they are."
  type        = string
}

variable "replica" {
  description = "A second region that has copies, and its key; null for none."
  type = object({
    region      = string
    kms_key_arn = string
  })
  default = null

  validation {
    condition     = try(var.replica.region, null) != var.region
    error_message = "replica must be in another region."
  }
}

variable "kms_key_arn" {
  description = "The key of secrets."
  type        = string
}

variable "secrets" {
  description = "By name: what it is. A name is `<service>/<variable in lower case>`."
  type        = map(string)

  validation {
    condition     = alltrue([for name in keys(var.secrets) : can(regex("^[a-z0-9-]+/[a-z0-9-]+$", name))])
    error_message = "secrets must be named <service>/<what>, of a-z, 0-9 and '-'."
  }
}

variable "known" {
  description = "Names of those whose values are in `values`; apart because names may be shown and values may not."
  type        = set(string)
  default     = []
}

variable "values" {
  description = "Values of the known ones."
  type        = map(string)
  default     = {}
  sensitive   = true

  validation {
    condition     = alltrue([for name in var.known : can(var.values[name])])
    error_message = "values must have every known one."
  }
}

variable "generation" {
  description = "A higher number writes the values anew; one that was changed by hand is otherwise left alone."
  type        = number
  default     = 1
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

variable "users" {
  description = "How many people are registered."
  type        = number

  validation {
    condition     = var.users >= 1 && var.users <= 10000000
    error_message = "users must be 1 to 10000000."
  }
}

variable "high_availability" {
  description = "Whether the loss of a zone must not be noticed."
  type        = bool
}

variable "overrides" {
  description = "Sizes that differ from the table's."
  type = object({
    nodes    = optional(object({ instance_types = optional(list(string)), min = optional(number), max = optional(number) }), {})
    database = optional(object({ instance_class = optional(string), storage_gib = optional(number), storage_max_gib = optional(number) }), {})
    cache    = optional(object({ node_type = optional(string), nodes = optional(number) }), {})
    kafka    = optional(object({ instance_type = optional(string), brokers = optional(number), storage_gib = optional(number), storage_max_gib = optional(number) }), {})
  })
  default = {}
}

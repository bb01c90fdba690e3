variable "name" {
  description = "The environment, in comments and names of checks."
  type        = string
}

variable "zone" {
  description = "Domain of the zone."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.zone))
    error_message = "zone must be a domain."
  }
}

variable "certificate_authorities" {
  description = "Who may issue certificates for it (CAA)."
  type        = list(string)
  default     = ["amazon.com", "letsencrypt.org"]
}

variable "failover" {
  description = "Names below the zone that fail over: host of the load balancer here, of the one in the second region, and the path that says whether the one here lives."
  type = map(object({
    primary     = string
    secondary   = string
    health_path = optional(string, "/health")
  }))
  default = {}

  validation {
    condition     = alltrue([for target in values(var.failover) : target.primary != target.secondary])
    error_message = "failover must lead elsewhere: primary and secondary are the same."
  }
  validation {
    condition     = alltrue([for target in values(var.failover) : startswith(target.health_path, "/")])
    error_message = "health_path must begin with a slash."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

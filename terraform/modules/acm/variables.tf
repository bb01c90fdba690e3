variable "region" {
  description = "Where the certificate is: the load balancer's region, or `us-east-1` for CloudFront."
  type        = string
}

variable "domain" {
  description = "The name it is for."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain must be a domain without a wildcard."
  }
}

variable "alternative_names" {
  description = "Further names; `*.<domain>` for all below it."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.alternative_names : name == "*.${var.domain}" || can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", name))])
    error_message = "alternative_names must be domains, or the wildcard below domain."
  }
}

variable "zone_id" {
  description = "The zone that proves it."
  type        = string
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

variable "name" {
  description = "Name, in comments."
  type        = string
}

variable "aliases" {
  description = "Names that people use."
  type        = list(string)

  validation {
    condition     = length(var.aliases) > 0
    error_message = "aliases must have at least one."
  }
}

variable "origin" {
  description = "Name of the load balancer of the cluster, which external-dns writes."
  type        = string

  validation {
    condition     = !contains(var.aliases, var.origin)
    error_message = "origin must not be one of aliases: it would call itself."
  }
}

variable "zone_id" {
  description = "Zone of the aliases."
  type        = string
}

variable "certificate_arn" {
  description = "Certificate of the aliases, in us-east-1."
  type        = string
}

variable "web_acl_arn" {
  description = "The firewall."
  type        = string
}

variable "cached_paths" {
  description = "Paths whose answers say by `cache-control` how long they may be kept; nothing else is."
  type        = list(string)
  default     = ["/docs*", "/openapi.json", "/assets/*"]
}

variable "price_class" {
  description = "`PriceClass_100` (Europe, North America), `PriceClass_200` or `PriceClass_All`."
  type        = string
  default     = "PriceClass_100"

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class must be PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}

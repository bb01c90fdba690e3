variable "users" {
  description = "How many people are registered."
  type        = number
}

variable "sizes" {
  description = "What the module sizing gives."
  type = object({
    nodes    = object({ instance_types = list(string), min = number })
    database = object({ instance_class = string, storage_gib = number })
    cache    = object({ node_type = string, nodes = number })
    kafka    = object({ instance_type = string, brokers = number, storage_gib = number })
  })

  validation {
    condition = alltrue([for type in concat(var.sizes.nodes.instance_types, [var.sizes.database.instance_class, var.sizes.cache.node_type, var.sizes.kafka.instance_type]) :
      contains(keys(jsondecode(file("${path.module}/prices.json")).hourly), type)
    ])
    error_message = "sizes must have a price in prices.json."
  }
}

variable "high_availability" {
  description = "Whether the database has a standby."
  type        = bool
}

variable "two_regions" {
  description = "Whether there are copies in a second region."
  type        = bool
}

variable "endpoints" {
  description = "Whether there are endpoints of AWS's services."
  type        = bool
}

variable "nat_gateways" {
  description = "How many NAT gateways."
  type        = number
}

variable "read_replicas" {
  description = "How many read replicas of the database."
  type        = number
}

variable "edge" {
  description = "Whether there are CDN, firewall and zone."
  type        = bool
}

variable "use" {
  description = "What people do in a month, each of it an assumption: documents handed in, their size, how often one is downloaded, how long they are kept, requests and bytes of pages, bytes of log per request."
  type = object({
    documents_per_user     = optional(number, 0.5)
    document_mib           = optional(number, 2)
    downloads_per_document = optional(number, 1)
    months_kept            = optional(number, 24)
    requests_per_user      = optional(number, 60)
    page_mib_per_user      = optional(number, 5)
    log_kib_per_request    = optional(number, 2)
  })
  default = {}
}

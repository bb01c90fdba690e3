# What an environment costs a month, from its own sizes and prices.json. An estimate to compare choices by, not a bill: every price
# is marked with where it is from, and use follows from assumptions that are inputs.

locals {
  prices = jsondecode(file("${path.module}/prices.json"))
  hour   = { for what, price in local.prices.hourly : what => price * local.prices.hours }

  ha      = var.high_availability ? 2 : 1
  copied  = var.two_regions ? 2 : 1
  million = var.users / 1000000

  # What people do in a month.
  stored_gib  = var.users * var.use.documents_per_user * var.use.document_mib / 1024 * var.use.months_kept
  new_gib     = var.users * var.use.documents_per_user * var.use.document_mib / 1024
  out_gib     = local.new_gib * var.use.downloads_per_document + var.users * var.use.page_mib_per_user / 1024
  documents_m = local.million * var.use.documents_per_user
  requests_m  = local.million * var.use.requests_per_user
  logs_gib    = local.requests_m * 1000000 * var.use.log_kib_per_request / 1048576 + 5

  lines = {
    "Kubernetes: control plane"            = local.hour["eks cluster"]
    "Kubernetes: nodes"                    = var.sizes.nodes.min * (local.hour[var.sizes.nodes.instance_types[0]] + 50 * local.prices.per_gib_month["node disk"])
    "Network: NAT gateways and traffic"    = var.nat_gateways * local.hour["nat gateway"] + (local.logs_gib + 20) * local.prices.per_gib["through nat"]
    "Network: endpoints of AWS's services" = var.endpoints ? 6 * 3 * local.hour["interface endpoint per zone"] : 0
    "Network: load balancer"               = local.hour["network load balancer"]
    "Network: out to the internet"         = local.out_gib * local.prices.per_gib["out to the internet"]
    "PostgreSQL: instances" = (
      local.ha * local.hour[var.sizes.database.instance_class] + var.read_replicas * local.hour[var.sizes.database.instance_class]
    )
    "PostgreSQL: disk and backups" = (
      (local.ha + var.read_replicas) * var.sizes.database.storage_gib * local.prices.per_gib_month["database disk"] +
      local.copied * var.sizes.database.storage_gib * local.prices.per_gib_month["database backup"]
    )
    "Kafka: brokers"      = var.sizes.kafka.brokers * local.hour[var.sizes.kafka.instance_type]
    "Kafka: disk"         = var.sizes.kafka.brokers * var.sizes.kafka.storage_gib * local.prices.per_gib_month["broker disk"]
    "Valkey"              = var.sizes.cache.nodes * local.hour[var.sizes.cache.node_type]
    "Documents: stored"   = local.copied * local.stored_gib * local.prices.per_gib_month["objects"]
    "Documents: requests" = local.documents_m * (4 * local.prices.per_million["object writes"] + 6 * local.prices.per_million["object reads"] + 6 * local.prices.per_million["key requests"])
    "Documents: to the second region" = var.two_regions ? (
      local.new_gib * (local.prices.per_gib["to the second region"] + local.prices.per_gib["replicated in time"])
    ) : 0
    "Queues"                   = (local.documents_m * 20 + 2 * 2592000 / 20 / 1000000 * 4) * local.prices.per_million["queue requests"]
    "Logs and traces"          = local.logs_gib * local.prices.per_gib["logs taken in"] + local.logs_gib * 12 * local.prices.per_gib_month["logs kept"]
    "Keys, secrets, alarms"    = 10 * local.copied * local.prices.monthly["key"] + 13 * local.copied * local.prices.monthly["secret"] + 40 * local.prices.monthly["alarm"]
    "Edge: CDN, firewall, DNS" = var.edge ? local.prices.monthly["firewall list and rules"] + local.prices.monthly["hosted zone"] + local.requests_m * local.prices.per_million["edge requests"] + var.users * var.use.page_mib_per_user / 1024 * local.prices.per_gib["through the edge"] : 0
  }

  rounded = { for what, usd in local.lines : what => floor(usd + 0.5) }
}

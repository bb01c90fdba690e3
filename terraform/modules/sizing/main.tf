# How large things are for how many people. Estimates of ours, to be replaced by what load tests show; an environment can
# set each size itself.

locals {
  # Upper bounds of registered people.
  tier = var.users <= 10000 ? "small" : var.users <= 100000 ? "medium" : "large"

  tiers = {
    small = {
      nodes    = { instance_types = ["m7g.large"], min = var.high_availability ? 3 : 2, max = 6 }
      database = { instance_class = "db.t4g.medium", storage_gib = 50, storage_max_gib = 500 }
      cache    = { node_type = "cache.t4g.micro", nodes = var.high_availability ? 3 : 1 }
      kafka    = { instance_type = "kafka.t3.small", brokers = 3, storage_gib = 50, storage_max_gib = 500 }
    }
    medium = {
      nodes    = { instance_types = ["m7g.xlarge"], min = 3, max = 9 }
      database = { instance_class = "db.m7g.large", storage_gib = 200, storage_max_gib = 2000 }
      cache    = { node_type = "cache.t4g.small", nodes = var.high_availability ? 3 : 1 }
      kafka    = { instance_type = "kafka.m7g.large", brokers = 3, storage_gib = 200, storage_max_gib = 2000 }
    }
    large = {
      nodes    = { instance_types = ["m7g.2xlarge"], min = 6, max = 24 }
      database = { instance_class = "db.r7g.2xlarge", storage_gib = 1000, storage_max_gib = 10000 }
      cache    = { node_type = "cache.m7g.large", nodes = var.high_availability ? 3 : 1 }
      kafka    = { instance_type = "kafka.m7g.xlarge", brokers = 6, storage_gib = 1000, storage_max_gib = 10000 }
    }
  }

  sizes = {
    nodes    = merge(local.tiers[local.tier].nodes, { for key, value in var.overrides.nodes : key => value if value != null })
    database = merge(local.tiers[local.tier].database, { for key, value in var.overrides.database : key => value if value != null })
    cache    = merge(local.tiers[local.tier].cache, { for key, value in var.overrides.cache : key => value if value != null })
    kafka    = merge(local.tiers[local.tier].kafka, { for key, value in var.overrides.kafka : key => value if value != null })
  }
}

variables {
  users = 10000
  sizes = {
    nodes    = { instance_types = ["m7g.large"], min = 3 }
    database = { instance_class = "db.t4g.medium", storage_gib = 50 }
    cache    = { node_type = "cache.t4g.micro", nodes = 3 }
    kafka    = { instance_type = "kafka.t3.small", brokers = 3, storage_gib = 50 }
  }
  high_availability = true
  two_regions       = false
  endpoints         = true
  nat_gateways      = 1
  read_replicas     = 0
  edge              = false
}

run "lines_follow_from_sizes_and_prices" {
  assert {
    condition     = output.lines["Kubernetes: control plane"] == 73 && output.lines["PostgreSQL: instances"] == 111
    error_message = "730 hours of the price, twice where there is a standby"
  }
  assert {
    condition     = output.total == sum(values(output.lines)) && output.lines["Edge: CDN, firewall, DNS"] == 0
    error_message = "the total is the sum, and what is off costs nothing"
  }
  assert {
    condition     = startswith(output.prices.source, "estimate") && output.prices.reference["10000"] == 275
    error_message = "every price says where it is from"
  }
}

run "more_people_and_a_second_region_cost_more" {
  variables {
    users       = 100000
    two_regions = true
  }
  assert {
    condition     = output.lines["Documents: stored"] > 10 * run.lines_follow_from_sizes_and_prices.lines["Documents: stored"] && output.lines["Documents: to the second region"] > 0
    error_message = "stored twice, ten times as many"
  }
}

run "what_has_no_price_is_refused" {
  command = plan
  variables {
    sizes = {
      nodes    = { instance_types = ["m9g.metal"], min = 3 }
      database = { instance_class = "db.t4g.medium", storage_gib = 50 }
      cache    = { node_type = "cache.t4g.micro", nodes = 3 }
      kafka    = { instance_type = "kafka.t3.small", brokers = 3, storage_gib = 50 }
    }
  }
  expect_failures = [var.sizes]
}

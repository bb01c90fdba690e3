variables {
  users             = 10000
  high_availability = true
}

run "ten_thousand_people_are_small" {
  assert {
    condition     = output.tier == "small" && output.cache.nodes == 3 && output.nodes.min == 3
    error_message = "small, over three zones"
  }
}

run "one_more_is_medium" {
  variables {
    users = 10001
  }
  assert {
    condition     = output.tier == "medium" && output.database.instance_class == "db.m7g.large"
    error_message = "medium"
  }
}

run "an_environment_may_say_otherwise" {
  variables {
    users             = 1000000
    high_availability = false
    overrides         = { database = { instance_class = "db.t4g.large" }, nodes = { min = 1 } }
  }
  assert {
    condition     = output.database == { instance_class = "db.t4g.large", storage_gib = 1000, storage_max_gib = 10000 }
    error_message = "only what was said"
  }
  assert {
    condition     = output.nodes.min == 1 && output.nodes.max == 24 && output.cache.nodes == 1
    error_message = "the rest is the tier's"
  }
}

run "bad_input_is_refused" {
  command = plan
  variables {
    users = 0
  }
  expect_failures = [var.users]
}

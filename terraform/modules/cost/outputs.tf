output "lines" {
  description = "USD a month by what it is for, rounded."
  value       = local.rounded
}

output "total" {
  description = "USD a month."
  value       = sum(values(local.rounded))
}

output "prices" {
  description = "Where prices are from: `as_of`, `region`, `source`, and the users' own estimate as `reference`."
  value       = { for key in ["as_of", "region", "source", "reference"] : key => local.prices[key] }
}

output "state_bucket" {
  description = "For every environment's backend.hcl."
  value       = module.state.bucket
}

output "github_role_arns" {
  description = "For the workflows' `role-to-assume`: `plan` and `apply`."
  value       = { for role, resource in aws_iam_role.github : role => resource.arn }
}

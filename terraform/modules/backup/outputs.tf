output "vault_arns" {
  description = "ARN of the vault `here` and, where there is one, `there`."
  value       = { for where, vault in aws_backup_vault.this : where => vault.arn }
}

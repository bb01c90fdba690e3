output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "Its address block."
  value       = aws_vpc.this.cidr_block
}

output "subnet_ids" {
  description = "Ids of the subnets by kind (`public`, `private`, `data`), in the order of the zones."
  value       = { for kind in ["public", "private", "data"] : kind => [for zone in var.zones : aws_subnet.this["${kind}-${zone}"].id] }
}

output "nat_ips" {
  description = "Addresses that the cluster calls others from, for their allow-lists."
  value       = [for zone, address in aws_eip.nat : address.public_ip]
}

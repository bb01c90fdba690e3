# The registry: a repository per image, whose tags cannot be moved. One environment owns it and the others' accounts pull
# from it, so that a promotion moves a digest and never an image.

resource "aws_ecr_repository" "this" {
  for_each = toset(var.repositories)

  region               = var.region
  name                 = "${var.project}/${each.key}"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = false
  tags                 = merge(var.tags, { Name = "${var.project}/${each.key}" })

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  region     = var.region
  repository = each.value.name
  policy = jsonencode({ rules = [
    {
      rulePriority = 1
      description  = "What has no tag was replaced"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    },
    {
      rulePriority = 2
      description  = "Releases to go back to"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.keep_images }
      action       = { type = "expire" }
    },
  ] })
}

resource "aws_ecr_repository_policy" "this" {
  for_each = length(var.pulling_account_ids) > 0 ? aws_ecr_repository.this : {}

  region     = var.region
  repository = each.value.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OtherEnvironmentsPull"
      Effect    = "Allow"
      Principal = { AWS = [for id in var.pulling_account_ids : "arn:${var.partition}:iam::${id}:root"] }
      Action    = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
  })
}

# The loss of the region must not take the images with it.
resource "aws_ecr_replication_configuration" "this" {
  count = var.replica_region == null ? 0 : 1

  region = var.region

  replication_configuration {
    rule {
      destination {
        region      = var.replica_region
        registry_id = var.account_id
      }

      repository_filter {
        filter      = "${var.project}/"
        filter_type = "PREFIX_MATCH"
      }
    }
  }
}

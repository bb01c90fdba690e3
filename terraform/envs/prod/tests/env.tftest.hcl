# One run: everything is made, of mocks. `cargo xtask terraform` holds what was made against its policies and contract.

mock_provider "aws" {
  source = "../../mocks"
}

mock_provider "random" {}

run "everything_is_made" {
  assert {
    condition     = output.contract.region == local.region && output.contract.account_id == local.account_id
    error_message = "in the region and account that this environment says"
  }
}

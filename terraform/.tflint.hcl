# tflint's rules for the language; what is about AWS is checkov's and xtask's.
config {
  call_module_type = "local"
}

plugin "terraform" {
  enabled = true
  preset  = "all"
}

# The roots' main.tf holds data, so that they differ in one file; a module's further files are named after what is in them.
rule "terraform_standard_module_structure" {
  enabled = false
}

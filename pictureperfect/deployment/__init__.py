"""`deploy`, `diff`, `smoke` and `destroy`: a CloudFormation stack in an AWS account."""

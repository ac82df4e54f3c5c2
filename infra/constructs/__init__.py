"""The CDK constructs that `infra.stack` puts together, one AWS service a module."""

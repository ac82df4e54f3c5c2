"""Commands over a deployment on AWS."""

"""The code that the Lambda functions, the Batch container and the command line share; it imports none of them."""

__version__ = "0.1.0"

"""The only files that import boto3 or psycopg: each turns one service into a port."""

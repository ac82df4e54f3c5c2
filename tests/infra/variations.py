"""Settings of every kind of deployment."""

_ACCOUNT = "123456789012"
_CLUSTER = f"arn:aws:kafka:eu-west-1:{_ACCOUNT}:cluster/pictures/0a1b2c3d-0000-0000-0000-000000000000-1"
_SECRET = f"arn:aws:secretsmanager:eu-west-1:{_ACCOUNT}:secret"
_INSIDE = """
vpc_id = "vpc-0123456789abcdef0"
subnet_ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
"""

IMAGE_URI = f"""
[image]
uri = "{_ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/company/pictures:1.4"
"""
ARM = """
[image]
architecture = "arm64"
"""
CLOUDFRONT = """
[storage]
cloudfront = true
"""
ISSUER = """
[web]
login = "issuer"
issuer = "https://login.example.com/"
audience = ["pictures"]
client_id = "page"
authorize_url = "https://login.example.com/authorize"
token_url = "https://login.example.com/token"
logout_url = "https://login.example.com/logout"
customer_claim = "tenant"
"""
NO_PAGE = """
[web]
login = "none"
"""
EXISTING_BY_IAM = f"""
[database]
kind = "existing"
url = "postgresql://pictures@db.example.com:6432/pictures"
port = 6432
authentication = "iam"
user_arn = "arn:aws:rds-db:eu-west-1:{_ACCOUNT}:dbuser:db-ABCDEFGHIJKL/pictures"
route_table_ids = ["rtb-0123456789abcdef0"]
security_group_id = "sg-0123456789abcdef0"
{_INSIDE}
"""
EXISTING_BY_SECRET = f"""
[database]
kind = "existing"
url_secret_arn = "{_SECRET}:pictures/database-AbCdEf"
security_group_id = "sg-0123456789abcdef0"
{_INSIDE}
"""
MSK = f"""
[kafka]
kind = "msk"
topics = ["images", "scans.acme"]
cluster_arn = "{_CLUSTER}"
customers = "topic:scans.{{customer}} key"
pipeline = "web"
"""
MSK_BY_SECRET = f"""
[kafka]
kind = "msk"
mode = "provisioned"
topics = ["images"]
cluster_arn = "{_CLUSTER}"
secret_arn = "{_SECRET}:AmazonMSK_pictures-AbCdEf"
secret_key_arn = "arn:aws:kms:eu-west-1:{_ACCOUNT}:key/0a1b2c3d-0000-0000-0000-000000000000"
"""
MSK_SERVERLESS = f"""
[kafka]
kind = "msk-serverless"
topics = ["images"]
cluster_arn = "{_CLUSTER}"
endpoints = true
security_group_ids = ["sg-0123456789abcdef1"]
{_INSIDE}
"""
SELF_MANAGED = f"""
[kafka]
kind = "self-managed"
mode = "provisioned"
topics = ["images"]
bootstrap_servers = ["broker-1.example.com:9092", "broker-2.example.com:9092"]
secret_arn = "{_SECRET}:kafka-AbCdEf"
authentication = "SASL_SCRAM_256_AUTH"
root_ca_secret_arn = "{_SECRET}:kafka-ca-AbCdEf"
security_group_ids = ["sg-0123456789abcdef1"]
{_INSIDE}
"""
SELF_MANAGED_PLAIN = f"""
[kafka]
kind = "self-managed"
topics = ["images"]
bootstrap_servers = ["10.0.0.7:9092"]
security_group_ids = ["sg-0123456789abcdef1"]
{_INSIDE}
"""
COMPANY = """
[processing]
reserved_concurrency = 50

[processing.environment]
REFERENCES = "s3://company-library/{customer}/ s3://company-scans/in/{customer}/"
METRICS_NAMESPACE = "Company/Pictures"
POLICY = "cost"
PIPELINES = "/company/pipelines"
OPERATIONS = "company.marks:watermark"
"""

SHIPPED = ""
#: Everything that the shipped settings leave out, as far as it can be combined.
OTHER = (
    'name = "company-images"\n'
    + IMAGE_URI
    + 'architecture = "arm64"\n'
    + CLOUDFRONT
    + 'upload_origins = ["https://app.example.com"]\n'
    + COMPANY
    + SELF_MANAGED
    + EXISTING_BY_IAM
    + ISSUER
    + '[batch]\nspot = false\n[alarms]\nemail = "ops@example.com"\nmonthly_budget_usd = 0\n'
)

VARIATIONS = {
    "shipped": SHIPPED,
    "all that is not shipped": OTHER,
    "image by URI": IMAGE_URI,
    "arm64": ARM,
    "CloudFront": CLOUDFRONT,
    "issuer": ISSUER,
    "no page": NO_PAGE,
    "existing database by IAM": EXISTING_BY_IAM,
    "existing database by secret, no page": EXISTING_BY_SECRET + NO_PAGE,
    "MSK": MSK,
    "MSK by secret": MSK_BY_SECRET,
    "MSK Serverless": MSK_SERVERLESS,
    "self-managed Kafka": SELF_MANAGED,
    "self-managed Kafka without a login": SELF_MANAGED_PLAIN,
    "a company's own settings": COMPANY,
}

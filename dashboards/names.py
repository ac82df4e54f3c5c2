"""Uids of the dashboards and the folder, and the data sources that panels refer to."""

from grafana_foundation_sdk.models.dashboard import DataSourceRef

FOLDER, FOLDER_UID = "Picture Perfect", "picture-perfect"
OPERATIONS, BUSINESS = "picture-perfect-operations", "picture-perfect-business"
CUSTOMER, IMAGE = "picture-perfect-customer", "picture-perfect-image"
TAG = "picture-perfect"

CLOUDWATCH_TYPE, POSTGRES_TYPE = "cloudwatch", "grafana-postgresql-datasource"
#: The uids of provisioning/datasources, for alert rules. Dashboards refer to data sources by variables.
CLOUDWATCH_UID, POSTGRES_UID = "picture-perfect-cloudwatch", "picture-perfect-postgres"
CLOUDWATCH = DataSourceRef(type_val=CLOUDWATCH_TYPE, uid="${cloudwatch}")
POSTGRES = DataSourceRef(type_val=POSTGRES_TYPE, uid="${postgres}")

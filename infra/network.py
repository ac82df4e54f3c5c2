"""Where Batch's tasks and the database's functions are. No NAT gateway: nothing here costs while it is idle."""

from aws_cdk import Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.settings import Database

POSTGRES = 5432
_ANYWHERE = "0.0.0.0/0"


class Network(Construct):
    """`vpc` has public subnets for Batch's tasks; `inside` are the subnets of whatever speaks with the database.

    Where the database is made here, both are one VPC; an existing database's is its own.
    """

    def __init__(self, scope: Construct, bucket_arn: str, database: Database) -> None:
        super().__init__(scope, "Network")
        own = database.kind == "aurora"
        subnets = [ec2.SubnetConfiguration(name="tasks", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=20)]
        if own:
            isolated = ec2.SubnetType.PRIVATE_ISOLATED
            subnets.append(ec2.SubnetConfiguration(name="database", subnet_type=isolated, cidr_mask=22))
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=subnets,
            # Its rules would be emptied by a function of CDK's own, with a role of its own. Nobody is in that group.
            restrict_default_security_group=False,
        )
        self.tasks = ec2.SecurityGroup(
            self, "Tasks", vpc=self.vpc, allow_all_outbound=True, description="Batch tasks: out to AWS, nothing in"
        )
        self.database_vpc: ec2.IVpc = self.vpc
        if own:
            self.inside = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
            routes = [subnet.route_table.route_table_id for subnet in self.vpc.isolated_subnets]
        else:
            self.database_vpc = ec2.Vpc.from_vpc_attributes(
                self,
                "DatabaseVpc",
                vpc_id=database.vpc_id,
                availability_zones=[Fn.select(i, Fn.get_azs()) for i in range(len(database.subnet_ids))],
                private_subnet_ids=list(database.subnet_ids),
            )
            self.inside = ec2.SubnetSelection(subnets=self.database_vpc.private_subnets)
            routes = list(database.route_table_ids)
        self.functions = ec2.SecurityGroup(
            self,
            "Functions",
            vpc=self.database_vpc,
            allow_all_outbound=True,
            description="record, admin and web: to the database and to S3, nothing in",
        )
        if routes:
            self._way_to_s3(bucket_arn, routes)

    def _way_to_s3(self, bucket_arn: str, routes: list[str]) -> None:
        """The free endpoint, to the one bucket: what runs inside can carry nothing to another."""
        policy = iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(
                    principals=[iam.AnyPrincipal()], actions=["s3:*"], resources=[bucket_arn, f"{bucket_arn}/*"]
                )
            ]
        )
        ec2.CfnVPCEndpoint(
            self,
            "S3",
            vpc_id=self.database_vpc.vpc_id,
            service_name=Fn.sub("com.amazonaws.${AWS::Region}.s3"),
            vpc_endpoint_type="Gateway",
            route_table_ids=routes,
            policy_document=policy,
        )

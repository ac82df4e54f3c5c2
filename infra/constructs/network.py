"""The VPC of the Batch tasks, the database and its functions. It has no NAT gateway: idle, it costs nothing."""

from aws_cdk import Annotations, Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.settings.schema import Database

_HTTPS = 443


class Network(Construct):
    """`vpc` has public subnets for the Batch tasks. `database_subnets` in `database_vpc` are for the functions.

    With Aurora both VPCs are one; an existing database has its own.
    """

    def __init__(self, scope: Construct, bucket_arn: str, database: Database) -> None:
        super().__init__(scope, "Network")
        aurora = database.kind == "aurora"
        subnets = [ec2.SubnetConfiguration(name="tasks", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=20)]
        if aurora:
            isolated = ec2.SubnetType.PRIVATE_ISOLATED
            subnets.append(ec2.SubnetConfiguration(name="database", subnet_type=isolated, cidr_mask=22))
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=subnets,
            # CDK would add a function and a role to empty the default group, which nothing uses
            restrict_default_security_group=False,
        )
        self.tasks = self._security_group("Tasks", self.vpc, "Batch tasks: out to AWS by HTTPS, nothing in", [_HTTPS])
        self.database_vpc: ec2.IVpc = self.vpc
        if aurora:
            self.database_subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
            routes = [subnet.route_table.route_table_id for subnet in self.vpc.isolated_subnets]
        else:
            self.database_vpc = ec2.Vpc.from_vpc_attributes(
                self,
                "DatabaseVpc",
                vpc_id=database.vpc_id,
                availability_zones=[Fn.select(i, Fn.get_azs()) for i in range(len(database.subnet_ids))],
                private_subnet_ids=list(database.subnet_ids),
            )
            Annotations.of(self).acknowledge_warning(
                "@aws-cdk/aws-ec2:noSubnetRouteTableId", "The endpoint names the route tables itself."
            )
            self.database_subnets = ec2.SubnetSelection(subnets=self.database_vpc.private_subnets)
            routes = list(database.route_table_ids)
        description = "record, admin and web: to the database and to S3, nothing in"
        self.functions = self._security_group("Functions", self.database_vpc, description, [_HTTPS, database.port])
        if routes:
            self._add_s3_endpoint(bucket_arn, routes)

    def _security_group(self, name: str, vpc: ec2.IVpc, description: str, ports: list[int]) -> ec2.SecurityGroup:
        """No inbound traffic; outbound to these TCP ports."""
        group = ec2.SecurityGroup(self, name, vpc=vpc, allow_all_outbound=False, description=description)
        for port in ports:
            group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(port), f"out to port {port}")
        return group

    def _add_s3_endpoint(self, bucket_arn: str, routes: list[str]) -> None:
        """The free gateway endpoint. Its policy allows one bucket, so the functions can reach no other."""
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

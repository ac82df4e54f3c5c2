"""Where Batch's tasks and the database's functions are. No NAT gateway: nothing here costs while it is idle."""

from aws_cdk import Annotations, Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.settings import Database

_HTTPS = 443


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
        self.tasks = self._group("Tasks", self.vpc, "Batch tasks: out to AWS by HTTPS, nothing in", [_HTTPS])
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
            Annotations.of(self).acknowledge_warning(
                "@aws-cdk/aws-ec2:noSubnetRouteTableId", "The endpoint names the route tables itself."
            )
            self.inside = ec2.SubnetSelection(subnets=self.database_vpc.private_subnets)
            routes = list(database.route_table_ids)
        said = "record, admin and web: to the database and to S3, nothing in"
        self.functions = self._group("Functions", self.database_vpc, said, [_HTTPS, database.port])
        if routes:
            self._way_to_s3(bucket_arn, routes)

    def _group(self, name: str, vpc: ec2.IVpc, description: str, ports: list[int]) -> ec2.SecurityGroup:
        """Lets nobody in; out to these ports alone."""
        group = ec2.SecurityGroup(self, name, vpc=vpc, allow_all_outbound=False, description=description)
        for port in ports:
            group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(port), f"out to port {port}")
        return group

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

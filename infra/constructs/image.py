"""The container image: built from the Dockerfile and pushed by CDK, or an existing one in Amazon ECR."""

from pathlib import Path

from aws_cdk import IgnoreMode
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as assets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.settings.image_uri import parse_ecr_uri
from infra.settings.schema import Image

ROOT = Path(__file__).parents[2]


class ContainerImage(Construct):
    """`repository` and `uri` are for Batch; `code` is for functions."""

    def __init__(self, scope: Construct, settings: Image) -> None:
        super().__init__(scope, "Image")
        if settings.uri:
            image = parse_ecr_uri(settings.uri)
            partition = "aws-us-gov" if image.region.startswith("us-gov-") else "aws"
            arn = f"arn:{partition}:ecr:{image.region}:{image.account}:repository/{image.repository}"
            self.repository: ecr.IRepository = ecr.Repository.from_repository_attributes(
                self, "Repository", repository_name=image.repository, repository_arn=arn
            )
            self.uri, self._version = settings.uri, image.version
            return
        arm = settings.architecture == "arm64"
        arguments = {"BASE_IMAGE": settings.base_image} if settings.base_image else {}
        asset = assets.DockerImageAsset(
            self,
            "Asset",
            directory=str((ROOT / settings.directory).resolve()),
            target=settings.target or None,
            build_args={**arguments, "HEIC": "1" if settings.heic else "0"},
            platform=assets.Platform.LINUX_ARM64 if arm else assets.Platform.LINUX_AMD64,
            ignore_mode=IgnoreMode.DOCKER,
        )
        self.repository, self.uri, self._version = asset.repository, asset.image_uri, asset.image_tag

    def code(self, command: str) -> lambda_.DockerImageCode:
        """The image as code of a function; `command` is the argument of the image's entry point."""
        return lambda_.DockerImageCode.from_ecr(self.repository, tag_or_digest=self._version, cmd=[command])

"""The kinds of places a state can be in, so that one test holds for all of them."""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from obstore.store import S3Store

from prefect_cloudtrail.store import BucketHome, FileHome, FolderHome, Kind, Store
from prefect_cloudtrail.store.tables import HEAD, METADATA

BUCKET = "state"


@dataclass(frozen=True)
class Backend:
    """Where a state's files and its case store are, in words that another process understands, too."""

    state: str
    database: str | None
    endpoint: str = ""

    def home(self) -> FileHome:
        if not self.endpoint:
            return FolderHome(Path(self.state))
        return BucketHome(bucket(self.endpoint), BUCKET, self.state)

    def open(self, kind: Kind = "live") -> Store:
        return Store.open(self.home(), self.database, kind=kind)

    def read_only(self) -> Store:
        return Store.read_only(self.home(), self.database)

    def files(self) -> set[str]:
        """Return the names of the files that lie there, named or not."""
        return set(self.home().found())

    def words(self) -> list[str]:
        return [self.state, self.database or "-", self.endpoint or "-"]

    @classmethod
    def of(cls, state: str, database: str, endpoint: str) -> "Backend":
        return cls(state, None if database == "-" else database, "" if endpoint == "-" else endpoint)


def bucket(endpoint: str, name: str = BUCKET) -> S3Store:
    return S3Store(
        name,
        endpoint=endpoint,
        aws_endpoint_url_s3=endpoint,
        region="eu-central-1",
        access_key_id="AKIAEXAMPLE",
        secret_access_key="example",  # noqa: S106
        virtual_hosted_style_request=False,
        client_options={"allow_http": True, "timeout": "10s"},
        retry_config={"max_retries": 2},
    )


def assert_tables_are_those_of_the_program(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == HEAD
    engine.dispose()

"""Clients for every account, each with the plane's own role, whose credentials renew themselves."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialResolver

from prefect_cloudtrail.aws import Given, assumed
from prefect_cloudtrail.errors import ActionError
from prefect_cloudtrail.response.asking import asking

_ANY_REGION = "us-east-1"  # IAM and Organizations answer for all of them
# All that is written may be written twice, so what was throttled or cut off is asked again.
_PATIENCE = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})


class Accounts:
    """Opens clients by service, account and region, and keeps them.

    Attributes:
        region: where the services of one region are asked, and STS.
    """

    def __init__(
        self,
        role_name: str | None = None,
        external_id: str | None = None,
        endpoint_url: str | None = None,
        region: str | None = None,
        session_name: str = "prefect-cloudtrail",
    ) -> None:
        """Take note of the role; nothing is asked of AWS yet.

        Args:
            role_name: the role to assume, of this name in every account; None is the environment's own credentials,
                which then reach their own account only.
            external_id: what the role asks for.
            endpoint_url: where every service answers, if it is not AWS.
            region: by default the environment's.
            session_name: what CloudTrail calls the role's sessions.
        """
        self._role_name = role_name
        self._external_id = external_id
        self._endpoint_url = endpoint_url
        self._session_name = session_name
        self._core = botocore.session.get_session()
        self._own = boto3.Session(botocore_session=self._core, region_name=region)
        self.region = self._own.region_name or _ANY_REGION
        self._sessions: dict[str, boto3.Session] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._caller: tuple[str, str] | None = None
        self._lock = Lock()

    def client(self, service: str, account_id: str, region: str | None = None) -> Any:  # noqa: ANN401 - boto3's own
        """Return a client of the service in the account; the same one when it is asked for again.

        Raises:
            ActionError: there are no credentials, or none for this account.
        """
        key = (service, account_id, region or self.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._built(self._session(account_id), service, key[2])
            return self._clients[key]

    def held(self, service: str, credentials: Mapping[str, Any]) -> Any:  # noqa: ANN401 - boto3's own
        """Return a client of the service with these temporary credentials, as STS answers them; it is not kept."""
        session = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=self.region,
        )
        return self._built(session, service, self.region)

    @property
    def partition(self) -> str:
        """The partition that the environment's credentials belong to: aws, aws-cn or aws-us-gov."""
        return self._who()[0]

    def _session(self, account_id: str) -> boto3.Session:
        if account_id not in self._sessions:
            partition, own_account = self._who()
            if self._role_name is not None:
                role_arn = f"arn:{partition}:iam::{account_id}:role/{self._role_name}"
                self._sessions[account_id] = self._as_role(role_arn)
            elif account_id == own_account:
                self._sessions[account_id] = self._own
            else:
                raise ActionError(
                    f"cannot reach account {account_id}: these credentials are of account {own_account}; "
                    "name the role to assume there as responder_role"
                )
        return self._sessions[account_id]

    def _as_role(self, role_arn: str) -> boto3.Session:
        sts = self._built(self._own, "sts", self.region)
        credentials = assumed(sts, role_arn, self._external_id, self._session_name)
        core = botocore.session.get_session()
        core.register_component("credential_provider", CredentialResolver([Given(credentials)]))
        # What the services look like is read once, not for every account.
        core.register_component("data_loader", self._core.get_component("data_loader"))
        return boto3.Session(botocore_session=core, region_name=self.region)

    def _who(self) -> tuple[str, str]:
        """Return the caller's partition and account, asked once."""
        if self._caller is None:
            with asking("tell whose credentials these are"):
                answer = self._built(self._own, "sts", self.region).get_caller_identity()
            self._caller = (answer["Arn"].split(":")[1], answer["Account"])
        return self._caller

    def _built(self, session: boto3.Session, service: str, region: str) -> Any:  # noqa: ANN401 - boto3's own
        # Of services known by name only to who asks, boto3's types cannot tell which client it is.
        opened: Any = session
        return opened.client(service, region_name=region, endpoint_url=self._endpoint_url, config=_PATIENCE)

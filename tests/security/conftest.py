"""What the attackers stand before: the fixtures of the response's tests, and PostgreSQL with both planes' roles."""

from response.conftest import case, cloud, endpoint, robbery, site
from store.conftest import postgres, state, template, with_tables
from store.test_store_roles import planes

__all__ = ["case", "cloud", "endpoint", "planes", "postgres", "robbery", "site", "state", "template", "with_tables"]

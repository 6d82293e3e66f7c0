"""Somebody with the state's folder or bucket, or who names its files in the case store."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from obstore.store import S3Store
from store.case_builders import a_change, commit, presences

from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.bucket import BucketHome
from prefect_cloudtrail.store.database import FILE_NAME, connect
from prefect_cloudtrail.store.files import FileEntry
from prefect_cloudtrail.store.folder import FolderHome
from prefect_cloudtrail.store.tables import FILES

ELSEWHERE = (
    "../precious.parquet",
    "presences/../../precious.parquet",
    "/etc/passwd",
    "presences/.hidden.parquet",
    "presences/a.parquet\n",
    "presences/a.pem",
    "keys/a.parquet",
    "",
)
REFUSED = r"^the case store names the file .*, which no run writes: find out who can write to it$"


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_name_that_leads_elsewhere_is_neither_read_nor_deleted(tmp_path: Path, name: str) -> None:
    precious = tmp_path / "precious.parquet"
    precious.write_bytes(b"mine")
    home = FolderHome(tmp_path / "state")
    home.prepare()
    with pytest.raises(StateError, match=REFUSED):
        home.remove([name])
    with pytest.raises(StateError, match=REFUSED):
        home.paths([FileEntry("presences", name, 1, 4, None, None)])
    assert precious.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_name_that_leads_elsewhere_is_not_even_asked_of_a_bucket(name: str) -> None:
    home = BucketHome(S3Store("state"), "state", "prefix")
    with pytest.raises(StateError, match=REFUSED):
        home.remove([name])
    with pytest.raises(StateError, match=REFUSED):
        home.paths([FileEntry("presences", name, 1, 4, None, None)])


def test_a_file_that_the_case_store_names_elsewhere_stops_the_run_and_stays(tmp_path: Path) -> None:
    precious = tmp_path / "precious.parquet"
    precious.write_bytes(b"mine")
    with Store.open(tmp_path / "state") as store:
        commit(store, a_change(presences=presences("alice")))
        opened = connect(tmp_path / "state" / FILE_NAME)
        with opened.writing() as connection:
            connection.execute(sa.update(FILES).values(name="../precious.parquet", bytes=4))
        opened.close()
        with pytest.raises(StateError, match=REFUSED):
            store.scan("presences").collect()
    assert precious.read_bytes() == b"mine"


def test_a_file_of_another_length_is_refused_and_nothing_is_read_of_it(tmp_path: Path) -> None:
    with Store.open(tmp_path / "state") as store:
        commit(store, a_change(presences=presences("alice")))
        (path,) = (tmp_path / "state" / "presences").iterdir()
        whole = path.read_bytes()
        path.write_bytes(whole + b"x")
        with pytest.raises(StateError, match=r"bytes, not the \d+ it was written with: restore it$"):
            store.scan("presences").collect()

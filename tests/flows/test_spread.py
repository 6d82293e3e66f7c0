"""Parts read by Dask's workers, each a process of its own, under a real Prefect server."""

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from organisations import learn_until, robbed
from prefect_server import prefect_server

from prefect_cloudtrail import pipeline
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.cloudtrail import FolderSource
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.pipeline import FOREVER, Options
from prefect_cloudtrail.store import Store

SPREAD = Path(__file__).parents[1] / "spread.py"


def incidents(state: Path) -> list[Incident]:
    with Store.read_only(state) as store:
        return store.incidents()


@pytest.mark.production
def test_workers_of_dask_find_what_one_process_finds(tmp_path: Path) -> None:
    organisation = robbed(tmp_path / "organisation")
    source, geo = FolderSource(organisation.root / "AWSLogs"), Geo.open(organisation.city_db, organisation.asn_db)
    here, there, until = tmp_path / "here", tmp_path / "there", organisation.end + timedelta(days=2)
    with Store.open(here) as store:
        pipeline.run(store, source, geo, Options(learn_until(organisation), learn_until=FOREVER))
    shutil.copytree(here, there)
    with Store.open(here) as store:
        pipeline.run(store, source, geo, Options(until))

    databases = {"city_db": str(organisation.city_db), "asn_db": str(organisation.asn_db)}
    given = {"source": str(organisation.root / "AWSLogs"), "state": str(there), "until": until.isoformat(), **databases}
    # Nothing is told: what is under test is what is read.
    with prefect_server(tmp_path, PREFECT_CLOUDTRAIL_TELL_FROM="1") as server:
        command = [sys.executable, str(SPREAD), json.dumps(given)]
        done = subprocess.run(command, env=server.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    assert incidents(there) == incidents(here) != []
    assert done.stderr.count("MB of JSON") > 2

# What people repeat; `just` alone lists it.

_list:
    @just --list

# install everything into .venv
setup:
    uv sync

# run the tests; arguments go to pytest
test *arguments:
    uv run pytest {{ arguments }}

# check style and form
lint:
    uv run ruff check
    uv run ruff format --check

# put right what can be put right by itself
fix:
    uv run ruff check --fix
    uv run ruff format

# check the types, twice
types:
    uv run mypy
    uv run pyright

# the product on a generated organisation
demo:
    uv run prefect-cloudtrail demo

# show in the README what its commands print now
readme:
    UPDATE_README=1 uv run pytest --quiet tests/test_documents.py -k the_run_in_the_readme

# write the IAM policies anew, from the permissions that the code declares
policies:
    uv run python -m prefect_cloudtrail.response.policies deploy/iam

# how good the detection is, beside two peers; arguments go to the benchmark
bench *arguments:
    uv run --group bench python -m bench.quality {{ arguments }}

# how fast a million events are judged, beside the same arithmetic in SQL; arguments go to the benchmark
judge *arguments:
    uv run --group bench python -m bench.judge {{ arguments }}

# how fast every step is at an organisation's scale, beside its peers; arguments go to the benchmark
speed *arguments:
    uv run --group bench python -m bench.speed {{ arguments }}

# fit the weights of evidence or the k of contexts, and print them; arguments: weights or k, and theirs
fit *arguments:
    uv run --group bench python -m bench.fit {{ arguments }}

# kill runs at any moment and compare what they leave; arguments go to the drill: kill-detect, at-once, kill-flow
drills *arguments:
    uv run python -m bench.drills {{ arguments }}

# ask OSV whether anything that is locked is known to be vulnerable
audit:
    .ci/audit

# write what a wheel of this version is made of, as CycloneDX, with hashes
sbom:
    uv export --quiet --frozen --no-dev --all-extras --format cyclonedx1.5 --output-file dist/sbom.cdx.json

# everything a change must pass
ci:
    .ci/run

# from the tap in Slack to the key that is Inactive; arguments go to the benchmark
tap *arguments:
    uv run python -m bench.tap {{ arguments }}

# pictures of what people see in Slack, taken in Chromium
screens *arguments:
    uv run python -m bench.screens {{ arguments }}

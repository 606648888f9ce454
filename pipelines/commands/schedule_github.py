"""The workflow that runs a run on GitHub.

Rollcall is on no package index yet, and a name there that is not ours would be handed every secret. So the
workflow installs a commit that the user pins, with the versions and digests of that commit's uv.lock.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.common.errors import UsageError

# An action is run as the commit that was looked at: a tag may be moved to another.
CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
SETUP_UV = "astral-sh/setup-uv@6b9c6063abd6010835644d4c2e1bef4cf5cd0fca # v6.0.1"
RESTORE = "actions/cache/restore@5a3ec84eff668545956fd18022155c47e93e2684 # v4.2.3"
SAVE = "actions/cache/save@5a3ec84eff668545956fd18022155c47e93e2684 # v4.2.3"
UPLOAD = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2"
ARTIFACT_DAYS = 30
_PINNED = re.compile(r"git\+(?P<repository>https://[\w.~:/-]+)@(?P<commit>[0-9a-f]{40})", re.ASCII)


@dataclass(frozen=True)
class Package:
    """What is installed: a commit of a repository, by its full hash."""

    repository: str
    commit: str


def pinned_package(given: str) -> Package:
    """The package that `--package` names. Raises UsageError if it is not a commit of a repository."""
    remedy = "give --package git+https://HOST/OWNER/REPOSITORY@COMMIT, with all 40 digits of the commit"
    if not given:
        raise UsageError("github has to install Rollcall", remedy)
    found = _PINNED.fullmatch(given)
    if found is None:
        raise UsageError(f"{given!r} is not a commit of a repository", remedy)
    return Package(found["repository"], found["commit"])


def workflow(
    start: datetime, zone: str, package: Package, secrets: Sequence[str], afterwards: Sequence[str] = ()
) -> str:
    """The workflow that runs at the time of day of `start`, in the time zone `zone`, with these secrets."""
    utc = start.astimezone(UTC)
    given = "\n".join(f"          {name}: ${{{{ secrets.{name} }}}}" for name in secrets)
    return f"""\
# Save as .github/workflows/rollcall.yml in a private repository whose root holds .dlt/config.toml.
# A cache carries the warehouse from run to run. An artifact keeps it for {ARTIFACT_DAYS} days as well.
# Rollcall is on no package index: the workflow installs the commit below, with the versions of its uv.lock.
name: Rollcall
on:
  schedule:
    - cron: "{utc.minute} {utc.hour} * * *" # {start:%H:%M} in {zone} as of {start:%Y-%m-%d}: this is UTC
  workflow_dispatch:
    inputs:
      first_run:
        description: Begin a new warehouse
        type: boolean
        default: false
permissions:
  contents: read
concurrency:
  group: rollcall
jobs:
  run:
    runs-on: ubuntu-latest
    timeout-minutes: 360
    steps:
      - uses: {CHECKOUT}
        with:
          persist-credentials: false
      - uses: {SETUP_UV}
        with:
          enable-cache: false
      - name: Install Rollcall
        env:
          REPOSITORY: {package.repository}
          COMMIT: {package.commit}
        run: |
          git init --quiet "$RUNNER_TEMP/rollcall"
          cd "$RUNNER_TEMP/rollcall"
          git fetch --quiet --depth 1 "$REPOSITORY" "$COMMIT"
          git checkout --quiet FETCH_HEAD
          uv sync --frozen --no-dev --no-editable --quiet
      - name: Fetch the previous warehouse
        id: previous
        uses: {RESTORE}
        with:
          path: warehouse*.duckdb
          key: warehouse-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
          restore-keys: warehouse-
      - name: Stop if it is lost, so that no new history begins unnoticed
        if: steps.previous.outputs.cache-matched-key == '' && !inputs.first_run
        run: |
          echo "There is no previous warehouse: put one back, or run this by hand with first_run."
          exit 1
      - name: Sync
        run: |
          umask 077
          "$RUNNER_TEMP/rollcall/.venv/bin/rollcall" {" ".join(("sync", *afterwards))}
        env:
{given}
      - name: Keep the warehouse for the next run
        if: always() && hashFiles('warehouse.duckdb') != ''
        uses: {SAVE}
        with:
          path: warehouse*.duckdb
          key: warehouse-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
      - name: Keep the warehouse and the log
        if: always()
        uses: {UPLOAD}
        with:
          name: warehouse-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
          path: |
            warehouse.duckdb
            logs/
            exports/
          retention-days: {ARTIFACT_DAYS}
          if-no-files-found: ignore
"""

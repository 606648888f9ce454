"""A notebook to start from: the projects, what changed, one project's history, and how it was at a time.

`marimo edit notebooks/projects.py` opens it, `marimo run` shows it without its code. It reads the warehouse
of the current directory, or of the one that ROLLCALL_HOME names, and cannot write to it.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Projects")


@app.cell
def _():
    import os
    from pathlib import Path

    import duckdb
    import marimo as mo

    from pipelines.config.settings import warehouse_path

    file = warehouse_path(Path(os.environ.get("ROLLCALL_HOME", ".")))
    return duckdb, file, mo


@app.cell
def _(duckdb, file):
    def ask(sql, **parameters):
        """The answer as an Arrow table. Each question opens the file anew, and so sees the last run."""
        with duckdb.connect(file, read_only=True) as warehouse:
            warehouse.execute("set TimeZone = 'UTC'")
            return warehouse.execute(sql, parameters).to_arrow_table()

    return (ask,)


@app.cell
def _(ask, file, mo):
    runs = ask("select started_at, outcome from runs order by started_at desc").to_pylist()
    mo.md(f"""
    # Projects

    `{file}`: {len(runs)} runs, the last one on {runs[0]["started_at"]:%Y-%m-%d %H:%M} UTC
    ({runs[0]["outcome"]}).
    """)
    return (runs,)


@app.cell
def _(ask, mo):
    by_status = ask(
        """
        pivot projects
        on status
        using count(*)
        group by provider
        order by provider
        """
    )
    fresh = ask(
        """
        select connection, outcome, records, last_verified_at, message
        from connections
        order by connection
        """
    )
    mo.vstack(
        [
            mo.md("## By provider and status"),
            mo.ui.table(by_status, selection=None),
            mo.md("## How fresh each connection is"),
            mo.ui.table(fresh, selection=None),
        ]
    )
    return


@app.cell
def _(mo, runs):
    since = mo.ui.dropdown(
        {f"{run['started_at']:%Y-%m-%d %H:%M:%S}": run["started_at"] for run in runs},
        value=f"{runs[0]['started_at']:%Y-%m-%d %H:%M:%S}",
        label="since the run of",
    )
    mo.vstack([mo.md("## What changed"), since])
    return (since,)


@app.cell
def _(ask, mo, since):
    changes = ask(
        """
        select changed_at, provider, name, change, column_name, old_value, new_value
        from projects_changed_between($since, now() + interval 1 day)
        """,
        since=since.value,
    )
    mo.ui.table(changes, selection=None)
    return


@app.cell
def _(ask, mo):
    known = ask(
        """
        select project_key, max_by(name, version) as name, count(*) as versions
        from projects_history
        group by project_key
        order by versions desc, name
        """
    ).to_pylist()
    project = mo.ui.dropdown(
        {f"{one['name']} ({one['project_key']})": one["project_key"] for one in known},
        value=f"{known[0]['name']} ({known[0]['project_key']})",
        searchable=True,
        label="project, those that changed most first",
    )
    mo.vstack([mo.md("## One project's history"), project])
    return (project,)


@app.cell
def _(ask, mo, project):
    versions = ask(
        """
        select version, valid_from, valid_to, change, end_reason, name, status, changed_columns
        from projects_history
        where project_key = $key
        order by version
        """,
        key=project.value,
    )
    mo.ui.table(versions, selection=None)
    return


@app.cell
def _(mo, runs):
    run = mo.ui.slider(
        steps=list(range(len(runs))),
        value=len(runs) - 1,
        label="runs before the last one",
    )
    mo.vstack([mo.md("## How it was at a time"), run])
    return (run,)


@app.cell
def _(ask, mo, run, runs):
    moment = runs[run.value]["started_at"]
    then = ask(
        """
        select provider, status, count(*) as projects
        from projects_as_of($moment)
        group by all
        order by all
        """,
        moment=moment,
    )
    mo.vstack([mo.md(f"As of {moment:%Y-%m-%d %H:%M:%S} UTC:"), mo.ui.table(then, selection=None)])
    return


if __name__ == "__main__":
    app.run()

"""A notebook to start from: the projects now, charts of their number, changes, and one project's history.

`marimo edit projects.py` opens it, `marimo run projects.py` shows it without its code. It reads the warehouse
of the current directory, or of the one that ROLLCALL_HOME names, and cannot write to it.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Projects")


@app.cell
def _():
    import os
    from pathlib import Path

    import altair as alt
    import duckdb
    import marimo as mo

    from pipelines.config.settings import display_time_zone, warehouse_path

    home = Path(os.environ.get("ROLLCALL_HOME", "."))
    file, time_zone = warehouse_path(home), display_time_zone(home)
    return alt, duckdb, file, mo, time_zone


@app.cell
def _(duckdb, file, time_zone):
    def ask(sql, **parameters):
        """The answer as an Arrow table. Each query opens the file again, and so sees the last run."""
        with duckdb.connect(file, read_only=True) as warehouse:
            warehouse.execute(f"set TimeZone = '{time_zone}'")
            return warehouse.execute(sql, parameters).to_arrow_table()

    return (ask,)


@app.cell
def _(ask, file, mo, time_zone):
    runs = ask("select started_at, outcome from runs order by started_at desc").to_pylist()
    mo.md(f"""
    # Projects

    `{file}`: {len(runs)} runs, the last one on {runs[0]["started_at"]:%Y-%m-%d %H:%M} {time_zone}
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
        select connection, is_fresh, outcome, records, last_verified_at, message
        from connections
        order by is_fresh, connection
        """
    )
    mo.vstack(
        [
            mo.md("## Now, by provider and status"),
            mo.ui.table(by_status, selection=None),
            mo.md("## How fresh each connection is"),
            mo.ui.table(fresh, selection=None),
        ]
    )
    return


@app.cell
def _(alt, ask, mo):
    open_projects = ask(
        """
        select day, provider, sum(projects)::integer as projects
        from project_days
        where status in ('active', 'planned', 'on_hold')
        group by all
        order by all
        """
    )
    came_and_went = ask(
        """
        unpivot (
            select day, sum(created + returned)::integer as came, -sum(removed)::integer as went
            from connection_days
            group by day
        )
        on came, went
        into name what value projects
        order by all
        """
    )
    lines = (
        alt.Chart(open_projects)
        .mark_line(point=True)
        .encode(x="day:T", y=alt.Y("projects:Q").scale(zero=False), color="provider:N")
    )
    bars = alt.Chart(came_and_went).mark_bar().encode(x="day:T", y="projects:Q", color="what:N")
    mo.vstack(
        [
            mo.md("## Open projects, day by day"),
            mo.ui.altair_chart(lines),
            mo.md("## Projects that came and went"),
            mo.ui.altair_chart(bars),
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
        where not is_minor
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
        value=0,
        label="runs before the last one",
    )
    mo.vstack([mo.md("## How it was at a time"), run])
    return (run,)


@app.cell
def _(ask, mo, run, runs, time_zone):
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
    mo.vstack([mo.md(f"As of {moment:%Y-%m-%d %H:%M:%S} {time_zone}:"), mo.ui.table(then, selection=None)])
    return


if __name__ == "__main__":
    app.run()

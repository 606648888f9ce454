"""Checks of what a run reports to: notifications, the log and the metrics."""

import os
from collections.abc import Iterator
from pathlib import Path

from pipelines.commands.doctor.check import Check, broken, failed
from pipelines.common.errors import ConfigurationError
from pipelines.common.filesystem import user_name
from pipelines.config.settings import logs_format, logs_kept, logs_path, textfile_path
from pipelines.monitoring.channels import Notice
from pipelines.monitoring.notifications import read_notify, send, subject


def check_notices(home: Path, send_notice: bool) -> Check:
    """Check that somebody is notified; with `send_notice`, that a test notice arrives."""
    try:
        settings = read_notify(home)
    except ConfigurationError as error:
        return failed("notices", error)
    if settings is None:
        remedy = 'ping_url = "…" under [notify] in .dlt/secrets.toml, or NOTIFY__PING_URL, at least'
        return Check("notices", "warning", "nobody is notified when a run fails", (remedy,))
    if not send_notice:
        return Check("notices", "ok", "configured; --send-notice sends a test notice")
    undelivered: list[str] = []
    notice = Notice(subject(home, "a test notice"), ("This is a test: no run has failed.",), "test")
    send(settings, notice, undelivered.append)
    if undelivered:
        return broken("notices", "; ".join(undelivered), "correct [notify], or NOTIFY__…")
    return Check("notices", "ok", "a test notice was delivered")


def check_outputs(home: Path) -> Iterator[Check]:
    """Warn if the log or the metrics cannot be written: a run continues without them."""
    for name, place_of, others in (
        ("log", logs_path, (logs_format, logs_kept)),
        ("metrics", textfile_path, ()),
    ):
        try:
            place = place_of(home)
            for read_setting in others:
                read_setting(home)
        except ConfigurationError as error:
            yield Check(name, "warning", error.reason, (error.remedy,))
            continue
        if place is None:
            continue
        folder = place if name == "log" else place.parent
        existing = next(one for one in (folder, *folder.parents) if one.exists())
        is_writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
        if not is_writable or (name == "metrics" and existing != folder):
            message = f"a run cannot write to {folder}, and continues without its {name}"
            here = user_name(os.geteuid())
            remedy = f"create {folder}, writable for {here}"
            if existing == folder:
                remedy = f"let {here} write there: sudo chgrp {here} {folder} && sudo chmod g+w {folder}"
            yield Check(name, "warning", message, (remedy,))

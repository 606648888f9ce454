"""A Singer tap for the same listing, written with the Singer SDK as its template lays it out.

Piped into `target-duckdb`, which keeps the latest row per key. Guarantees: retries on 429 and 5xx, typed
columns. Does not guarantee: history (there is none), removal (a removed project stays), that the listing was
complete, that readers never wait. The target lets DuckDB guess whether its CSV files have a header: in this
listing it takes the first row for one, and loses it without a message.
"""

from typing import Any

import requests
from singer_sdk import RESTStream, Stream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.pagination import BasePageNumberPaginator


class Pages(BasePageNumberPaginator):
    """Pages from 1 to the last page that each answer gives."""

    def has_more(self, response: requests.Response) -> bool:
        """Whether there are more pages."""
        return self.current_value < int(response.json()["result"]["searchInfo"]["numberOfPages"])


class Projects(RESTStream[int]):
    """The projects of one company."""

    name = "projects"
    path = "/projects/get"
    primary_keys = ("originId",)
    records_jsonpath = "$.result.data[*]"
    schema = th.PropertiesList(
        th.Property("originId", th.StringType, required=True),
        th.Property("name", th.StringType),
        th.Property("description", th.StringType),
        th.Property("clientName", th.StringType),
        th.Property("projectPhase", th.StringType),
        th.Property("projectStatus", th.StringType),
        th.Property("projectType", th.StringType),
        th.Property(
            "logoUrl",
            th.ObjectType(
                th.Property("referenceUrl", th.StringType), th.Property("originalUrl", th.StringType)
            ),
        ),
        th.Property(
            "location",
            th.ObjectType(
                th.Property("city", th.StringType),
                th.Property("region", th.StringType),
                th.Property("country", th.StringType),
            ),
        ),
        th.Property("lastUpdated", th.DateTimeType),
    ).to_dict()

    @property
    def url_base(self) -> str:
        """The base URL of the API."""
        return str(self.config["base_url"])

    @property
    def authenticator(self) -> BearerTokenAuthenticator:
        """Authentication by the company's token."""
        return BearerTokenAuthenticator(token=self.config["access_token"])

    def get_new_paginator(self) -> Pages:
        """A paginator that starts at page 1."""
        return Pages(start_value=1)

    def get_url_params(self, _context: object, next_page_token: int | None) -> dict[str, Any]:
        """The parameters of a request for a page."""
        return {"locale": "en", "pageSize": 100, "pageNumber": next_page_token or 1}


class TapMatter(Tap):
    """Matter's projects."""

    name = "tap-matter"
    config_jsonschema = th.PropertiesList(
        th.Property("base_url", th.StringType, required=True),
        th.Property("access_token", th.StringType, required=True, secret=True),
    ).to_dict()

    def discover_streams(self) -> list[Stream]:
        """The one stream."""
        return [Projects(self)]


if __name__ == "__main__":
    TapMatter.cli()

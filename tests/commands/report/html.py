"""A page as the parser of a browser sees it."""

import base64
import gzip
import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "input", "br"}


@dataclass
class Element:
    """One element; `text` is its text, including that of the elements in it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    cells: list[list[str]] = field(default_factory=list)


class Parsed(HTMLParser):
    """Every element of a page in order; the cells of a table row by row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        tables = [table for table in self._open if table.tag == "table"]
        if tag == "tr":
            tables[-1].cells.append([])
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, (tag, [element.tag for element in self._open])
        element = self._open.pop()
        element.text = " ".join(element.text.split()) if tag != "script" else element.text
        tables = [table for table in self._open if table.tag == "table"]
        if tag in {"td", "th"}:
            tables[-1].cells[-1].append(element.text)

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements with that tag and those attributes."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [
            element
            for element in self.elements
            if element.tag == tag and wanted.items() <= element.attributes.items()
        ]

    def catalogue(self) -> Any:
        """Return what the page's script reads."""
        (element,) = self.all("script", id="catalogue")
        return json.loads(gzip.decompress(base64.b64decode(element.text)))

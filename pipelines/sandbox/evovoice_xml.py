"""EvoVoice's listing as XML, with the elements, order and namespaces of the vendor's sample."""

from collections.abc import Iterable
from html import escape

from pipelines.sandbox.evovoice_files import FIELDS, Casing
from pipelines.sandbox.store import Json, Record

_API = "http://schemas.datacontract.org/2004/07/Voice.HttpClient"
_OBJECT_FIELDS = ("CreatedBy", "DateCreated", "DateLastModified", "Id", "LastModifiedBy")
# Sorted by code point, like in .NET: AITranscription comes before AccountId.
_FILE_FIELDS = tuple(sorted(set(FIELDS) - set(_OBJECT_FIELDS)))


def listing_xml(
    files: Iterable[Record], casing: Casing, *, has_more: bool, totals: tuple[int, int] | None
) -> str:
    """One page. `totals` are the numbers of files and pages, or None with simplified paging."""
    items = "".join(_file(file, casing) for file in files)
    counts = "" if totals is None else _element("TotalCount", totals[0]) + _element("TotalPages", totals[1])
    return (
        f'<ListResponseOfFileInfoS8MZGchS xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns="{_API}">'
        f"{_element('HasMorePages', has_more)}"
        f'<Items xmlns:d2p1="{_API}.Files">{items}</Items>'
        f"{counts}</ListResponseOfFileInfoS8MZGchS>"
    )


def _file(file: Record, casing: Casing) -> str:
    inherited = "".join(_element(name, file.get(casing(name))) for name in _OBJECT_FIELDS)
    own = "".join(
        _breadcrumb(file.get(casing(name)), casing)
        if name == "CustomerBreadcrumb"
        else _element(f"d2p1:{name}", file.get(casing(name)))
        for name in _FILE_FIELDS
    )
    return f"<d2p1:FileInfo>{inherited}{own}</d2p1:FileInfo>"


def _breadcrumb(customers: Json, casing: Casing) -> str:
    opening = f'd2p1:CustomerBreadcrumb xmlns:d4p1="{_API}.Customers"'
    if not isinstance(customers, list):
        return f'<{opening} i:nil="true"/>'
    entries = "".join(
        "<d4p1:CustomerBreadcrumb>"
        + "".join(_element(f"d4p1:{name}", customer.get(casing(name))) for name in ("Id", "Name"))
        + "</d4p1:CustomerBreadcrumb>"
        for customer in customers
        if isinstance(customer, dict)
    )
    return f"<{opening}>{entries}</d2p1:CustomerBreadcrumb>"


def _element(name: str, value: Json) -> str:
    if value is None:
        return f'<{name} i:nil="true"/>'
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(text, quote=False)}</{name}>"

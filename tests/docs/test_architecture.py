"""The files and folders that the pages for contributors name exist."""

import re

from tests.docs.pages import DOCS, ROOT, page

ARCHITECTURE = page("architecture.md")


def section(heading: str) -> str:
    return ARCHITECTURE.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_the_page_names_every_folder_of_the_package_with_where_to_start() -> None:
    rows = re.findall(r"^\| `(\w+)/` \| .* \| (.*) \|$", section("The folders of `pipelines/`"), re.MULTILINE)
    folders = {path.parent.name for path in (ROOT / "pipelines").glob("*/__init__.py")}
    assert {folder for folder, _ in rows} == folders
    starts = [f"{folder}/{name}" for folder, names in rows for name in re.findall(r"`(.*?)`", names)]
    assert [start for start in starts if not (ROOT / "pipelines" / start).is_file()] == []


def test_the_folders_of_sql_are_named() -> None:
    named = re.findall(r"`(\w+)/`", section("The folders of `sql/`"))
    assert sorted(named) == sorted(path.name for path in (ROOT / "sql").iterdir() if path.is_dir())


def test_every_path_named_exists() -> None:
    named = re.findall(r"`((?:sql/)?\w+/(?:\w+\.py)?)`", ARCHITECTURE)
    missing = [
        path for path in named if not any((ROOT / base / path).exists() for base in ("", "pipelines", "sql"))
    ]
    assert len(named) > 20
    assert missing == []


def test_the_index_links_every_page() -> None:
    index = page("index.md")
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} - {"index.md"}
    assert [path for path in sorted(pages) if f"({path})" not in index and "decisions/" not in path] == []
    decisions = {path.name for path in (DOCS / "decisions").glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\((.*?\.md)\)", page("decisions/README.md"))) == decisions


def test_links_lead_to_files() -> None:
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *DOCS.rglob("*.md")]:
        links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text())
        missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
        assert missing == [], path

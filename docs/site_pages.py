"""What the site shows besides the pages of this folder: the pages of the project's root, and the SDK.

MkDocs calls `on_files` and `on_page_markdown`.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
# The name of each page of the root in the site, where a page called README would take the place of the index.
ROOT_PAGES = {
    "README.md": "start.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
SDK = "# What a provider module may import\n\n::: pipelines.sdk\n"
LINK = re.compile(r'(\]\(|=")((?:\.\./)*)([\w./-]+)')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the root, the SDK's page, and every file outside this folder that a page links to."""
    pages = {page.src_uri: page.content_string for page in files.documentation_pages()}
    for name, renamed in ROOT_PAGES.items():
        text = (ROOT / name).read_text()
        pages[f"../{name}"] = text
        files.append(File.generated(config, renamed, content=LINK.sub(_from_root, text)))
    files.append(File.generated(config, "sdk.md", content=SDK))
    linked = {path for name, text in pages.items() for path in _outside(name, text)}
    for path in sorted(linked):
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to the project's root at what `on_files` added."""
    del config, files
    return markdown if page.file.src_uri in ROOT_PAGES.values() else LINK.sub(_from_docs, markdown)


def _from_root(link: re.Match[str]) -> str:
    start, _, path = link.groups()
    return start + (path.removeprefix("docs/") if path.startswith("docs/") else ROOT_PAGES.get(path, path))


def _from_docs(link: re.Match[str]) -> str:
    start, up, path = link.groups()
    return start + (ROOT_PAGES.get(path, path) if up == "../" and (ROOT / path).is_file() else up + path)


def _outside(page: str, text: str) -> set[str]:
    """The files of the root that a page links to, and that are not pages themselves."""
    place = (ROOT / "docs" / page).parent
    links = {(place / up / path).resolve() for _, up, path in LINK.findall(text)}
    inside = {link for link in links if link.is_file() and link.is_relative_to(ROOT) and link.suffix != ".md"}
    return {str(link.relative_to(ROOT)) for link in inside if not link.is_relative_to(ROOT / "docs")}

"""README, docs and help pages: links lead somewhere, files they name exist, versions agree."""

import re
import urllib.parse
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "demo").glob("*.md"),
                *(ROOT / "web" / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
# `ddgi/bridge/bridge.py`, `recipes/ablation.toml`; a star stands for any name.
PATH = re.compile(r"`((?:ddgi|host|nodes|tests|docs|web|locales|recipes|workflows|demo)/[\w./*-]+)`")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_inside_the_repository_lead_somewhere(page):
    dead, base = [], page.parent
    if page.parent.parent.name == "docs":   # help in another language: the front end finds its pictures one folder up
        base = page.parent.parent
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = urllib.parse.unquote(link).partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = (base / path) if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert not dead


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=relative)
def test_files_that_a_page_names_exist(page):
    named = PATH.findall(page.read_text(encoding="utf-8"))
    assert not [name for name in named if "NAME" not in name and not any(ROOT.glob(name.rstrip("/")))]


def test_the_map_for_contributors_names_every_part_of_the_library():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    parts = [path.stem for path in (ROOT / "ddgi").iterdir()
             if path.name[0] not in "_." and (path.suffix == ".py" or path.is_dir())]
    assert not [part for part in parts if f"`{part}`" not in page and f"`ddgi/{part}" not in page]


def test_versions_agree():
    project = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    citation = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    newest = re.search(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert project[1] == citation[1] == newest[1]

"""Streamlit's index page as ours, and its files compressed."""

from __future__ import annotations

import gzip
import re

import pytest
from starlette.testclient import TestClient

from dashboard.assets import STATIC, files, first_asked, warm_assets
from dashboard.frame_page import frame_page
from dashboard.headers import inline_scripts, script_hash
from dashboard.navigation import ENTRIES, address
from dashboard.preloads import WIDGETS, widget_scripts


def test_the_wheel_still_has_the_page_we_rewrite() -> None:
    page = frame_page()
    assert page.count("<script>") == 1
    assert "BACKEND_BASE_URL" in page
    assert "<title>Clickker Connections</title>" in page
    assert 'src="/static/js/index.' in page
    assert '"./' not in page
    assert "_stcore/agent" not in page


def test_the_scripts_of_common_widgets_come_along_with_all_they_import() -> None:
    page = frame_page()
    named = re.findall(r'<link rel="modulepreload" crossorigin href="/static/(js/[^"]+)">', page)
    assert len(named) == len(set(named))
    assert set(named) <= set(files())
    for widget in WIDGETS:
        assert any(name.startswith(f"js/{widget}.") for name in named)
    assert widget_scripts({name.removeprefix("js/") for name in named} | {"index.js"}) == ()


def test_its_inline_script_is_named_in_the_policy(visitor: TestClient) -> None:
    answer = visitor.get("/")
    (script,) = inline_scripts(answer.text)
    assert script_hash(script) in answer.headers["content-security-policy"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_every_page_is_served_the_same_frame(visitor: TestClient, entry: object) -> None:
    answer = visitor.get(address(entry.key, status="x"))  # type: ignore[attr-defined]
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    assert '<div id="root">' in answer.text


def test_it_speaks_dutch_to_a_dutch_browser(visitor: TestClient) -> None:
    assert '<html lang="nl">' in visitor.get("/", headers={"accept-language": "nl-NL,en;q=0.5"}).text
    assert '<html lang="en">' in visitor.get("/", headers={"accept-language": "en-GB"}).text


def test_scripts_travel_compressed_and_are_asked_for_once(visitor: TestClient) -> None:
    warm_assets()
    name = first_asked(frame_page())[0]
    with visitor.stream("GET", f"/static/{name}", headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "public, immutable, max-age=31536000"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert gzip.decompress(raw) == (STATIC / name).read_bytes()


@pytest.mark.parametrize(
    "path", ["/static/../index.html", "/static/%2e%2e/index.html", "/static/js/nothing.js", "/static/"]
)
def test_nothing_else_is_read_from_the_disk(visitor: TestClient, path: str) -> None:
    assert visitor.get(path).status_code == 404


def test_only_files_of_the_wheel_can_be_asked_for() -> None:
    assert all(path.is_relative_to(STATIC) for path in files().values())


def test_the_marks_and_styles_of_plain_pages_are_named_one_by_one(visitor: TestClient) -> None:
    for name, kind in (
        ("plain.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
        ("font.woff2", "font/woff2"),
    ):
        answer = visitor.get(f"/assets/{name}")
        assert answer.headers["content-type"].startswith(kind)
    assert visitor.get("/assets/../routes.py").status_code == 404
    assert visitor.get("/assets/logo.svg").status_code == 404


def test_health_and_readiness(visitor: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert visitor.get("/healthz").json() == {"status": "ok"}
    assert visitor.get("/readyz").json() == {"status": "ok", "keeper": "missing", "keeper_ran_at": None}

    def down(_self: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr("core.storage.database.Database.ping", down)
    assert visitor.get("/readyz").status_code == 503
    assert visitor.get("/healthz").status_code == 200

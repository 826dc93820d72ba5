"""A bare Streamlit page: fifty rows of a constant in a table, and the controls to change what is shown.

No sign-in, no database, no navigation. What it takes is what Streamlit itself takes, and the measure for the product.
"""

from __future__ import annotations

import json
import os
from html import escape
from pathlib import Path

import streamlit as st

from tests.bench.bare_rows import SIZE, first_row

listed = st.query_params.get("list", "registrations")
data = json.loads(Path(os.environ["BENCH_BARE_DATA"]).read_text(encoding="utf-8"))[listed]


def show(rows: list[list[str]]) -> None:
    """The rows as an HTML table; the first cell leads to one of them."""
    head = "".join(f"<th>{escape(title)}</th>" for title in data["head"])
    body = "".join(
        f'<tr><td><a href="/?list={listed}&amp;id=7">{escape(row[0])}</a></td>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    st.html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


if "id" in st.query_params:
    one = data["rows"][int(st.query_params["id"])]
    st.title(one[0])
    show([one, *data["rows"][:10]])
else:
    st.title("Bare")
    search = st.text_input("Search", key="q")
    status = st.selectbox("Status", data["statuses"], key="status")
    sort = st.selectbox("Sort", data["sorts"], key="sort")
    first = first_row(search, status, sort, st.session_state.get("page", 1))
    show(data["rows"][first : first + SIZE])
    st.pagination(20, key="page")

"""Links in a table lead to another page without loading everything anew.

Streamlit's client knows how to change pages when the browser goes back or forward, and treats the same event the same
way when it comes from us. A row then opens in a third of the time of a page that is loaded again. Whoever opens a
link in a new tab, or has lost the connection, follows it as always. What Streamlit handles itself it prevents, and that
is left alone. Another page of a list begins at its top; on a phone, where the menu lies over the page, it closes.
"""

from __future__ import annotations

import json

from dashboard.navigation import ENTRIES, address

_SCRIPT = """
document.addEventListener("click",function(event){
var pages=event.target.closest&&event.target.closest("[data-testid=stPagination]");
var rows=pages&&document.querySelector("[data-testid=stMain] .rows-frame");
if(rows&&event.target.closest("button"))rows.scrollIntoView()
});
document.addEventListener("click",function(event){
var link=event.target.closest&&event.target.closest("a[href]");
if(!link||(link.target&&link.target!=="_self")||event.defaultPrevented)return;
if(event.button||event.ctrlKey||event.metaKey||event.shiftKey||event.altKey)return;
if(link.origin!==location.origin||link.hash||PAGES.indexOf(link.pathname)<0)return;
if(!document.querySelector("[data-test-connection-state=CONNECTED]"))return;
event.preventDefault();
history.pushState(null,"",link.href);
dispatchEvent(new PopStateEvent("popstate"));
var main=document.querySelector("[data-testid=stMain]");
if(main)main.scrollTop=0;
var close=document.querySelector("[data-testid=stSidebarCollapseButton] button");
if(close&&link.closest(".menu")&&matchMedia("(max-width:48rem)").matches)close.click()
})"""


def link_script() -> str:
    """The script for the page's head; it touches links to our own pages alone."""
    pages = json.dumps([address(entry.key) for entry in ENTRIES], separators=(",", ":"))
    return _SCRIPT.replace("PAGES", pages).replace("\n", "")

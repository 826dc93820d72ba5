"""A text with a button that copies it, and one that prints it if wanted.

Streamlit's own copy button hides until the mouse is over the text.
"""

from __future__ import annotations

from html import escape

import streamlit as st

from core.i18n import _

SCRIPT = """
document.addEventListener("click",async function(event){
var button=event.target.closest&&event.target.closest(".clickker-copy button");
if(!button)return;
if(button.className==="paper")return print();
var text=button.parentElement.querySelector("textarea");
text.select();
try{await navigator.clipboard.writeText(text.value)}catch(shut){document.execCommand("copy")}
button.textContent=button.dataset.done;
clearTimeout(button.back);
button.back=setTimeout(function(){button.textContent=button.dataset.label},4000)
})""".replace("\n", "")
"""In the page's head, so that a button works from the moment it is seen. Where a browser keeps its clipboard shut, the
text is selected and copied the old way."""
STYLE = """
.clickker-copy{display:flex;flex-direction:column;align-items:flex-start;gap:.75rem}
.clickker-copy textarea{width:100%;box-sizing:border-box;padding:.6rem .75rem;font:inherit;font-size:.9375rem;
line-height:1.5;color:#1c2b36;background:#f4f7f9;border:1px solid #d5dee4;border-radius:.375rem;resize:none;
overflow-wrap:anywhere;field-sizing:content}
.clickker-copy button{min-height:2.5rem;padding:.25rem .75rem;font:inherit;font-size:.875rem;border-radius:.375rem;
cursor:pointer;border:1px solid #14547a;color:#14547a;background:#fff}
.clickker-copy button.first{color:#fff;background:#14547a}
.clickker-copy button:hover{background:#e6edf2}
.clickker-copy button.first:hover{background:#0f4160}
.clickker-copy :focus-visible{outline:3px solid #7fb2d1;outline-offset:1px}
@media(max-width:30rem){.clickker-copy button{width:100%}}
@media print{body:has(.paper) *{visibility:hidden}.clickker-copy textarea{visibility:visible!important;position:fixed;
top:0;left:0;font-family:monospace;border:0;background:#fff}}
""".replace("\n", "")
"""In the head as well: what is drawn holds the text alone."""


def draw_copy(
    text: str, button: str, alt: str, *, lines: int, first: bool = False, printed: bool = False
) -> None:
    """Show ``text``, to be read and selected, and a button that copies it and says so.

    ``lines`` is its height where the browser does not fit it to the text; ``first`` makes it the page's main button.
    ``printed`` adds a button that prints the text alone.
    """
    kind = ' class="first"' if first else ""
    done = "✓ " + _("Copied")
    print_word = escape(_("Print"))
    paper = f'<button type="button" class="paper">{print_word}</button>' if printed else ""
    # A line break just after the tag is not part of the text: https://html.spec.whatwg.org/#the-textarea-element.
    st.html(
        f'<div class="clickker-copy"><textarea readonly rows="{lines}" spellcheck="false" '
        f'aria-label="{escape(alt)}">\n{escape(text)}</textarea>'
        f'<button type="button"{kind} aria-live="polite" data-label="{escape(button)}" '
        f'data-done="{escape(done)}">{escape(button)}</button>{paper}</div>'
    )

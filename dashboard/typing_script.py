"""What is typed into a note goes to the server while it is typed, as the fields of one line do by themselves.

Streamlit sends a text of several lines when it is left, or on Ctrl+Enter: an ended session, a restart or a cut socket
would take all of it along. So this presses Ctrl+Enter for whoever pauses.
"""

from __future__ import annotations

# Only notes, which stand in no form: there Ctrl+Enter would send the form.
SCRIPT = """
(function(){var waiting=0;document.addEventListener("input",function(event){
var field=event.target;
if(!field.matches||!field.matches("[class*=_note] textarea"))return;
clearTimeout(waiting);
waiting=setTimeout(function(){
field.dispatchEvent(new KeyboardEvent("keydown",{key:"Enter",ctrlKey:true,bubbles:true,cancelable:true}))
},600)})})()""".replace("\n", "")

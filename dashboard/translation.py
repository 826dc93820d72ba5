"""A browser that translates our pages is told to keep off, and breaks nothing when it does not.

Streamlit's client (React) keeps hold of the pieces of text that it has drawn. A browser's translator puts each into
elements <font>, or puts elements <font> in its place; the next change of the page then ends in "NotFoundError: The node
to be removed is not a child of this node", and a stack instead of the page: https://github.com/facebook/react/issues/11538.
Here what was moved is found again, and what was replaced comes back when it changes.

The page's language follows the menu, which is drawn in the operator's; without it nobody is signed in.
"""

from __future__ import annotations

META = '<meta name="google" content="notranslate">'
BODY = '<body translate="no" class="notranslate"'
SCRIPT = """
(function(){
var root=document.documentElement,stead=new WeakMap();
root.translate=false;
function isFont(node){return!!node&&node.nodeName==="FONT"}
function place(parent,node){
var at=node;
if(at&&!at.parentNode)at=stead.get(at)||at;
while(at&&at.parentNode!==parent&&isFont(at.parentNode))at=at.parentNode;
return at&&at.parentNode===parent?at:null
}
var proto=Node.prototype,remove=proto.removeChild,insert=proto.insertBefore;
proto.removeChild=function(child){
var at=place(this,child);
if(at)remove.call(this,at);
return child
};
proto.insertBefore=function(child,before){
return insert.call(this,child,before?place(this,before):null)
};
var value=Object.getOwnPropertyDescriptor(proto,"nodeValue");
Object.defineProperty(proto,"nodeValue",{configurable:true,enumerable:value.enumerable,get:value.get,set:function(text){
var at=!this.parentNode&&stead.get(this);
if(at&&at.parentNode)at.parentNode.replaceChild(this,at);
value.set.call(this,text)
}});
function speak(){
var menu=document.querySelector(".menu[lang]"),lang=menu?menu.lang:document.body&&document.body.dataset.lang;
if(lang&&root.lang!==lang)root.lang=lang
}
new MutationObserver(function(records){
records.forEach(function(record){
var text=record.removedNodes[0];
if(!text||text.nodeType!==3||text.parentNode)return;
var at=[record.addedNodes[0],record.previousSibling,record.nextSibling].find(isFont);
if(at)stead.set(text,at)
});
speak()
}).observe(root,{childList:true,subtree:true})
})()""".replace("\n", "")
"""Two translators are known: one moves the text into its elements, one puts them in its place. A text that was replaced
is known by the element that came where it was."""

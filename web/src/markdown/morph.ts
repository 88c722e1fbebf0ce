/**
 * Makes one tree of nodes look like another by changing only what differs, so that what a reader has selected, scrolled
 * or focused in an answer that still grows stays as it is.
 */

/** Changes the children of `shown`, from `first` on, into those of `wanted`, which is used up. */
export function morph(shown: Node, wanted: Node, first = shown.firstChild): void {
  let old = first;
  for (let next = wanted.firstChild; next; next = wanted.firstChild) {
    if (!old) {
      shown.appendChild(next);
      continue;
    }
    const after: ChildNode | null = old.nextSibling;
    if (isSameFormula(old, next) || old.isEqualNode(next)) next.remove();
    else if (old instanceof Text && next instanceof Text) {
      changeText(old, next.data);
      next.remove();
    } else if (old instanceof Element && next instanceof Element && canBecome(old, next)) {
      changeAttributes(old, next);
      morph(old, next);
      next.remove();
    } else shown.replaceChild(next, old);
    old = after;
  }
  while (old) {
    const after: ChildNode | null = old.nextSibling;
    old.remove();
    old = after;
  }
}

/** A formula that is typeset by now is what its source would become. */
function isSameFormula(old: Node, next: Node): boolean {
  return old instanceof HTMLElement && next instanceof HTMLElement && old.classList.contains('formula')
    && old.dataset.tex !== undefined && old.dataset.tex === next.dataset.tex && old.className === next.className;
}

/** A formula changes from source to typeset as a whole: nothing of the one can be used for the other. */
function canBecome(old: Element, next: Element): boolean {
  return old.tagName === next.tagName && !old.classList.contains('formula') && !next.classList.contains('formula');
}

/** Growing text is appended to: replacing it would end a selection inside it. */
function changeText(old: Text, data: string): void {
  if (data.startsWith(old.data)) old.appendData(data.slice(old.length));
  else old.data = data;
}

function changeAttributes(old: Element, next: Element): void {
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}

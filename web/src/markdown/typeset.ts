/** KaTeX, in a chunk of its own. */
import katex from 'katex';
import 'katex/dist/katex.min.css';

/** Typesets TeX; what is no TeX comes out as its source, in red. Throws never, asks nothing of the network but fonts. */
export function typesetFormula(tex: string, display: boolean): Node {
  const element = document.createElement('span');
  katex.render(tex, element, {
    displayMode: display,
    throwOnError: false,
    errorColor: 'var(--bad)',
    strict: 'ignore',
    trust: false,
    maxSize: 20,
    maxExpand: 500,
  });
  // The content security policy refuses style attributes, of which KaTeX sets some; by this way they are allowed.
  for (const styled of element.querySelectorAll<SVGElement | HTMLElement>('[style]')) {
    const style = styled.getAttribute('style') ?? '';
    if (styled.style.cssText !== style) styled.style.cssText = style;
  }
  const whole = document.createDocumentFragment();
  whole.append(...element.childNodes);
  return whole;
}

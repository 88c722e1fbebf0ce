/** KaTeX, in a chunk of its own. */
import * as katex from 'katex';
import 'katex/dist/katex.min.css';

/** A node of KaTeX's tree, before it becomes one of the page. */
interface TreeNode {
  attributes?: Record<string, string>;
  children?: TreeNode[];
  toNode(): HTMLElement;
}

/** In no types and under no promise, so the version is exact; `katex.render` is this and the `toNode` of its result. */
const { __renderToDomTree: toTree } = katex as unknown as {
  __renderToDomTree(tex: string, options: katex.KatexOptions): TreeNode;
};

/** Typesets TeX; what is no TeX comes out as its source, in red. Asks nothing of the network but fonts. */
export function typesetFormula(tex: string, display: boolean): Node {
  const tree = toTree(tex, {
    displayMode: display,
    throwOnError: false,
    errorColor: 'var(--bad)',
    strict: 'ignore',
    trust: false,
    maxSize: 20,
    maxExpand: 500,
  });
  withoutStyleAttributes(tree);
  return tree.toNode();
}

/** The content security policy refuses style attributes, of which KaTeX sets some; as properties styles are allowed. */
function withoutStyleAttributes(node: TreeNode): void {
  node.children?.forEach(withoutStyleAttributes);
  const style = node.attributes?.style;
  if (!node.attributes || !style) return;
  delete node.attributes.style;
  const toNode = node.toNode.bind(node);
  node.toNode = () => {
    const made = toNode();
    made.style.cssText = style;
    return made;
  };
}

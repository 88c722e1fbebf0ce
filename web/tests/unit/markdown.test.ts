import { describe, expect, test } from 'vitest';

import { MAX_INLINE_CHARS } from '../../src/markdown/lexer';
import { MarkdownStream, renderMarkdown } from '../../src/markdown/stream';

function render(source: string): HTMLElement {
  const root = document.createElement('div');
  renderMarkdown(root, source);
  return root;
}

const formulas = (source: string) => [...render(source).querySelectorAll<HTMLElement>('.formula')].map((f) => f.dataset.tex);

describe('math', () => {
  test.each([
    ['\\(a_1 + b_2\\)', ['a_1 + b_2']],
    ['\\[x\\] and $$y$$ and $z$', ['x', 'y', 'z']],
    ['\\[\na\n\nb\n\\]', ['a\n\nb']],
    ['text:\n$$\nx\n$$\nmore', ['x']],
    ['*a \\(b*c\\) d*', ['b*c']],
    ['| $a$ | b |\n|--|--|\n| \\(c\\) | d |', ['a', 'c']],
    ['- \\(i\\)', ['i']],
  ])('%j is found', (source, expected) => expect(formulas(source)).toEqual(expected));

  test.each([
    'It costs $5 and $10.', 'US$20 to US$30', '$30-$40', '$20 for lunch, about 2$.', '\\$5 and \\$6', '`$a$` and `\\(b\\)`',
    '```\n$$x$$\n```', '$ a $', '$$$', '\\\\(a\\\\)',
  ])('%j is text', (source) => expect(formulas(source)).toEqual([]));
});

describe('what is unsafe', () => {
  const ATTACKS = [
    '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '<svg/onload=alert(1)>', '<iframe src="javascript:alert(1)">',
    '[a](javascript:alert(1))', '[a](JaVaScRiPt:alert(1))', '[a](&#106;avascript:alert(1))', '[a](java&#x0A;script:alert(1))',
    '[a](data:text/html,<script>alert(1)</script>)', '[a](vbscript:x)', '![a](https://evil.example/pixel.png)', '![a](x" onerror="alert(1))',
    '<a href="javascript:alert(1)">x</a>', '[a][b]\n\n[b]: javascript:alert(1)', '<javascript:alert(1)>', '[a](//evil.example)', '[a](/api/chat/stream)',
    '```html\n<script>alert(1)</script>\n```', '```"><img src=x onerror=alert(1)>\nx\n```', '<style>*{display:none}</style>', '$\\href{javascript:alert(1)}{x}$',
    '<!--><script>alert(1)</script>', '[x](https://a.example "onclick=alert(1)")', '<math><mtext></mtext></math>', '&lt;img src=x onerror=alert(1)&gt;',
  ];
  test.each(ATTACKS)('%s', (attack) => {
    for (const source of [attack, `- ${attack}`, `> ${attack}`, `| a |\n|---|\n| ${attack} |`, `**${attack}**`]) {
      for (const element of render(source).querySelectorAll('*')) {
        expect(['script', 'img', 'svg', 'iframe', 'style', 'math', 'object', 'form', 'input']).not.toContain(element.localName);
        for (const { name, value } of element.attributes) {
          expect(name).not.toMatch(/^on|^src$|^style$/);
          if (name === 'href') expect(value).toMatch(/^(https?|mailto):/);
        }
        if (element.localName === 'a') expect(element.getAttribute('rel')).toBe('noopener noreferrer nofollow');
      }
    }
  });

  test('links of allowed schemes are links', () => {
    const links = [...render('[a](https://x.example/?a=1&amp;b=2) <b@c.example> http://d.example').querySelectorAll('a')];
    expect(links.map((link) => link.href)).toEqual(['https://x.example/?a=1&b=2', 'mailto:b@c.example', 'http://d.example/']);
  });

  test.each(['$', '$a ', '\\[x ', '\\(', '$x$ ', '$$x$$ ', '*a ', '_a', '~~a ', '[', '`a ', '![', '> ', '1. ', '&amp;', '|', '<a '])(
    'a model that repeats %j for 15 kB freezes nothing', (unit) => {
      const root = document.createElement('div');
      const stream = new MarkdownStream(root);
      const started = performance.now();
      for (let part = 0; part < 3; part++) {
        stream.push(unit.repeat(Math.ceil(5_000 / unit.length)));
        stream.render();
      }
      stream.end();
      // Some took a minute; what is left is a fraction of this, on a machine that does other things as well.
      expect(performance.now() - started).toBeLessThan(20_000);
      expect(root.textContent?.length).toBeGreaterThan(0);
    }, 60_000);

  test('a paragraph longer than any is shown as it is written', () => {
    const prose = 'words, **bold** ';
    const of = (chars: number) => render(prose.repeat(Math.ceil(chars / prose.length))).querySelectorAll('strong').length;
    expect(of(MAX_INLINE_CHARS - 100)).toBeGreaterThan(900);
    expect(of(MAX_INLINE_CHARS + 100)).toBe(0);
  });

  test('nesting is bounded', () => {
    const root = render(`${'> '.repeat(3_000)}deep\n\n${'- '.repeat(500)}deep`);
    let depth = 0;
    for (let e: Element | null = root.querySelector('blockquote'); e; e = e.firstElementChild) depth += 1;
    expect(depth).toBeLessThan(60);
  });
});

describe('while it grows', () => {
  /** Elements by name and text, of a text whose end is not here. */
  function live(source: string): string {
    const root = document.createElement('div');
    const stream = new MarkdownStream(root);
    stream.push(source);
    stream.render();
    const outline = (node: Node): string => {
      const inner = [...node.childNodes].map(outline).join('');
      return node instanceof HTMLElement && node !== root ? `<${node.localName}>${inner}</>` : inner || (node.textContent ?? '');
    };
    return outline(root).replace(/^<p>((?:(?!<p>).)*)<\/>$/s, '$1');
  }

  test.each([
    ['a **bold', 'a <strong>bold</>'],
    ['a **bold *it', 'a <strong>bold <em>it</></>'],
    ['a ***both', 'a <strong><em>both</></>'],
    ['a **bold `co', 'a <strong>bold <code>co</></>'],
    ['a `code', 'a <code>code</>'],
    ['a `co*de', 'a <code>co*de</>'],
    ['a `', 'a'],
    ['~~gone', '<del>gone</>'],
    ['about ~5', 'about ~5'],
    ['a **', 'a'],
    ['a **bold*', 'a <strong>bold</>'],
    ['a \\', 'a '],
    ['2 * 3 * 4', '2 * 3 * 4'],
    ['2*3', '2*3'],
    ['see [the page](https://exa', 'see the page'],
    ['see [the **page', 'see the <strong>page</>'],
    ['see ![a](https://exa', 'see '],
    ['**see [the page](https://exa', '<strong>see the page</>'],
    ['a note[^1', 'a note'],
    ['H<sub>2', 'H<sub>2</>'],
    ['H<su', 'H'],
    ['**H<sub>2', '<strong>H<sub>2</></>'],
    ['text\n-', 'text'],
    ['- item\n- **x', '<ul><li>item</><li><strong>x</></></>'],
    ['- **not meant\n- **x', '<ul><li>**not meant</><li><strong>x</></></>'],
    ['a **b\n\nc', '<p>a **b</><p>c</>'],
    ['| a | b |', ''],
    ['| a | b |\n|--', ''],
    ['| a |\n|---|\n| **b', '<div><table><thead><tr><th>a</></></><tbody><tr><td><strong>b</></></></></></>'],
    ['```js\nlet a = `**', /<code>let a = `\*\*<\/>/],
    ['```js\nlet a\n``', /<code>let a\n<\/>/],
    ['snake_case_name', 'snake_case_name'],
    ['snake_', 'snake'],
    ['\\(a_b', '<span><code>a_b</></>'],
    ['**so \\(a_b', '<strong>so <span><code>a_b</></></>'],
    ['done **x** y', 'done <strong>x</> y'],
    ['*'.repeat(40), ''],
    ['[a '.repeat(3), '[a [a a '],
  ] as [string, string | RegExp][])('%j is shown as %j', (source, shown) => {
    if (typeof shown === 'string') expect(live(source)).toBe(shown);
    else expect(live(source)).toMatch(shown);
  });
});

describe('the live view', () => {
  test('keeps the nodes of what is finished, and the text node that grows', () => {
    const root = document.createElement('div');
    const stream = new MarkdownStream(root);
    stream.push('First.\n\nSecond');
    stream.render();
    const [first, second] = root.children;
    const words = second?.firstChild;
    stream.push(' grows.\n\nThird.\n\nx');
    stream.render();
    stream.end();
    expect(root.children[0]).toBe(first);
    expect(root.children[1]).toBe(second);
    expect(root.children[1]?.firstChild).toBe(words);
    expect(words?.textContent).toBe('Second grows.');
  });

  test('shows an open code block to its last letter, but not the beginning of its end', () => {
    const root = document.createElement('div');
    const stream = new MarkdownStream(root);
    const shown: (string | null | undefined)[] = [];
    for (const piece of ['```js\nlet', ' a;\n', 'b', '\n`', '``', '\nafter\n\nx']) {
      stream.push(piece);
      stream.render();
      shown.push(root.querySelector('code')?.textContent);
    }
    expect(shown).toEqual(['let', 'let a;\n', 'let a;\nb', 'let a;\nb\n', 'let a;\nb', 'let a;\nb']);
    expect(root.querySelectorAll('p').length).toBe(2);
  });

  test('never shows a formula’s source as emphasis, nor its end as text', () => {
    const root = document.createElement('div');
    const stream = new MarkdownStream(root);
    for (const letter of 'x \\(a_1 b_2\\) y') {
      stream.push(letter);
      stream.render();
      expect(root.querySelector('em')).toBeNull();
    }
  });
});

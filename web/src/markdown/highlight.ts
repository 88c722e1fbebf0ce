/** highlight.js with the languages that answers are full of, in a chunk of its own, writing DOM instead of HTML. */
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import c from 'highlight.js/lib/languages/c';
import cpp from 'highlight.js/lib/languages/cpp';
import csharp from 'highlight.js/lib/languages/csharp';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import go from 'highlight.js/lib/languages/go';
import ini from 'highlight.js/lib/languages/ini';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import kotlin from 'highlight.js/lib/languages/kotlin';
import markdown from 'highlight.js/lib/languages/markdown';
import php from 'highlight.js/lib/languages/php';
import powershell from 'highlight.js/lib/languages/powershell';
import python from 'highlight.js/lib/languages/python';
import ruby from 'highlight.js/lib/languages/ruby';
import rust from 'highlight.js/lib/languages/rust';
import shell from 'highlight.js/lib/languages/shell';
import sql from 'highlight.js/lib/languages/sql';
import swift from 'highlight.js/lib/languages/swift';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';

/** What highlight.js calls while it walks through code: this takes its words and scopes as elements. */
class ElementEmitter {
  readonly root = document.createDocumentFragment();
  private readonly open: (DocumentFragment | HTMLElement)[] = [this.root];

  private get innermost(): DocumentFragment | HTMLElement {
    return this.open.at(-1) ?? this.root;
  }

  startScope(scope: string): void {
    const element = document.createElement('span');
    // "title.function" is styled as `hljs-title function_`, by the convention of its themes.
    const [first, ...rest] = scope.split('.');
    element.classList.add(`hljs-${first}`, ...rest.map((part, depth) => part + '_'.repeat(depth + 1)));
    this.innermost.append(element);
    this.open.push(element);
  }

  endScope(): void {
    if (this.open.length > 1) this.open.pop();
  }

  /** The names by which highlight.js's own walk calls the two above. */
  openNode(scope: string): void {
    this.startScope(scope);
  }

  closeNode(): void {
    this.endScope();
  }

  addText(text: string): void {
    if (text) this.innermost.append(text);
  }

  __addSublanguage(emitter: ElementEmitter): void {
    this.innermost.append(emitter.root);
  }

  finalize(): void {}

  toHTML(): string {
    return '';
  }
}

hljs.configure({ __emitter: ElementEmitter as never });
const languages = { bash, c, cpp, csharp, css, diff, go, ini, java, javascript, json, kotlin, markdown, php, powershell,
  python, ruby, rust, shell, sql, swift, typescript, xml, yaml };
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language);

/** Code in coloured spans; nothing if the language is not known here. */
export function highlight(code: string, language: string): DocumentFragment | undefined {
  if (!hljs.getLanguage(language)) return undefined;
  const result = hljs.highlight(code, { language, ignoreIllegals: true });
  return (result._emitter as unknown as ElementEmitter).root;
}

/** Which of several versions is shown, and the way to the others. */
import type { Turn } from '../conversation';
import { el } from '../element';
import { words } from '../words';

/** "‹ 2/3 ›"; nothing where there is one version only. */
export function pager(versions: readonly Turn[], shown: Turn, of: 'answer' | 'question'): HTMLElement | null {
  if (versions.length < 2) return null;
  const at = positionOf(versions, shown, of);
  const step = (act: 'older' | 'newer', sign: string, isPossible: boolean) =>
    el('button', { type: 'button', class: 'quiet', 'data-act': `${act}-${of}`, 'aria-label': words[act][of], title: words[act][of], disabled: !isPossible },
      el('span', { class: 'chevron', 'aria-hidden': true }, sign));
  return el('span', { class: 'versions', role: 'group', 'aria-label': words.versions[of] },
    step('older', '‹', at > 0),
    el('span', { 'aria-label': words.versionOf(at + 1, versions.length) }, `${at + 1}/${versions.length}`),
    step('newer', '›', at < versions.length - 1));
}

/** The version before or after the one that is shown. */
export function neighbour(versions: readonly Turn[], shown: Turn, of: 'answer' | 'question', step: 1 | -1): Turn | undefined {
  return versions[positionOf(versions, shown, of) + step];
}

/** Of a question's versions, which are the latest answer of each, it is the one with the same words. */
function positionOf(versions: readonly Turn[], shown: Turn, of: 'answer' | 'question'): number {
  const at = versions.indexOf(shown);
  return at >= 0 || of === 'answer' ? at : versions.findIndex(({ text, images }) => text === shown.text && images.length === shown.images.length);
}

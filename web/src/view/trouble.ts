/** What is said where the browser keeps less than it should. */
import { byId } from '../element';
import type { Trouble } from '../store';
import { words } from '../words';
import { toast } from './toast';

/** Tells the reader. */
export function tellTrouble(trouble: Trouble): void {
  if (trouble === 'not-kept') byId('storage-note', HTMLElement).textContent = words.keepsNothing;
  else toast(words.imagesDropped);
}

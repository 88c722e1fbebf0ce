/**
 * Images and text files on their way into a question: by button, paste, drop or camera. Each is shown with a way to remove
 * it, and a refusal is told in words.
 */
import { type ImageRef, MAX_FILES, readTextFile, type StoredImage, type TextFile } from '../attachment';
import { byId, el } from '../element';
import type { Limits } from '../offer';
import { words } from '../words';
import { say } from './announce';
import { icon } from './icons';
import { toast } from './toast';

interface TakenImage {
  ref: ImageRef;
  url: string;
}

interface Taken {
  images: TakenImage[];
  files: TextFile[];
}

/** Images of one question, where the service names no number. */
const MAX_IMAGES = 10;

/** What is attached to the question that is being written, for each chat apart. */
export class Attachments {
  /** Told when something was added or removed. */
  onChange: () => void = () => {};
  private readonly list = byId('attachments', HTMLUListElement);
  private readonly button = byId('attach', HTMLButtonElement);
  private readonly input = byId('attach-file', HTMLInputElement);
  private readonly drafts = new Map<string, Taken>();
  private draft: Taken = { images: [], files: [] };
  /** Bytes of images that were sent last and may not be in the store yet. */
  private readonly sent = new Map<string, string>();
  private reading = 0;
  private takesImages = false;
  private limits: Limits | null = null;

  constructor(form: HTMLElement) {
    this.button.addEventListener('click', () => this.input.click());
    this.input.addEventListener('change', () => {
      void this.add([...(this.input.files ?? [])]);
      this.input.value = '';
    });
    form.addEventListener('paste', (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      // Text that was copied from an office program comes with its picture: the text is what is meant.
      if (files.length === 0 || event.clipboardData?.getData('text/plain')) return;
      event.preventDefault();
      void this.add(files);
    });
    this.watchDrops();
  }

  /** What the chosen model takes. */
  setOffer(takesImages: boolean, limits: Limits | null): void {
    this.takesImages = takesImages;
    this.limits = limits;
    this.input.accept = takesImages ? 'image/*,text/*,.md,.json,.csv,.log,.yaml,.yml,.toml' : 'text/*,.md,.json,.csv,.log,.yaml,.yml,.toml';
    const label = takesImages ? words.attachImagesOrFiles : words.attachFiles;
    this.button.setAttribute('aria-label', label);
    this.button.title = label;
    this.render();
  }

  /** Whether there is nothing of it to send. */
  get isEmpty(): boolean {
    const { images, files } = this.taken();
    return images.length === 0 && files.length === 0;
  }

  /** While a file is being read nothing is sent without it. */
  get isReading(): boolean {
    return this.reading > 0;
  }

  /** Takes up what was attached in this conversation. */
  open(conversation: string): void {
    this.draft = this.drafts.get(conversation) ?? { images: [], files: [] };
    this.drafts.set(conversation, this.draft);
    this.render();
  }

  /** For a question that is sent now. */
  taken(): { images: ImageRef[]; files: TextFile[] } {
    const images = this.takesImages ? this.draft.images.map(({ ref }) => ref) : [];
    return { images, files: [...this.draft.files] };
  }

  /** The bytes of these images, for the store. */
  stored(refs: readonly ImageRef[], chat: string): StoredImage[] {
    return refs.flatMap(({ id }) => {
      const url = this.sentUrl(id);
      return url ? [{ id, chat, added: Date.now(), url }] : [];
    });
  }

  /** The bytes of an image that was sent last. */
  sentUrl(id: string): string | undefined {
    return this.sent.get(id);
  }

  /** Nothing is attached any more. */
  clear(): void {
    this.sent.clear();
    for (const { ref, url } of this.draft.images) this.sent.set(ref.id, url);
    this.draft.images = [];
    this.draft.files = [];
    this.render();
  }

  private async add(files: readonly File[]): Promise<void> {
    const draft = this.draft;
    this.reading += 1;
    for (const file of files) {
      const problem = file.type.startsWith('image/') && file.type !== 'image/svg+xml' ? await this.addImage(file, draft) : await this.addText(file, draft);
      if (problem) toast(problem);
    }
    this.reading -= 1;
    this.changed();
  }

  /** The reason why not, in words. */
  private async addImage(file: File, draft: Taken): Promise<string | null> {
    if (!this.takesImages) return words.noImages;
    const most = Math.min(this.limits?.images ?? MAX_IMAGES, MAX_IMAGES);
    if (draft.images.length >= most) return words.tooManyImages(most);
    const { prepare } = await import('../image');
    const name = file.name || words.pastedImage;
    const prepared = await prepare(file, this.limits?.imageBytes ?? null);
    if (prepared === 'too-large') return words.imageTooLarge(name);
    if (prepared === 'unreadable') return words.imageUnreadable(name);
    const { url, width, height, bytes, wasAnimated } = prepared;
    if (draft.images.length >= most) return words.tooManyImages(most);
    draft.images.push({ ref: { id: crypto.randomUUID(), name, width, height, bytes }, url });
    say(words.attached(name));
    return wasAnimated ? words.firstFrameOnly(name) : null;
  }

  private async addText(file: File, draft: Taken): Promise<string | null> {
    if (draft.files.length >= MAX_FILES) return words.tooManyFiles(MAX_FILES);
    const read = await readTextFile(file);
    if (read === 'too-large') return words.fileTooLarge(file.name);
    if (read === 'no-text') return words.fileNoText(file.name);
    draft.files.push(read);
    say(words.attached(read.name));
    return null;
  }

  private changed(): void {
    this.render();
    this.onChange();
  }

  private render(): void {
    const remove = (name: string, at: number, of: unknown[]) => {
      const button = el('button', { type: 'button', class: 'icon remove', 'aria-label': words.remove(name), title: words.remove(name) }, icon('close'));
      button.addEventListener('click', () => {
        of.splice(at, 1);
        this.changed();
        say(words.removed(name));
        (this.list.querySelector<HTMLElement>('.remove') ?? this.button).focus();
      });
      return button;
    };
    const images = this.draft.images.map(({ ref: { name }, url }, index) => el('li', { class: this.takesImages ? 'thumb' : 'thumb unused', title: name },
      el('img', { src: url, alt: name }), !this.takesImages && el('small', {}, words.notSent), remove(name, index, this.draft.images)));
    const files = this.draft.files.map(({ name }, index) => el('li', { class: 'file' },
      icon('file'), el('bdi', {}, name), remove(name, index, this.draft.files)));
    this.list.replaceChildren(...images, ...files);
    this.list.hidden = images.length + files.length === 0;
  }

  private watchDrops(): void {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const mark = (isOver: boolean) => document.body.classList.toggle('dropping', isOver);
    addEventListener('dragover', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      mark(true);
    });
    addEventListener('dragleave', (event) => event.relatedTarget === null && mark(false));
    addEventListener('drop', (event) => {
      mark(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      void this.add([...(event.dataTransfer?.files ?? [])]);
    });
  }
}

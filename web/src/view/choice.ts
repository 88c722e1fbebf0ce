/** Which model answers, and with how much effort: native selectors, shown only where there is a choice. */
import { byId, el } from '../element';
import { type Model, modelNamed, type Offer } from '../offer';
import { words } from '../words';

/** What the reader chose; null is the service's default. */
export interface Chosen {
  model: string | null;
  effort: string | null;
}

/** The two selectors below the message box. */
export class Choice {
  private readonly model = byId('model', HTMLSelectElement);
  private readonly effort = byId('effort', HTMLSelectElement);
  private offer: Offer | null = null;
  private chosen: Chosen = { model: null, effort: null };

  constructor(onChange: (chosen: Chosen) => void) {
    this.model.addEventListener('change', () => {
      // Another model has other efforts.
      this.show(this.offer, { model: this.model.value, effort: null });
      onChange(this.chosen);
    });
    this.effort.addEventListener('change', () => {
      this.chosen = { ...this.chosen, effort: this.effort.value || null };
      onChange(this.chosen);
    });
  }

  /** Shows what there is to choose; of what was chosen, what is not offered any more counts as the default. */
  show(offer: Offer | null, chosen: Chosen): void {
    this.offer = offer;
    const model = offer && modelNamed(offer, chosen.model);
    this.chosen = {
      model: offer && model !== offer.byDefault ? (model?.name ?? null) : null,
      effort: chosen.effort && model?.efforts.includes(chosen.effort) ? chosen.effort : null,
    };
    const models = offer?.models ?? [];
    this.model.hidden = models.length < 2;
    fill(this.model, models.map(({ name, title }) => [name, title]), model?.name ?? '');
    const efforts = effortsOf(model);
    this.effort.hidden = efforts.length < 2;
    fill(this.effort, efforts, this.chosen.effort ?? model?.effort ?? '');
  }

  /** What is to be sent. */
  get value(): Chosen {
    return this.chosen;
  }
}

/** With a default that is not told, that it is the default is all that can be said of it. */
function effortsOf(model: Model | null): [string, string][] {
  const names: Readonly<Record<string, string>> = words.efforts;
  const efforts = (model?.efforts ?? []).map((effort): [string, string] => [effort, words.effortOf(names[effort] ?? effort)]);
  return model && efforts.length > 0 && !model.effort ? [['', words.effortOf(words.byDefault)], ...efforts] : efforts;
}

/** Filling it anew would close a selector that is open. */
function fill(select: HTMLSelectElement, options: readonly (readonly [string, string])[], value: string): void {
  const key = JSON.stringify(options);
  if (select.dataset.options !== key) {
    select.dataset.options = key;
    select.replaceChildren(...options.map(([name, title]) => el('option', { value: name }, title)));
  }
  select.value = value;
}

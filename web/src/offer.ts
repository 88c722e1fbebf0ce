/** What the service offers, as `GET /api/models` tells: models, and the limits of a request. */
import { object, number, parseObject, text } from './wire';

/** A model that can be chosen. */
export interface Model {
  name: string;
  title: string;
  /** What a request may choose, from the least to the most; empty where there is no choice. */
  efforts: readonly string[];
  effort: string | null;
  images: boolean;
}

/** Bounds of a request; each is null where the service does not tell it. */
export interface Limits {
  messages: number | null;
  characters: number | null;
  requestBytes: number | null;
  images: number | null;
  imageBytes: number | null;
}

/** The offer of a service. */
export interface Offer {
  models: readonly Model[];
  /** One of `models`. */
  byDefault: Model;
  limits: Limits;
}

/** Where nobody told any. */
export const NO_LIMITS: Limits = { messages: null, characters: null, requestBytes: null, images: null, imageBytes: null };

/** Reads the offer; null if it is none, and then there is nothing to choose. */
export function parseOffer(json: string): Offer | null {
  const fields = parseObject(json);
  const models = (Array.isArray(fields?.models) ? fields.models : []).map(modelFrom).filter((model) => model !== null);
  const byDefault = models.find(({ name }) => name === fields?.default) ?? models[0];
  if (!fields || !byDefault) return null;
  const limits = object(fields.limits) ?? {};
  return {
    models, byDefault,
    limits: {
      messages: number(limits.messages), characters: number(limits.characters), requestBytes: number(limits.request_bytes),
      images: number(limits.images), imageBytes: number(limits.image_bytes),
    },
  };
}

function modelFrom(value: unknown): Model | null {
  const fields = object(value);
  const name = text(fields?.name);
  if (!fields || !name) return null;
  const efforts = Array.isArray(fields.efforts) ? fields.efforts.filter((effort) => typeof effort === 'string') : [];
  return { name, title: text(fields.title) || name, efforts, effort: text(fields.effort), images: fields.images === true };
}

/** The model of this name, or the one that answers when none is named. */
export function modelNamed(offer: Offer, name: string | null): Model {
  return offer.models.find((model) => model.name === name) ?? offer.byDefault;
}

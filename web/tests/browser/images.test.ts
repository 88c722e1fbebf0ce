/** Images and text files in a question: how they get in, what becomes of them, and what is sent. */
import { describe, expect, test } from 'vitest';

import { fixture, text, visible } from './fixture';

const it = fixture();
const OFFER = {
  default: 'sees', models: [{ name: 'sees', title: 'Sees', images: true }, { name: 'blind', title: 'Blind', images: false }],
  limits: { messages: 200, characters: 400_000, request_bytes: 8_388_608, images: 3, image_bytes: 4_194_304 },
};
type Payload = { name: string; mimeType: string; buffer: Buffer };

/** A picture as a browser encodes it, with noise in it where it should be large. */
async function picture(width: number, height: number, type = 'image/png', isNoisy = false): Promise<Buffer> {
  const url = await it.page.evaluate(([w, h, kind, noisy]) => {
    const canvas = document.createElement('canvas');
    canvas.width = w;
    canvas.height = h;
    const context = canvas.getContext('2d')!;
    context.fillStyle = '#c33';
    context.fillRect(0, 0, w, h);
    if (noisy) {
      const data = context.getImageData(0, 0, w, h);
      for (let at = 0; at < data.data.length; at += 65_536) crypto.getRandomValues(data.data.subarray(at, at + 65_536));
      for (let at = 3; at < data.data.length; at += 4) data.data[at] = 255;
      context.putImageData(data, 0, 0);
    }
    return canvas.toDataURL(kind, 1);
  }, [width, height, type, isNoisy] as const);
  return Buffer.from(url.split(',')[1]!, 'base64');
}

const png = async (name: string, width = 40, height = 30): Promise<Payload> => ({ name, mimeType: 'image/png', buffer: await picture(width, height) });
const attach = (...files: Payload[]) => it.page.setInputFiles('#attach-file', files);
const thumbs = () => it.page.locator('#attachments .thumb');
const sentImages = () => it.backend.asked.at(-1)!.messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content)).flatMap(({ image_url }) => image_url?.url ?? []);

/** What a browser makes of an image's address: its size. */
const sizeOf = (url: string) => it.page.evaluate(async (address) => {
  const image = new Image();
  image.src = address;
  await image.decode();
  return [image.naturalWidth, image.naturalHeight];
}, url);

async function offered(): Promise<void> {
  it.backend.offer = OFFER;
  await it.page.reload();
  await visible(it.page.locator('#model'));
}

describe('an image', () => {
  test('is attached by the button, removed by keyboard, sent, kept, and sent again with the next question', async () => {
    await offered();
    await attach(await png('one.png'), await png('two.png'));
    await expect.poll(() => thumbs().count()).toBe(2);
    await thumbs().first().locator('.remove').focus();
    await it.page.keyboard.press('Enter');
    expect(await thumbs().locator('img').getAttribute('alt')).toBe('two.png');
    expect(await it.page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Remove two.png');
    await it.exchange('What is it?');
    expect(it.backend.asked[0]?.messages).toEqual([{ role: 'user', content: [{ type: 'text', text: 'What is it?' }, { type: 'image_url', image_url: { url: expect.stringMatching(/^data:image\/png;base64,/), detail: 'auto' } }] }]);
    expect(await thumbs().count()).toBe(0);
    await it.page.reload();
    await visible(it.last('.question img'));
    await expect.poll(() => it.last('.question img').evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(40);
    await visible(it.page.locator('#model'));
    await it.exchange('And now?');
    expect(sentImages().length).toBe(1);
  });

  test('is made smaller and encoded anew: no more than 2,048 px and about a megabyte, and nothing of what a camera wrote', async () => {
    await offered();
    const jpeg = await picture(3_000, 2_000, 'image/jpeg', true);
    // What a phone writes into a picture: where it was, in a segment behind the first two bytes.
    const secret = Buffer.from('Exif\0\0GPS 52.5200N 13.4050E');
    const segment = Buffer.concat([Buffer.from([0xff, 0xe1, 0, secret.length + 2]), secret]);
    await attach({ name: 'photo.jpg', mimeType: 'image/jpeg', buffer: Buffer.concat([jpeg.subarray(0, 2), segment, jpeg.subarray(2)]) });
    await expect.poll(() => thumbs().count(), { timeout: 20_000 }).toBe(1);
    await it.exchange('Q');
    const [url] = sentImages();
    const bytes = Buffer.from(url!.split(',')[1]!, 'base64');
    expect(bytes.length).toBeLessThanOrEqual(1_000_000);
    expect(bytes.includes('GPS')).toBe(false);
    const [width, height] = await sizeOf(url!);
    expect(width).toBeLessThanOrEqual(2_048);
    expect(width! / height!).toBeCloseTo(1.5, 1);
  });

  test('is turned as its camera was held', async () => {
    await offered();
    const jpeg = await picture(60, 20, 'image/jpeg');
    const exif = Buffer.from('457869660000' + '49492a0008000000' + '0100' + '120103000100000006000000' + '00000000', 'hex');
    const segment = Buffer.concat([Buffer.from([0xff, 0xe1, 0, exif.length + 2]), exif]);
    await attach({ name: 'turned.jpg', mimeType: 'image/jpeg', buffer: Buffer.concat([jpeg.subarray(0, 2), segment, jpeg.subarray(2)]) });
    await expect.poll(() => thumbs().count()).toBe(1);
    await it.exchange('Q');
    expect(await sizeOf(sentImages()[0]!)).toEqual([20, 60]);
  });

  test('that would unpack to more than a screen can show is refused by its header, and what is none by its bytes', async () => {
    await offered();
    const bomb = Buffer.from(await picture(1, 1));
    bomb.writeUInt32BE(50_000, 16);
    bomb.writeUInt32BE(50_000, 20);
    await attach({ name: 'bomb.png', mimeType: 'image/png', buffer: bomb });
    await it.page.getByText('bomb.png is too large.').first().waitFor();
    await attach({ name: 'no.png', mimeType: 'image/png', buffer: Buffer.from('nothing of the kind') });
    await it.page.getByText('no.png is no image').first().waitFor();
    expect(await thumbs().count()).toBe(0);
  });

  test('of an animation the first frame is sent, and that is said', async () => {
    await offered();
    const frame = '2c00000000010001000002024c0100';
    const gif = Buffer.from(`474946383961${'0100'.repeat(2)}800000${'000000ffffff'}${frame}${frame}3b`, 'hex');
    await attach({ name: 'moving.gif', mimeType: 'image/gif', buffer: gif });
    await it.page.getByText('Of moving.gif only the first frame is sent.').first().waitFor();
    await it.exchange('Q');
    expect(sentImages()[0]).toMatch(/^data:image\/png/);
  });

  test('is pasted, and dropped', async () => {
    await offered();
    const base64 = (await picture(20, 20)).toString('base64');
    await it.page.evaluate((data) => {
      const file = new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], 'shot.png', { type: 'image/png' });
      const transfer = new DataTransfer();
      transfer.items.add(file);
      document.querySelector('#question')!.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true }));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }, base64);
    await expect.poll(() => thumbs().count()).toBe(2);
    await it.page.click('#send');
    await visible(it.last('.figures'));
    expect(it.backend.asked[0]?.messages[0]?.content).toEqual([expect.objectContaining({ type: 'image_url' }), expect.objectContaining({ type: 'image_url' })]);
  });

  test('old ones of a long chat leave before the limit, and are seen to', async () => {
    await offered();
    await attach(await png('a.png'), await png('b.png'));
    await expect.poll(() => thumbs().count()).toBe(2);
    await it.exchange('first');
    await attach(await png('c.png'), await png('d.png'), await png('e.png'), await png('f.png'));
    await it.page.getByText('One question takes 3 images at most.').first().waitFor();
    await it.exchange('second');
    expect(sentImages().length).toBe(3);
    expect(JSON.stringify(it.backend.asked.at(-1)?.messages[0])).toContain('[image removed] [image removed]');
    await expect.poll(() => it.page.locator('.turn').first().locator('.unused').count()).toBe(2);
    // A model that takes none is sent none, and that is seen as well.
    await it.page.selectOption('#model', 'blind');
    await it.exchange('third');
    expect(sentImages()).toEqual([]);
    await it.page.evaluate(() => localStorage.clear());
  });
});

test('without a model that takes images none can be attached; text files can, and are folded', async () => {
  await attach(await png('a.png'));
  await it.page.getByText('This model takes no images.').first().waitFor();
  await attach({ name: 'notes.md', mimeType: 'text/markdown', buffer: Buffer.from('# Notes\n```\nx\n```\n') }, { name: 'data.bin', mimeType: 'application/octet-stream', buffer: Buffer.from([0, 1, 2]) },
    { name: 'huge.txt', mimeType: 'text/plain', buffer: Buffer.alloc(100_001, 'x') });
  await it.page.getByText('data.bin is no text file.').first().waitFor();
  await it.page.getByText('huge.txt is too large').first().waitFor();
  await expect.poll(() => it.page.locator('#attachments .file').count()).toBe(1);
  await it.exchange('Sum it up.');
  expect(it.backend.asked[0]?.messages[0]?.content).toBe('Sum it up.\n\nnotes.md:\n````\n# Notes\n```\nx\n```\n````');
  expect(await text(it.last('.files summary'))).toBe('notes.md');
  expect(await it.last('.files pre').isVisible()).toBe(false);
});

// Real JavaScript clients against an OpenAI-style server, a line of what each saw for each model.
//
// Use: node clients.mjs MODULES BASE_URL CLIENT WAY MODEL…, where MODULES is the folder that has node_modules, and WAY is
// stream, whole, tools, cancel or models. With WAY fail each MODEL is CASE:MODEL, and the line is the exception that openai-node
// raises.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, base, client, way, ...models] = process.argv.slice(2);
const QUESTION = "hi";
const KEY = "dummy";
const WEATHER = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } } },
  },
};

const from = createRequire(pathToFileURL(`${modules}/index.js`));
const load = (name) => import(pathToFileURL(from.resolve(name)));

async function openaiNode(model, seen) {
  const { default: OpenAI } = await load("openai");
  const openai = new OpenAI({ baseURL: base, apiKey: KEY });
  if (way === "models") {
    const ids = [];
    for await (const each of openai.models.list()) ids.push(each.id);
    seen.text = ids.join();
    return;
  }
  const messages = [{ role: "user", content: QUESTION }];
  if (way === "tools") {
    const call = (await openai.chat.completions.create({ model, messages, tools: [WEATHER] })).choices[0].message;
    messages.push(call, ...call.tool_calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "sunny" })));
    seen.text = (await openai.chat.completions.create({ model, messages, tools: [WEATHER] })).choices[0].message.content;
    return;
  }
  if (way === "whole") {
    const answer = await openai.chat.completions.create({ model, messages });
    const { message, finish_reason } = answer.choices[0];
    Object.assign(seen, { text: message.content, thoughts: message.reasoning_content ?? "", finish: finish_reason });
    seen.usage = answer.usage.total_tokens;
    return;
  }
  const stream_options = { include_usage: true };
  const stream = await openai.chat.completions.create({ model, messages, stream: true, stream_options });
  for await (const chunk of stream) {
    if (chunk.usage) seen.usage = chunk.usage.total_tokens;
    for (const { delta, finish_reason } of chunk.choices) {
      seen.text += delta.content ?? "";
      seen.thoughts += delta.reasoning_content ?? "";
      seen.finish = finish_reason ?? seen.finish;
    }
    if (way === "cancel" && seen.text) return stream.controller.abort();
  }
}

/** Sends half of a body, and the rest too late. */
function slowly(url, { body, ...options }) {
  const half = body.length / 2;
  const halves = new ReadableStream({
    async start(stream) {
      stream.enqueue(new TextEncoder().encode(body.slice(0, half)));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      stream.enqueue(new TextEncoder().encode(body.slice(half)));
      stream.close();
    },
  });
  return fetch(url, { ...options, body: halves, duplex: "half" });
}

async function openaiNodeFails(kind, model) {
  const { default: OpenAI } = await load("openai");
  const openai = new OpenAI({ baseURL: base, apiKey: KEY, ...(kind === "slow" ? { fetch: slowly } : {}) });
  const messages = kind === "empty" ? [] : [{ role: "user", content: kind === "long" ? "x".repeat(30000) : QUESTION }];
  const headers = { media: { "Content-Type": "text/plain" }, origin: { Origin: "https://other.example" } }[kind];
  try {
    if (kind === "nowhere") await openai.embeddings.create({ model, input: QUESTION });
    else if (kind === "method") await openai.post("/models", { body: {} });
    else await openai.chat.completions.create({ model, messages }, { headers });
    return "RAISES nothing";
  } catch (error) {
    const wait = error.headers?.get("retry-after");
    return `RAISES ${error.constructor.name} status ${error.status} code ${error.code} id ${error.requestID} wait ${wait} text ${error.message}`;
  }
}

async function vercel(model, seen) {
  const { generateText, streamText, tool, jsonSchema, stepCountIs } = await load("ai");
  const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");
  const provider = createOpenAICompatible({ name: "ours", baseURL: base, apiKey: KEY, includeUsage: true });
  const asked = { model: provider(model), prompt: QUESTION };
  if (way === "tools") {
    const weather = tool({
      description: WEATHER.function.description,
      inputSchema: jsonSchema(WEATHER.function.parameters),
      execute: async () => "sunny",
    });
    seen.text = (await generateText({ ...asked, tools: { weather }, stopWhen: stepCountIs(3) })).text;
    return;
  }
  if (way === "whole") {
    const answer = await generateText(asked);
    Object.assign(seen, { text: answer.text, thoughts: answer.reasoningText ?? "", finish: answer.finishReason });
    seen.usage = answer.usage.totalTokens;
    return;
  }
  const abort = new AbortController();
  const errors = [];
  const stream = streamText({ ...asked, abortSignal: abort.signal, onError: () => {} });
  for await (const part of stream.fullStream) {
    if (part.type === "text-delta") seen.text += part.text;
    if (part.type === "reasoning-delta") seen.thoughts += part.text;
    if (part.type === "error") errors.push(part.error);
    if (part.type === "finish") Object.assign(seen, { finish: part.finishReason, usage: part.totalUsage?.totalTokens });
    if (way === "cancel" && seen.text) return abort.abort();
  }
  if (errors.length > 0) throw errors[0];
}

async function langchain(model, seen) {
  const { ChatOpenAI } = await load("@langchain/openai");
  const chat = new ChatOpenAI({ configuration: { baseURL: base }, apiKey: KEY, model, streamUsage: true });
  if (way === "tools") {
    const bound = chat.bindTools([WEATHER]);
    const call = await bound.invoke(QUESTION);
    const answers = call.tool_calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "sunny" }));
    seen.text = (await bound.invoke([{ role: "user", content: QUESTION }, call, ...answers])).content;
    return;
  }
  const take = (message) => {
    seen.text += message.content;
    seen.thoughts += message.additional_kwargs.reasoning_content ?? "";
    seen.finish = message.response_metadata.finish_reason ?? seen.finish;
    seen.usage = message.usage_metadata?.total_tokens ?? seen.usage;
  };
  if (way === "whole") return take(await chat.invoke(QUESTION));
  const abort = new AbortController();
  for await (const chunk of await chat.stream(QUESTION, { signal: abort.signal })) {
    take(chunk);
    if (way === "cancel" && seen.text) return abort.abort();
  }
}

const ask = { "openai-node": openaiNode, vercel, "langchain-js": langchain }[client];
for (const model of models) {
  if (way === "fail") {
    process.stdout.write(`${model}\t${(await openaiNodeFails(...model.split(":"))).replaceAll(/\s+/g, " ")}\n`);
    continue;
  }
  const seen = { text: "", thoughts: "", finish: "", usage: "" };
  const told = () => `text '${seen.text}' thoughts '${seen.thoughts}' finish ${seen.finish} usage ${seen.usage}`;
  let said;
  try {
    await ask(model, seen);
    said = told();
  } catch (error) {
    const status = error?.status ?? error?.statusCode ?? "";
    const inner = error?.responseBody ?? error?.lastError?.responseBody ?? error?.data?.error?.message ?? "";
    const text = error instanceof Error ? error.message : JSON.stringify(error);
    said = `${told()} RAISES ${error?.constructor?.name}: ${text} ${status} ${inner}`;
  }
  process.stdout.write(`${model}\t${said.replaceAll(/\s+/g, " ")}\n`);
}

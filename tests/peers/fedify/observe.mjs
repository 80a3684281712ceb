// Records what passes over the wire and what Fedify made of it. Never changes Fedify's decision.

import { AsyncLocalStorage } from "node:async_hooks";
import { inspect } from "node:util";
import { configure } from "@logtape/logtape";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { isLoopback } from "./shims.mjs";

/** The exchange (one inbound request or one control call) that the running code belongs to. */
const exchanges = new AsyncLocalStorage();

/** Runs `work` as one exchange: its outbound attempts, Fedify's log and verdict collect in the returned object. */
export async function observed(work) {
  const exchange = { attempts: [], log: [], auth: null, activity: null, afterwards: [] };
  exchange.result = await exchanges.run(exchange, work);
  return exchange;
}

/** The current exchange. */
export function currentExchange() {
  return exchanges.getStore();
}

/** Which HTTP signature a request carries, in Fedify's names, or null. Says nothing about its validity. */
export function signatureForm(headers) {
  if (headers.has("signature-input")) return "rfc9421";
  return headers.has("signature") ? "draft-cavage-http-signatures-12" : null;
}

const systemFetch = globalThis.fetch;

/**
 * Fedify's way out. Refuses every host but loopback, so a test never reaches the network.
 * Fedify asks WebFinger about acct: over https only. No peer here has a certificate, so that one path goes over http.
 */
globalThis.fetch = async function fetch(input, init) {
  let request = new Request(input, init);
  const url = new URL(request.url);
  const form = signatureForm(request.headers);
  const attempt = { method: request.method, url: url.href, form, status: null, error: null };
  exchanges.getStore()?.attempts.push(attempt);
  if (!isLoopback(url.hostname)) {
    attempt.error = "refused: not a loopback host";
    throw new TypeError(`${url.hostname} is not a loopback host`);
  }
  if (url.protocol === "https:" && url.pathname === "/.well-known/webfinger") {
    url.protocol = "http:";
    request = new Request(url, request);
  }
  try {
    const response = await systemFetch(request);
    attempt.status = response.status;
    return response;
  } catch (error) {
    attempt.error = describe(error);
    throw error;
  }
};

/** One line about an error and its cause. */
export function describe(error) {
  const cause = error?.cause ? ` (${error.cause.code ?? error.cause.message})` : "";
  return `${error}${cause}`;
}

/** Fedify's verdict on an inbound activity, taken from the span it closes for every inbox request. */
const verdicts = {
  onStart() {},
  onEnd(span) {
    const event = span.events.find(({ name }) => name === "activitypub.activity.received");
    const exchange = exchanges.getStore();
    if (span.name !== "activitypub.inbox" || event === undefined || exchange === undefined) return;
    const { attributes } = event;
    exchange.auth = {
      http: attributes["http_signatures.verified"],
      ld: attributes["ld_signatures.verified"],
      keyId: attributes["http_signatures.key_id"] || null,
    };
  },
  async forceFlush() {},
  async shutdown() {},
};

export const tracerProvider = new BasicTracerProvider({ spanProcessors: [verdicts] });

/** Keeps Fedify's own reasons (why a signature failed, why a document did not parse) with the exchange. */
export async function captureLog() {
  await configure({
    contextLocalStorage: new AsyncLocalStorage(),
    sinks: { exchange: keepReason },
    loggers: [
      { category: ["fedify"], lowestLevel: "debug", sinks: ["exchange"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: [] },
    ],
  });
}

function keepReason({ category, level, message }) {
  const isReason = category[1] === "sig" || ["warning", "error", "fatal"].includes(level);
  if (!isReason) return;
  const text = message.map((part) => (typeof part === "string" ? part : inspect(part, { depth: 2 }))).join("");
  exchanges.getStore()?.log.push(text);
}

/** An append-only list that callers can wait on. */
export class Log {
  #entries = [];
  #waiters = new Set();

  /** Adds an entry, gives it its position as `seq` (from 1) and wakes whoever waits for its type. */
  push(entry) {
    this.#entries.push({ seq: this.#entries.length + 1, ...entry });
    for (const wake of [...this.#waiters]) wake();
  }

  all() {
    return this.#entries;
  }

  /** The first entry of `type` with `seq` beyond `after`, or null when `seconds` pass without one. */
  next(type, after, seconds) {
    const find = () => this.#entries.find((entry) => entry.type === type && entry.seq > after);
    return new Promise((resolve) => {
      const wake = () => {
        const entry = find();
        if (entry !== undefined) settle(entry);
      };
      const settle = (entry) => {
        clearTimeout(timer);
        this.#waiters.delete(wake);
        resolve(entry);
      };
      const timer = setTimeout(() => settle(null), seconds * 1000);
      this.#waiters.add(wake);
      wake();
    });
  }
}

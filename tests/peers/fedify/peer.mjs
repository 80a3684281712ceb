// An ActivityPub server built on Fedify, with a control interface for a test beside it.
//
//   node peer.mjs [--host fedify.localhost] [--port 0] [--first-knock rfc9421]
//
// Both servers listen on 127.0.0.1 only. When they do, one line of JSON on standard output says where:
// {"ready": true, "origin": ..., "actor": ..., "control": ...}. The process ends when its standard input closes.

import "./shims.mjs";
import { once } from "node:events";
import http from "node:http";
import { parseArgs } from "node:util";
import { verifyRequest } from "@fedify/fedify";
import { actions, lookup } from "./actions.mjs";
import { ALICE, buildFederation, newState } from "./federation.mjs";
import { captureLog, describe, Log, observed, signatureForm, tracerProvider } from "./observe.mjs";

const SPECS = ["rfc9421", "draft-cavage-http-signatures-12"];
const options = parseArgs({
  options: {
    host: { type: "string", default: "fedify.localhost" },
    port: { type: "string", default: "0" },
    "first-knock": { type: "string", default: SPECS[0] },
  },
}).values;

const state = await newState();
const received = new Log();
const requests = new Log();
let origin;
let federation;

function setFirstKnock(spec) {
  if (!SPECS.includes(spec)) throw new TypeError(`first knock is none of ${SPECS.join(", ")}`);
  federation = buildFederation({ origin, state, firstKnock: spec });
}

function context() {
  return federation.createContext(new URL(origin), undefined);
}

/** Turns Node's request into functions that make fresh Fetch API requests of it, and a record of it. */
async function read(incoming) {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const body = ["GET", "HEAD"].includes(incoming.method) ? undefined : Buffer.concat(chunks);
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i], incoming.rawHeaders[i + 1]);
  }
  return { headers, body, fresh: () => new Request(origin + incoming.url, { method: incoming.method, headers, body }) };
}

async function reply(outgoing, response) {
  const body = Buffer.from(await response.clone().arrayBuffer());
  outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), "Content-Length": body.length });
  outgoing.end(body);
  if (!outgoing.closed) await once(outgoing, "close");
}

/** The federated side: Fedify answers, the exchange is written down, the answer leaves, what was put off is done. */
async function serveFederation(incoming, outgoing) {
  const { headers, body, fresh } = await read(incoming);
  const exchange = await observed(() => federation.fetch(fresh(), { contextData: undefined }).catch(crash));
  const response = exchange.result;
  const entry = {
    method: incoming.method, path: incoming.url, form: signatureForm(headers), status: response.status,
    headers: Object.fromEntries(headers), log: exchange.log, callbacks: exchange.attempts,
    reason: response.ok ? null : await response.clone().text(),
    ...(incoming.method === "POST" ? await verdict(exchange, fresh, headers, body) : {}),
  };
  requests.push(entry);
  if (exchange.activity !== null) received.push({ ...entry, ...exchange.activity });
  await reply(outgoing, response);
  for (const task of exchange.afterwards) state.answers.push(await answer(task));
}

/** Where Fedify throws (a keyId that is no URL, say), its server adapters answer 500 too. */
function crash(error) {
  return new Response(describe(error), { status: 500 });
}

/** Runs what was put off until the request was answered; a refusal by the other server is a result here. */
async function answer(task) {
  const { attempts, result } = await observed(() => task().then(() => null, describe));
  return { error: result, attempts };
}

/** How an inbox request was authenticated. `verifiedBy` is Fedify's reason; `httpSignature` is asked for regardless. */
async function verdict(exchange, fresh, headers, body) {
  const { auth } = exchange;
  return {
    body: parsed(body),
    verifiedBy: auth === null ? null : auth.http ? "http" : auth.ld ? "ld" : "proof",
    keyId: auth?.keyId ?? null,
    httpSignature: await httpSignature(exchange, fresh, headers),
  };
}

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Fedify skips the HTTP signature when a proof already verified; a test may want its verdict all the same. */
async function httpSignature({ auth, result, log }, fresh, headers) {
  if (signatureForm(headers) === null) return "absent";
  if (auth?.http) return "valid";
  if (result.status === 401) return "invalid";
  const ctx = context();
  const check = await observed(() => verifyRequest(fresh(), {
    documentLoader: ctx.documentLoader, contextLoader: ctx.contextLoader, timeWindow: { hours: 1 }, tracerProvider,
  }).catch((error) => log.push(describe(error)) && null));
  log.push(...check.log);
  return check.result === null ? "invalid" : "valid";
}

/** The control side. Every answer is JSON; 502 means that the other server or Fedify refused. */
async function serveControl(incoming, outgoing) {
  const url = new URL(incoming.url, "http://control.localhost");
  const { body } = await read(incoming);
  const exchange = await observed(async () => {
    try {
      return [200, await control(incoming.method, url, body?.length ? JSON.parse(body) : {})];
    } catch (error) {
      return [error instanceof ControlError ? error.status : 502, { error: describe(error) }];
    }
  });
  const [status, answer] = exchange.result;
  const text = JSON.stringify({ ...answer, attempts: exchange.attempts, log: exchange.log });
  await reply(outgoing, new Response(text, { status, headers: { "Content-Type": "application/json" } }));
}

class ControlError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function control(method, { pathname, searchParams: query }, body) {
  const name = pathname.slice(1);
  if (method === "POST" && Object.hasOwn(actions, name)) return await act(actions[name], body);
  switch (`${method} ${pathname}`) {
    case "POST /first-knock":
      setFirstKnock(body.spec);
      return {};
    case "GET /received":
      return query.has("wait") ? await awaited(query) : { entries: received.all() };
    case "GET /requests":
      return { entries: requests.all() };
    case "GET /rejected":
      return { entries: requests.all().filter((entry) => entry.method === "POST" && entry.status >= 400) };
    case "GET /state":
      return summary();
    case "GET /fetch":
      return await (await context().getDocumentLoader({ identifier: ALICE }))(query.get("url"));
    case "GET /lookup":
      return { object: await found(query.get("handle")) };
    default:
      throw new ControlError(404, "no such control");
  }
}

async function act(action, body) {
  const ctx = context();
  const activity = await action(ctx, state, body);
  return { activity: await activity.toJsonLd(ctx), activityId: activity.id.href, objectId: activity.objectId.href };
}

async function awaited(query) {
  const [after, seconds] = [Number(query.get("after") ?? 0), Number(query.get("timeout") ?? 10)];
  const entry = await received.next(query.get("wait"), after, seconds);
  if (entry === null) throw new ControlError(408, `no ${query.get("wait")} arrived`);
  return { entry };
}

async function found(handle) {
  const ctx = context();
  const object = await lookup(ctx, handle);
  if (object === null) throw new Error("Fedify found nothing there");
  return await object.toJsonLd(ctx);
}

function summary() {
  return {
    followers: [...state.followers.keys()],
    following: Object.fromEntries([...state.following].map(([id, entry]) => [id, entry.state])),
    answers: state.answers,
  };
}

/** Starts a server on loopback; an error that escapes a handler answers 500 and is shown on standard error. */
async function listen(handler, port) {
  const server = http.createServer((incoming, outgoing) => {
    handler(incoming, outgoing).catch((error) => {
      console.error(error);
      if (!outgoing.headersSent) outgoing.writeHead(500);
      outgoing.end();
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
}

await captureLog();
origin = `http://${options.host}:${await listen(serveFederation, Number(options.port))}`;
setFirstKnock(options["first-knock"]);
const controlPort = await listen(serveControl, 0);
process.stdin.resume().on("end", () => process.exit(0));
console.log(JSON.stringify({
  ready: true, origin, actor: context().getActorUri(ALICE).href, control: `http://127.0.0.1:${controlPort}`,
}));

// Decides what this peer is: one Person, its keys and collections, and what it does on each activity it believes.

import {
  Accept, Activity, Announce, Create, createFederation, CryptographicKey, Endpoints, Follow, generateCryptoKeyPair,
  getTypeId, isActor, MemoryKvStore, Note, Person, PUBLIC_COLLECTION, Reject, Undo, Update,
} from "@fedify/fedify";
import { currentExchange, describe, tracerProvider } from "./observe.mjs";

export const ALICE = "alice";

/** What outlives a change of first knock: keys, collections and posts. */
export async function newState() {
  const rsa = await crypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    ["sign", "verify"],
  );
  return {
    keys: [rsa, await generateCryptoKeyPair("Ed25519")],
    followers: new Map(), // actor id -> { id, inboxId, endpoints }
    following: new Map(), // actor id -> { follow, target, state }
    posts: new Map(), // note id -> { note, recipients, isPublic }
    answers: [], // { error, attempts } of each automatic Accept
  };
}

/**
 * A Federation that tries `firstKnock` first ("rfc9421", "draft-cavage-http-signatures-12") and remembers nothing yet.
 * It has no queue: a send returns when every inbox has answered, and throws when one refused.
 */
export function buildFederation({ origin, state, firstKnock }) {
  const federation = createFederation({
    kv: new MemoryKvStore(), origin, allowPrivateAddress: true, firstKnock, tracerProvider,
  });
  federation
    .setActorDispatcher("/users/{identifier}", actor)
    .setKeyPairsDispatcher((_, identifier) => (identifier === ALICE ? state.keys : []));
  federation.setFollowersDispatcher("/users/{identifier}/followers", () => ({ items: [...state.followers.values()] }));
  federation.setFollowingDispatcher("/users/{identifier}/following", () => ({
    items: [...state.following.values()].map(({ target }) => target.id),
  }));
  federation.setOutboxDispatcher("/users/{identifier}/outbox", (ctx) => ({ items: publicCreates(ctx, state) }));
  federation
    .setObjectDispatcher(Note, "/users/{identifier}/notes/{id}", (ctx, values) =>
      state.posts.get(ctx.getObjectUri(Note, values).href)?.note ?? null)
    .authorize((ctx, values) => mayRead(ctx, state.posts.get(ctx.getObjectUri(Note, values).href), state));
  federation.setNodeInfoDispatcher("/nodeinfo/2.1", () => ({
    software: { name: "groundswell-fedify-peer", version: { major: 0, minor: 0, patch: 0 } },
    protocols: ["activitypub"],
    usage: { users: { total: 1 }, localPosts: state.posts.size, localComments: 0 },
  }));
  federation
    .setInboxListeners("/users/{identifier}/inbox", "/inbox")
    .withIdempotency("per-inbox")
    .setSharedKeyDispatcher(() => ({ identifier: ALICE }))
    .on(Activity, (ctx, activity) => receive(ctx, activity, state));
  return federation;
}

async function actor(ctx, identifier) {
  if (identifier !== ALICE) return null;
  const pairs = await ctx.getActorKeyPairs(identifier);
  return new Person({
    id: ctx.getActorUri(identifier),
    preferredUsername: identifier,
    name: "Alice",
    summary: "A peer of the test-suite",
    url: ctx.getActorUri(identifier),
    inbox: ctx.getInboxUri(identifier),
    outbox: ctx.getOutboxUri(identifier),
    followers: ctx.getFollowersUri(identifier),
    following: ctx.getFollowingUri(identifier),
    endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
    // Only the RSA key: a document whose publicKey is an array is a different test.
    publicKey: pairs.map(({ cryptographicKey }) => cryptographicKey).find(isRsa),
    assertionMethods: pairs.map(({ multikey }) => multikey),
  });
}

function isRsa(key) {
  return key instanceof CryptographicKey && key.publicKey.algorithm.name === "RSASSA-PKCS1-v1_5";
}

function publicCreates(ctx, state) {
  return [...state.posts.values()]
    .filter(({ isPublic }) => isPublic)
    .map(({ note }) => new Create({
      id: new URL("#create", note.id), actor: ctx.getActorUri(ALICE), object: note, to: PUBLIC_COLLECTION,
    }));
}

/** Public notes are for everyone; any other note is for whoever it was delivered to, proven by a signed GET. */
async function mayRead(ctx, post, state) {
  if (post === undefined || post.isPublic) return true;
  const reader = (await ctx.getSignedKeyOwner())?.id?.href;
  if (reader === undefined) return false;
  return state.followers.has(reader) || post.recipients.some(({ id }) => id?.href === reader);
}

/** Runs for every activity Fedify verified: notes it for the log, then acts as a small server would. */
async function receive(ctx, activity, state) {
  const exchange = currentExchange();
  exchange.activity = {
    type: getTypeId(activity).href.split("#").at(-1),
    id: activity.id?.href ?? null,
    actor: activity.actorId?.href ?? null,
    resolved: await resolve(ctx, activity),
  };
  if (activity instanceof Follow) await welcome(ctx, activity, state, exchange);
  else if (activity instanceof Undo) await undo(ctx, activity, state);
  else if (activity instanceof Accept) settle(activity, state, "accepted");
  else if (activity instanceof Reject) settle(activity, state, "rejected");
}

/** What Fedify got when it looked at the object of a Create, Update or Announce, dereferenced if need be. */
async function resolve(ctx, activity) {
  if (![Create, Update, Announce].some((type) => activity instanceof type)) return null;
  try {
    const object = await activity.getObject(ctx);
    return object === null ? null : { type: object.constructor.name, id: object.id?.href ?? null };
  } catch (error) {
    return { error: describe(error) };
  }
}

/** Accepts a follower. The Accept leaves after the Follow was answered, as it does from a server with a queue. */
async function welcome(ctx, follow, state, exchange) {
  if (follow.objectId?.href !== ctx.getActorUri(ALICE).href) return;
  const follower = await follow.getActor(ctx);
  if (!isActor(follower)) throw new TypeError("the follower is no actor");
  state.followers.set(follower.id.href, { id: follower.id, inboxId: follower.inboxId, endpoints: follower.endpoints });
  const accept = new Accept({
    id: newActivityId(ctx, "accepts"), actor: ctx.getActorUri(ALICE), to: follower.id, object: follow,
  });
  exchange.afterwards.push(() => ctx.sendActivity({ identifier: ALICE }, follower, accept));
}

async function undo(ctx, activity, state) {
  const object = await activity.getObject(ctx);
  const isOwn = object?.actorId?.href === activity.actorId.href;
  if (object instanceof Follow && isOwn) state.followers.delete(activity.actorId.href);
}

/** Matches an answer to our Follow by the Follow's id alone, and only from the one we asked. */
function settle(answer, state, outcome) {
  const entry = state.following.get(answer.actorId?.href);
  if (entry !== undefined && entry.follow.id.href === answer.objectId?.href) entry.state = outcome;
}

/** A fresh activity id under the actor's. */
export function newActivityId(ctx, kind) {
  return new URL(`#${kind}/${crypto.randomUUID()}`, ctx.getActorUri(ALICE));
}

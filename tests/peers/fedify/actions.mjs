// What alice does when a test asks. Each action returns the activity it sent; it throws when one inbox refused it.

import {
  Activity, Announce, Create, Delete, Follow, isActor, LanguageString, Like, Mention, Note, PUBLIC_COLLECTION,
  Tombstone, Undo, Update,
} from "@fedify/fedify";
import { Temporal } from "@js-temporal/polyfill";
import { ALICE, newActivityId } from "./federation.mjs";

/** By the names of the control interface. The last parameter is the body of the control request. */
export const actions = { follow, unfollow, like, announce, post, reply, edit, delete: remove };

async function follow(ctx, state, { actor }) {
  const target = await lookupActor(ctx, actor);
  const activity = new Follow({
    id: newActivityId(ctx, "follows"), actor: ctx.getActorUri(ALICE), object: target.id, to: target.id,
  });
  state.following.set(target.id.href, { follow: activity, target, state: "asked" });
  return await send(ctx, [target], activity);
}

async function unfollow(ctx, state, { actor }) {
  const target = await lookupActor(ctx, actor);
  const entry = state.following.get(target.id.href);
  if (entry === undefined) throw new Error("alice does not follow this actor");
  state.following.delete(target.id.href);
  return await send(ctx, [target], new Undo({
    id: newActivityId(ctx, "undos"), actor: ctx.getActorUri(ALICE), object: entry.follow, to: target.id,
  }));
}

async function like(ctx, _, { object }) {
  const { id, author } = await lookupPost(ctx, object);
  return await send(ctx, [author], new Like({
    id: newActivityId(ctx, "likes"), actor: ctx.getActorUri(ALICE), object: id, to: author.id,
  }));
}

async function announce(ctx, state, { object }) {
  const { id, author } = await lookupPost(ctx, object);
  return await send(ctx, [author, ...state.followers.values()], new Announce({
    id: newActivityId(ctx, "announces"), actor: ctx.getActorUri(ALICE), object: id, published: now(),
    to: PUBLIC_COLLECTION, ccs: [ctx.getFollowersUri(ALICE), author.id],
  }));
}

async function post(ctx, state, { content, audience = "public", mention = [] }) {
  const mentioned = await Promise.all(mention.map((who) => lookupActor(ctx, who)));
  return await publish(ctx, state, { content, audience, mentioned });
}

async function reply(ctx, state, { object, content, audience = "public", mention = [] }) {
  const { id, author } = await lookupPost(ctx, object);
  const others = await Promise.all(mention.map((who) => lookupActor(ctx, who)));
  return await publish(ctx, state, { content, audience, mentioned: [author, ...others], replyTarget: id });
}

async function publish(ctx, state, { content, audience, mentioned, replyTarget = null }) {
  const id = ctx.getObjectUri(Note, { identifier: ALICE, id: crypto.randomUUID() });
  const addresses = addressing(ctx, audience, mentioned);
  const note = new Note({
    id, attribution: ctx.getActorUri(ALICE), published: now(), url: id, replyTarget, ...addresses,
    contents: [content, new LanguageString(content, "en")],
    tags: mentioned.map((who) => new Mention({ href: who.id, name: `@${who.preferredUsername}@${who.id.host}` })),
  });
  const reachesFollowers = audience === "public" || audience === "followers";
  const recipients = [...mentioned, ...(reachesFollowers ? state.followers.values() : [])];
  state.posts.set(id.href, { note, addresses, recipients, isPublic: audience === "public" });
  return await send(ctx, recipients, new Create({
    id: newActivityId(ctx, "creates"), actor: ctx.getActorUri(ALICE), object: note, published: now(), ...addresses,
  }));
}

/** `audience` is "public", "followers" (alice's), "direct" (those mentioned), or a list of URIs to put in `to`. */
function addressing(ctx, audience, mentioned) {
  const followers = ctx.getFollowersUri(ALICE);
  const people = mentioned.map(({ id }) => id);
  if (audience === "public") return { tos: [PUBLIC_COLLECTION], ccs: [followers, ...people] };
  if (audience === "followers") return { tos: [followers], ccs: people };
  if (audience === "direct") return { tos: people };
  if (Array.isArray(audience)) return { tos: audience.map((uri) => new URL(uri)), ccs: people };
  throw new TypeError("audience is none of public, followers, direct and a list");
}

async function edit(ctx, state, { object, content }) {
  const entry = ownPost(state, object);
  entry.note = entry.note.clone({ contents: [content, new LanguageString(content, "en")], updated: now() });
  return await send(ctx, entry.recipients, new Update({
    id: newActivityId(ctx, "updates"), actor: ctx.getActorUri(ALICE), object: entry.note, updated: now(),
    ...entry.addresses,
  }));
}

async function remove(ctx, state, { object }) {
  const { note, addresses, recipients } = ownPost(state, object);
  state.posts.delete(object);
  return await send(ctx, recipients, new Delete({
    id: newActivityId(ctx, "deletes"), actor: ctx.getActorUri(ALICE), object: new Tombstone({ id: note.id }),
    ...addresses,
  }));
}

function ownPost(state, id) {
  const entry = state.posts.get(id);
  if (entry === undefined) throw new Error("alice has no such post");
  return entry;
}

/** Sends to every recipient's shared inbox where it has one, as Fedify advises for posts. */
async function send(ctx, recipients, activity) {
  const preferSharedInbox = activity instanceof Create || activity instanceof Update || activity instanceof Delete;
  await ctx.sendActivity({ identifier: ALICE }, recipients, activity, { preferSharedInbox });
  return activity;
}

/** The object behind a handle or a URI, fetched with alice's signature; null when Fedify refuses it. */
export async function lookup(ctx, handleOrUri) {
  return await ctx.lookupObject(handleOrUri, { documentLoader: await ctx.getDocumentLoader({ identifier: ALICE }) });
}

async function lookupActor(ctx, handleOrUri) {
  const found = await lookup(ctx, handleOrUri);
  if (!isActor(found)) throw new Error("Fedify found no actor there");
  if (found.inboxId === null) throw new Error("the actor has no inbox");
  return found;
}

async function lookupPost(ctx, uri) {
  const found = await lookup(ctx, uri);
  if (found === null || found instanceof Activity) throw new Error("Fedify found no post there");
  const documentLoader = await ctx.getDocumentLoader({ identifier: ALICE });
  const author = await found.getAttribution({ ...ctx, documentLoader, contextLoader: ctx.contextLoader });
  if (!isActor(author)) throw new Error("Fedify found no author of the post");
  return { id: found.id, author };
}

function now() {
  return Temporal.Now.instant();
}

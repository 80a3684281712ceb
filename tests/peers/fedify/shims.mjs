// Gives Node 20 the three things Fedify expects of a newer runtime or of the machine.
// Import it before anything else: modules below read these globals while they load.

import dns from "node:dns";

// Node 21 and later have it. Fedify asks only for userAgent.
globalThis.navigator ??= { userAgent: `Node.js/${process.versions.node}` };

// Node 22 and later have it. The source buffer must end up detached, as ECMAScript says.
ArrayBuffer.prototype.transfer ??= function transfer(newLength = this.byteLength) {
  const moved = new ArrayBuffer(newLength);
  new Uint8Array(moved).set(new Uint8Array(this, 0, Math.min(newLength, this.byteLength)));
  structuredClone(this, { transfer: [this] });
  return moved;
};

// RFC 6761 section 6.3: names under localhost are loopback. A plain Debian resolves only the bare name.
const systemLookup = dns.lookup;
dns.lookup = function lookup(hostname, options, callback) {
  if (!isLoopback(hostname)) return systemLookup(hostname, options, callback);
  const done = typeof options === "function" ? options : callback;
  if (options?.all) return process.nextTick(done, null, [{ address: "127.0.0.1", family: 4 }]);
  return process.nextTick(done, null, "127.0.0.1", 4);
};

/** Whether a host name is loopback by its form alone, without asking a resolver. */
export function isLoopback(hostname) {
  return hostname === "127.0.0.1" || hostname === "localhost" || hostname.endsWith(".localhost");
}

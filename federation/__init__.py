"""ActivityPub between servers, as a library: it knows actors, activities and deliveries, and no application.

The map: `routes` and `inbox` take in, `outbox` and `delivery` send out, `client` and `fetch` are the only way to
other servers, `signatures` binds keys to requests, `authority` decides who may say what about which id,
`addressing` turns an audience into inboxes, `vocabulary` holds the wire types. The program built on it implements
`application.Application` and registers its meanings in a `table.Table`.
"""

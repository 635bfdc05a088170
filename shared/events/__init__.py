"""How an event travels: outbox, relay, broker, feed, consumer, parking."""

"""A WooCommerce shop on loopback, as its REST API and its webhooks show it, able to fail on command."""

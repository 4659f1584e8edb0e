"""How a shop's things look in JSON: fields, their order and their types, as WooCommerce writes them."""

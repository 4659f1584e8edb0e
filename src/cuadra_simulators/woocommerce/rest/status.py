"""`/system_status`: what runs the shop. The sizes of database tables are left out but for some."""

from __future__ import annotations

from cuadra_simulators.woocommerce.rest.context import Call
from cuadra_simulators.woocommerce.rest.paging import fields_of, pick_fields
from cuadra_simulators.woocommerce.rest.wire import Answer
from cuadra_simulators.woocommerce.settings import WC_VERSION, WP_VERSION, ShopSettings
from cuadra_simulators.woocommerce.shapes.common import Json

_STORE = "Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore"
_TABLES = ("wp_wc_orders", "wp_wc_orders_meta", "wp_wc_webhooks", "wp_actionscheduler_actions")
_PAGES = ("Shop base", "Cart", "Checkout", "My account")


def system_status(call: Call) -> Answer:
    """`environment.wp_cron` and `settings.number_of_decimals` are what programs ask for."""
    status = {
        "environment": _environment(call), "database": _database(), "active_plugins": [_plugin()],
        "inactive_plugins": [], "dropins_mu_plugins": {"dropins": [], "mu_plugins": []}, "theme": _theme(),
        "settings": _settings(call.world.settings),
        "security": {"secure_connection": call.request.secure, "hide_errors": True},
        "pages": [_page(at, name) for at, name in enumerate(_PAGES, 5)],
        "post_type_counts": [{"type": "product", "count": str(len(call.world.products))}], "logging": _logging(),
    }  # fmt: skip
    return Answer(pick_fields(status, fields_of(call)))


def _environment(call: Call) -> Json:
    site = call.view().site
    return {
        "home_url": site, "site_url": site, "store_id": call.world.settings.name, "version": WC_VERSION,
        "log_directory": "/srv/shop/www/wp-content/uploads/wc-logs/", "log_directory_writable": True,
        "wp_version": WP_VERSION, "wp_multisite": False, "wp_memory_limit": 536_870_912, "wp_debug_mode": False,
        "wp_cron": call.world.settings.wp_cron, "language": "en_US", "external_object_cache": None, "server_info": "nginx/1.22.1",
        "php_version": "8.2.36", "php_post_max_size": 8_388_608, "php_max_execution_time": 120,
        "php_max_input_vars": 1000, "curl_version": "7.88.1, OpenSSL/3.0.22", "suhosin_installed": False,
        "max_upload_size": 8_388_608, "mysql_version": "10.11.19", "mysql_version_string": "10.11.19-MariaDB",
        "default_timezone": "UTC", "fsockopen_or_curl_enabled": True, "soapclient_enabled": False,
        "domdocument_enabled": True, "gzip_enabled": True, "mbstring_enabled": True, "remote_post_successful": False,
        "remote_post_response": False, "remote_get_successful": False, "remote_get_response": False,
    }  # fmt: skip


def _database() -> Json:
    size = {"data": "0.02", "index": "0.02", "engine": "InnoDB"}
    return {
        "wc_database_version": WC_VERSION, "database_prefix": "wp_", "maxmind_geoip_database": "",
        "database_tables": {"woocommerce": {"wp_woocommerce_api_keys": size}, "other": dict.fromkeys(_TABLES, size)},
        "database_size": {"data": 2.2, "index": 2.4},
    }  # fmt: skip


def _plugin() -> Json:
    return {
        "plugin": "woocommerce/woocommerce.php", "name": "WooCommerce", "version": WC_VERSION,
        "version_latest": WC_VERSION, "url": "https://woocommerce.com/", "author_name": "Automattic",
        "author_url": "https://woocommerce.com", "network_activated": False,
    }  # fmt: skip


def _theme() -> Json:
    return {
        "name": "Twenty Twenty-One", "version": "1.0", "version_latest": 0, "author_url": "https://wordpress.org/",
        "is_child_theme": False, "has_woocommerce_support": True, "has_woocommerce_file": False,
        "has_outdated_templates": False, "overrides": [], "parent_name": "", "parent_version": "",
        "parent_version_latest": "", "parent_author_url": "",
    }  # fmt: skip


def _settings(it: ShopSettings) -> Json:
    kinds = ("external", "grouped", "simple", "variable")
    return {
        "api_enabled": False, "force_ssl": False, "currency": it.currency, "currency_symbol": it.symbol_entity,
        "currency_position": "left_space", "thousand_separator": it.thousand_separator,
        "decimal_separator": it.decimal_separator, "number_of_decimals": it.decimals, "geolocation_enabled": False,
        "taxonomies": {kind: kind for kind in kinds}, "product_visibility_terms": {"featured": "featured"},
        "woocommerce_com_connected": "no", "enforce_approved_download_dirs": True,
        "order_datastore": _STORE if it.hpos else "WC_Order_Data_Store_CPT", "HPOS_enabled": it.hpos,
        "HPOS_sync_enabled": False,
    }  # fmt: skip


def _page(at: int, name: str) -> Json:
    return {
        "page_name": name, "page_id": str(at), "page_set": True, "page_exists": True, "page_visible": True,
        "shortcode": "", "block": "", "shortcode_required": False, "shortcode_present": False,
        "block_present": False, "block_required": False,
    }  # fmt: skip


def _logging() -> Json:
    return {
        "logging_enabled": True, "default_handler": "LogHandlerFileV2", "retention_period_days": 30,
        "level_threshold": "0", "log_directory_size": "0 B",
    }  # fmt: skip

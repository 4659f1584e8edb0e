"""What is asked of a shop, as GraphQL. Every document is validated against the published schema by a test.

A list inside a thing is cut off at its `first` without a word: each is asked for with its `pageInfo`, and followed. What an
order has few of (payments, refunds, parcels) is a plain list there, and comes whole.
"""

from __future__ import annotations

LINES, FEW = 50, 10
"""Items of an inner list that come with the thing itself; of an order's lines fewer, where a shop counts them dear."""

_MONEY = "{ shopMoney { amount currencyCode } }"
_LEAF = """
  id legacyResourceId name confirmationNumber createdAt processedAt updatedAt cancelledAt cancelReason closedAt test
  sourceName currencyCode presentmentCurrencyCode displayFinancialStatus displayFulfillmentStatus email phone note tags
  paymentGatewayNames taxesIncluded discountCodes customAttributes { key value }
  customer {
    id legacyResourceId firstName lastName defaultEmailAddress { emailAddress } defaultPhoneNumber { phoneNumber }
  }
  billingAddress { ...Place } shippingAddress { ...Place }
""" + "".join(
    f"  {name} {_MONEY}\n"
    for name in ("totalPriceSet", "totalTaxSet",
                 "totalDiscountsSet", "totalTipReceivedSet")
)  # fmt: skip
_LINE = f"""id title variantTitle sku quantity currentQuantity product {{ legacyResourceId }} variant {{ legacyResourceId }}
    originalUnitPriceSet {_MONEY} discountAllocations {{ allocatedAmountSet {_MONEY} }} taxLines {{ priceSet {_MONEY} }}"""
_SHIPPING = f"id title code isRemoved discountedPriceSet {_MONEY}"
_REFUND_LINE = "quantity lineItem { id }"
_SENT_LINE = "quantity lineItem { id }"
_LISTS = f"""
  transactions {{ id kind status test gateway formattedGateway amountSet {_MONEY} createdAt processedAt paymentId }}
  refunds {{ id legacyResourceId createdAt note totalRefundedSet {_MONEY} %(refund_lines)s }}
  fulfillments {{ id legacyResourceId name status displayStatus createdAt trackingInfo {{ company number url }} }}
"""
PLACE = """
fragment Place on MailingAddress { firstName lastName company address1 address2 city province zip countryCodeV2 phone }
"""


def _list(name: str, items: str, first: int | str | None) -> str:
    """An inner list, with where it goes on; `first` None: as a bulk operation wants it."""
    if first is None:
        return f"{name} {{ edges {{ node {{ {items} }} }} }}"
    return f"{name}(first: {first}) {{ nodes {{ {items} }} pageInfo {{ hasNextPage endCursor }} }}"


def order(first: str | None = "$lines") -> str:
    """The fields of an order; `first` None: as a bulk operation wants them."""
    if first is None:
        # a bulk operation takes lists only of things that have global ids, and none inside a plain list: of an order of
        # which this does not tell enough, the shop is asked again
        shipping = f"shippingLine {{ {_SHIPPING} }} totalShippingPriceSet {_MONEY}"
        return _LEAF + _list("lineItems", _LINE, None) + "\n" + shipping + _LISTS % {"refund_lines": ""}
    refund_lines = _list("refundLineItems", _REFUND_LINE, FEW)
    return (_LEAF + _list("lineItems", _LINE, first) + "\n" + _list("shippingLines", _SHIPPING, FEW)
            + _LISTS % {"refund_lines": refund_lines})  # fmt: skip


PAGE_INFO = "pageInfo { hasNextPage endCursor }"
ORDERS = f"""
query Orders($first: Int!, $after: String, $query: String, $by: OrderSortKeys!, $lines: Int!) {{
  orders(first: $first, after: $after, query: $query, sortKey: $by) {{ nodes {{ {order()} }} {PAGE_INFO} }}
}}
{PLACE}"""
ORDERS_BY_ID = f"""
query OrdersById($ids: [ID!]!, $lines: Int!) {{ nodes(ids: $ids) {{ ... on Order {{ {order()} }} }} }}
{PLACE}"""
MORE_LINES = f"""
query MoreLines($id: ID!, $first: Int!, $after: String) {{
  order(id: $id) {{ lineItems(first: $first, after: $after) {{ nodes {{ {_LINE} }} {PAGE_INFO} }} }}
}}"""
MORE_SHIPPING = f"""
query MoreShipping($id: ID!, $first: Int!, $after: String) {{
  order(id: $id) {{ shippingLines(first: $first, after: $after) {{ nodes {{ {_SHIPPING} }} {PAGE_INFO} }} }}
}}"""
MORE_REFUND_LINES = f"""
query MoreRefundLines($id: ID!, $first: Int!, $after: String) {{
  refund(id: $id) {{ refundLineItems(first: $first, after: $after) {{ nodes {{ {_REFUND_LINE} }} {PAGE_INFO} }} }}
}}"""
CENSUS = f"""
query Census($first: Int!, $after: String, $query: String) {{
  orders(first: $first, after: $after, query: $query, sortKey: CREATED_AT) {{
    nodes {{
      id legacyResourceId createdAt updatedAt cancelledAt test edited displayFinancialStatus displayFulfillmentStatus
      totalPriceSet {_MONEY}
      refunds {{ legacyResourceId totalRefundedSet {_MONEY} }}
    }}
    {PAGE_INFO}
  }}
}}"""
COUNT = "query Count($query: String) { ordersCount(query: $query, limit: null) { count precision } }"
NUMBERED = f"""
query Numbered($query: String, $first: Int!, $lines: Int!) {{ orders(first: $first, query: $query, sortKey: CREATED_AT, reverse: true) {{ nodes {{ {order()} }} }} }}
{PLACE}"""
BULK = f"{{ orders(query: %s) {{ edges {{ node {{ {order(None)} }} }} }} }}\n{PLACE}"

# ---------------------------------------------------------------- catalogue and customers

_VARIANT = "id legacyResourceId title sku barcode"
_PRODUCT = """id legacyResourceId title status vendor productType updatedAt descriptionHtml hasOnlyDefaultVariant
    category { id fullName }"""
_COLLECTIONS = _list("collections", "legacyResourceId title", FEW)
PRODUCTS = f"""
query Products($first: Int!, $after: String, $query: String) {{
  products(first: $first, after: $after, query: $query, sortKey: ID) {{
    nodes {{ {_PRODUCT} {_COLLECTIONS} {_list("variants", _VARIANT, LINES)} }} {PAGE_INFO}
  }}
}}"""
PRODUCTS_BY_ID = f"""
query ProductsById($ids: [ID!]!) {{
  nodes(ids: $ids) {{
    ... on Product {{ {_PRODUCT} {_COLLECTIONS} }}
    ... on ProductVariant {{ {_VARIANT} product {{ {_PRODUCT} {_COLLECTIONS} }} }}
  }}
}}"""
MORE_VARIANTS = f"""
query MoreVariants($id: ID!, $first: Int!, $after: String) {{
  product(id: $id) {{ variants(first: $first, after: $after) {{ nodes {{ {_VARIANT} }} {PAGE_INFO} }} }}
}}"""
MORE_COLLECTIONS = f"""
query MoreCollections($id: ID!, $first: Int!, $after: String) {{
  product(id: $id) {{ collections(first: $first, after: $after) {{ nodes {{ legacyResourceId title }} {PAGE_INFO} }} }}
}}"""
COLLECTIONS = f"""
query Collections($first: Int!, $after: String, $query: String) {{
  collections(first: $first, after: $after, query: $query, sortKey: ID) {{ nodes {{ id legacyResourceId title }} {PAGE_INFO} }}
}}"""
_CUSTOMER = """id legacyResourceId firstName lastName updatedAt
    defaultEmailAddress { emailAddress marketingState marketingUpdatedAt }
    defaultPhoneNumber { phoneNumber marketingState marketingUpdatedAt }
    defaultAddress { ...Place }"""
CUSTOMERS = f"""
query Customers($first: Int!, $after: String, $query: String) {{
  customers(first: $first, after: $after, query: $query, sortKey: ID) {{ nodes {{ {_CUSTOMER} }} {PAGE_INFO} }}
}}
{PLACE}"""
CUSTOMERS_BY_ID = f"""
query CustomersById($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Customer {{ {_CUSTOMER} }} }} }}
{PLACE}"""

# ---------------------------------------------------------------- the shop, bulk operations, notices

SHOP = """
query Shop {
  shop { id name myshopifyDomain currencyCode ianaTimezone orderNumberFormatPrefix
    orderNumberFormatSuffix plan { publicDisplayName } }
  currentAppInstallation { accessScopes { handle } }
}"""
RUN_BULK = """
mutation RunBulk($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: false) { bulkOperation { id status } userErrors { field message code } }
}"""
BULK_STATE = """
query BulkState($id: ID!) {
  bulkOperation(id: $id) { id status errorCode completedAt objectCount rootObjectCount fileSize url partialDataUrl }
}"""
CANCEL_BULK = """
mutation CancelBulk($id: ID!) { bulkOperationCancel(id: $id) { bulkOperation { id status } userErrors { field message } } }"""
HOOKS = f"""
query Hooks($first: Int!, $after: String) {{
  webhookSubscriptions(first: $first, after: $after) {{ nodes {{ id topic uri }} {PAGE_INFO} }}
}}"""
HOOK = """
mutation Hook($topic: WebhookSubscriptionTopic!, $uri: String!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: { uri: $uri, format: JSON }) {
    webhookSubscription { id topic uri } userErrors { field message }
  }
}"""
UNHOOK = """
mutation Unhook($id: ID!) {
  webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { field message } }
}"""

READING = {
    name: text for name, text in dict(globals()).items()
    if name.isupper() and isinstance(text, str) and text.lstrip().startswith(("query", "mutation"))
}  # fmt: skip
"""All documents but the inner one of a bulk operation, by name."""

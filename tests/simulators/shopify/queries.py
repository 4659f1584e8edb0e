"""The queries that integrations send, as the tests send them."""

MONEY = "{ shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }"
HEAD = """id legacyResourceId name confirmationNumber createdAt processedAt updatedAt cancelledAt cancelReason closedAt test
confirmed sourceName sourceIdentifier currencyCode presentmentCurrencyCode displayFinancialStatus
displayFulfillmentStatus returnStatus email phone tags paymentGatewayNames taxesIncluded app { id name }"""
CUSTOMER_HEAD = """customer { id legacyResourceId displayName firstName lastName defaultEmailAddress { emailAddress }
defaultPhoneNumber { phoneNumber } }"""
PLACE = """{ name firstName lastName company address1 address2 city province provinceCode zip country countryCodeV2
phone }"""

ORDERS_PAGE = f"""query OrdersPage($first: Int!, $after: String, $query: String) {{
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {{
    nodes {{
      {HEAD} {CUSTOMER_HEAD}
      totalPriceSet {MONEY} currentTotalPriceSet {MONEY} totalRefundedSet {MONEY}
      lineItems(first: 20) {{
        nodes {{ id title sku quantity currentQuantity variant {{ id }} product {{ id }} originalUnitPriceSet {MONEY} }}
        pageInfo {{ hasNextPage endCursor }}
      }}
    }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
  }}
}}"""
LINES = f"""nodes {{
  id title name variantTitle sku vendor quantity currentQuantity refundableQuantity unfulfilledQuantity requiresShipping
  isGiftCard taxable product {{ id legacyResourceId productType }} variant {{ id legacyResourceId barcode }}
  originalUnitPriceSet {MONEY} originalTotalSet {MONEY} discountedTotalSet {MONEY} totalDiscountSet {MONEY}
  taxLines {{ title rate priceSet {MONEY} }} customAttributes {{ key value }}
}} pageInfo {{ hasNextPage endCursor }}"""
ORDER = f"""query OrderById($id: ID!) {{
  order(id: $id) {{
    {HEAD} note statusPageUrl customAttributes {{ key value }}
    channelInformation {{ channelId channelDefinition {{ handle channelName subChannelName }} }}
    {CUSTOMER_HEAD} billingAddress {PLACE} shippingAddress {PLACE}
    subtotalPriceSet {MONEY} totalDiscountsSet {MONEY} totalShippingPriceSet {MONEY} totalTaxSet {MONEY}
    totalPriceSet {MONEY} currentTotalPriceSet {MONEY} totalRefundedSet {MONEY} totalOutstandingSet {MONEY}
    taxLines {{ title rate priceSet {MONEY} }} discountCodes
    lineItems(first: 25) {{ {LINES} }}
    shippingLines(first: 5) {{
      nodes {{ id title code source carrierIdentifier originalPriceSet {MONEY} discountedPriceSet {MONEY} isRemoved }}
      pageInfo {{ hasNextPage endCursor }}
    }}
    transactions(first: 10) {{
      id kind status test gateway formattedGateway amountSet {MONEY} createdAt processedAt errorCode paymentId
      parentTransaction {{ id }}
    }}
    refunds(first: 5) {{
      id legacyResourceId createdAt updatedAt note totalRefundedSet {MONEY}
      refundLineItems(first: 5) {{
        nodes {{ id quantity restockType restocked subtotalSet {MONEY} lineItem {{ id sku }} }}
        pageInfo {{ hasNextPage endCursor }}
      }}
    }}
    fulfillments(first: 5) {{
      id legacyResourceId name status displayStatus createdAt updatedAt deliveredAt totalQuantity
      trackingInfo(first: 2) {{ company number url }}
      fulfillmentLineItems(first: 10) {{
        nodes {{ id quantity lineItem {{ id sku }} }} pageInfo {{ hasNextPage endCursor }}
      }}
    }}
  }}
}}"""
PRODUCT = """query ProductById($id: ID!) {
  product(id: $id) {
    id legacyResourceId title handle status vendor productType tags descriptionHtml createdAt updatedAt publishedAt
    isGiftCard hasOnlyDefaultVariant tracksInventory totalInventory
    category { id name fullName level isLeaf parentId ancestorIds }
    collections(first: 10) {
      nodes {
        id legacyResourceId title handle
        ruleSet { appliedDisjunctively rules { column relation condition } }
      }
      pageInfo { hasNextPage endCursor }
    }
    options { id name position values }
    variantsCount { count precision }
    variants(first: 50) {
      nodes {
        id legacyResourceId title displayName sku barcode position price compareAtPrice taxable inventoryPolicy
        inventoryQuantity availableForSale createdAt updatedAt selectedOptions { name value }
        inventoryItem {
          id legacyResourceId sku tracked requiresShipping unitCost { amount currencyCode }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""
CUSTOMER = """query CustomerById($id: ID!) {
  customer(id: $id) {
    id legacyResourceId displayName firstName lastName state verifiedEmail locale note tags taxExempt createdAt updatedAt
    numberOfOrders amountSpent { amount currencyCode }
    defaultEmailAddress { emailAddress marketingState marketingOptInLevel marketingUpdatedAt validFormat }
    defaultPhoneNumber { phoneNumber marketingState }
    defaultAddress { id name firstName lastName company address1 address2 city province provinceCode zip country
                     countryCodeV2 phone }
    addressesV2(first: 10) {
      nodes { id address1 city provinceCode zip countryCodeV2 } pageInfo { hasNextPage endCursor }
    }
    lastOrder { id name }
  }
}"""
PING = """query Ping {
  shop {
    id name myshopifyDomain currencyCode ianaTimezone plan { publicDisplayName partnerDevelopment shopifyPlus }
    orderNumberFormatPrefix orderNumberFormatSuffix
  }
  currentAppInstallation { id accessScopes { handle } }
}"""
COUNT = "query Count($q: String) { ordersCount(query: $q, limit: null) { count precision } }"
REFETCH = "query Refetch($ids: [ID!]!) { nodes(ids: $ids) { ... on Order { id name updatedAt } } }"
BULK = """{
  orders(query: "updated_at:>='2026-01-01T00:00:00Z'") {
    edges { node {
      id name createdAt updatedAt cancelledAt test displayFinancialStatus displayFulfillmentStatus currencyCode
      currentTotalPriceSet { shopMoney { amount currencyCode } }
      customer { id }
      lineItems { edges { node { id sku quantity currentQuantity variant { id } } } }
    } }
  }
}"""
RUN_BULK = """mutation RunBulk($q: String!, $grouped: Boolean = false) {
  bulkOperationRunQuery(query: $q, groupObjects: $grouped) {
    bulkOperation { id status } userErrors { field message code }
  }
}"""
BULK_STATUS = """query BulkOp($id: ID!) {
  bulkOperation(id: $id) {
    id status errorCode type createdAt completedAt objectCount rootObjectCount fileSize url partialDataUrl
  }
}"""
HOOK = """mutation Hook($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) {
    webhookSubscription { id topic uri format apiVersion { handle } includeFields filter }
    userErrors { field message }
  }
}"""
HOOKS = """query Hooks($first: Int!) {
  webhookSubscriptions(first: $first) {
    nodes { id topic uri format filter includeFields apiVersion { handle } createdAt updatedAt }
    pageInfo { hasNextPage endCursor }
  }
}"""
TAG = """mutation Tag($id: ID!, $tags: [String!]!) {
  tagsAdd(id: $id, tags: $tags) { node { id } userErrors { field message } }
}"""
MARK = """mutation Mark($m: [MetafieldsSetInput!]!) {
  metafieldsSet(metafields: $m) { metafields { id namespace key value } userErrors { field message code } }
}"""
VARIANTS = """query Variants($first: Int!, $after: String, $query: String) {
  productVariants(first: $first, after: $after, query: $query, sortKey: ID) {
    nodes { id sku barcode product { id } inventoryItem { id unitCost { amount currencyCode } } }
    pageInfo { hasNextPage endCursor }
  }
}"""
ALL = (ORDERS_PAGE, ORDER, PRODUCT, CUSTOMER, PING, COUNT, REFETCH, BULK, RUN_BULK, BULK_STATUS, HOOK, HOOKS, TAG, MARK,
       VARIANTS)  # fmt: skip
